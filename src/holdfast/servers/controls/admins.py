"""Who may administer a host: an own account per person, and nobody else.

Source: guide G3.6. Corrected: the guide's cookbook deletes every unlisted home; here an account
that is not of the site is a manual gap, and nothing of it is touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from holdfast.servers.access import ADMINS
from holdfast.servers.attack import (
    Attack,
    Attacker,
    Kind,
    Login,
    Verdict,
    inconclusive,
    repelled,
    succeeded,
)
from holdfast.servers.control import Control, Gap, Phase, Principle, Severity, Want
from holdfast.servers.snapshot import STRANGER, Account, CannotJudge, Snapshot, judged
from holdfast.site import Admin, Host, Site

SHELL = "/bin/bash"
ADMIN_GROUPS = ("sudo", ADMINS)

# Whoever is in one of these can become root, or reads what only root should.
_ROOT = "can become root"
POWERFUL_GROUPS = {
    "adm": "reads every log",
    "admin": _ROOT,
    "disk": _ROOT,
    "docker": _ROOT,
    "incus-admin": _ROOT,
    "libvirt": _ROOT,
    "lxd": _ROOT,
    "root": _ROOT,
    "shadow": "reads every password's hash",
    "sudo": _ROOT,
}

KEY_FILE = ".ssh/authorized_keys"  # below the home; what ssh.keys-only has sshd read

FIRST_PERSON_UID = 1000  # Debian: below are the system's own accounts
NOBODY_UID = 65534

SU_REFUSED = 1  # su(1)

NO_LOGIN = ("/usr/sbin/nologin", "/sbin/nologin", "/bin/false", "/usr/bin/false", "/bin/sync")


def gaps(host: Host, snapshots: Mapping[str, Snapshot], site: Site) -> Iterable[Gap]:
    """Yield what is missing of each admin, and whoever else could become root or log in."""
    snapshot = snapshots[host.name]
    accounts = judged(snapshot.accounts)
    if "sudo" not in judged(snapshot.packages):
        yield _automatic(
            "sudo is not installed", "package sudo: absent", "package sudo", "installed"
        )
    if ADMINS not in judged(snapshot.groups):
        yield _automatic(
            f"group {ADMINS} does not exist",
            "the group whose members may log in",
            f"group {ADMINS}",
        )
    for name, admin in site.admins.items():
        yield from _of_admin(admin, accounts.get(name), operator=name == site.operator)
    yield from _of_strangers(accounts, site)


def _automatic(what: str, evidence: str, resource: str, key: str = "exists") -> Gap:
    return Gap(what, evidence, wants=(Want(resource, key, "yes", Phase.WIDEN),))


def _of_admin(admin: Admin, account: Account | None, *, operator: bool) -> Iterator[Gap]:
    name, resource = admin.name, f"account {admin.name}"

    def gap(what: str, evidence: str, key: str, value: str) -> Gap:
        return Gap(what, evidence, wants=(Want(resource, key, value, Phase.WIDEN),))

    if account is not None and account.uid == 0:
        yield Gap(
            f"{name} is an admin of the site, but has UID 0 here",
            "passwd: UID 0",
            mend=f"rename that account, then run `holdfast apply`: {name} gets an ordinary one",
        )
        return
    if account is None or account.expired:
        yield gap(
            f"{name} has no account" if account is None else f"the account of {name} has expired",
            f"passwd: {name} absent" if account is None else "shadow: expiry date has passed",
            "open",
            SHELL,
        )
    elif account.shell in NO_LOGIN:
        yield Gap(
            f"{name} has no login shell",
            f"passwd: {account.shell}",
            mend=f"if this account is the person's: chsh -s {SHELL} {name}",
        )
    held = account.groups if account else ()
    for group in ADMIN_GROUPS:
        if group not in held:
            yield gap(
                f"{name} is not in group {group}",
                f"groups: {', '.join(held) or 'none'}",
                f"group {group}",
                "present",
            )
    held_keys = _keys(account)
    for key in admin.keys:
        if (key.type, key.blob) not in held_keys:
            yield gap(
                f"{name} cannot log in with the key {key.fingerprint}",
                f"authorized_keys: {len(held_keys)} other keys",
                f"ssh-key {key.line}",
                "present",
            )
    password = account.password if account else "locked"
    if password == "empty" or (password == "locked" and (operator or admin.sudo_password)):
        yield gap(
            f"{name} has {'an empty' if password == 'empty' else 'no'} password, which sudo needs",
            f"shadow: {password}",
            "password",
            f"secret admins.{name}.sudo_password",
        )


def _keys(account: Account | None) -> set[tuple[str, str]]:
    """Return type and blob of each key in the file that sshd will read, options left out."""
    held = account.key_files.get(f"{account.home}/{KEY_FILE}") if account else None
    if held is None:
        return set()
    if held.content is None:
        raise CannotJudge(f"{KEY_FILE} is no readable text")
    lines = (line.split() for line in held.content.split("\n"))
    return {(words[0], words[1]) for words in lines if len(words) >= 2}


def _of_strangers(accounts: Mapping[str, Account], site: Site) -> Iterator[Gap]:
    for name, account in sorted(accounts.items()):
        if account.password == "empty" and name not in site.admins:
            yield Gap(
                f"{name} has an empty password: anybody may be {name}",
                "shadow: empty",
                mend=f"lock it with: sudo passwd --lock {name}",
            )
        if account.uid == 0 and name != "root":
            yield Gap(
                f"{name} is a second root",
                "passwd: UID 0",
                mend=f"find out whose it is, then remove it from /etc/passwd: {name}",
            )
        if name in site.admins or account.uid == 0:
            continue
        if ADMINS in account.groups:
            yield Gap(
                f"{name} is in group {ADMINS} and may log in, but is no admin of the site",
                f"group {ADMINS}: {name}",
                mend=f"add {name} to [admins] in the site file, or: "
                f"sudo gpasswd -d {name} {ADMINS}",
            )
        for group in sorted(set(account.groups) & set(POWERFUL_GROUPS)):
            yield Gap(
                f"{name} is in group {group} and {POWERFUL_GROUPS[group]}, but is no admin",
                f"group {group}: {name}",
                mend=f"add {name} to [admins] in the site file, or: sudo gpasswd -d {name} {group}",
            )
        if _person(account):
            yield Gap(
                f"{name} has a login shell, but is no admin of the site",
                f"passwd: UID {account.uid}, shell {account.shell}",
                mend=f"add {name} to [admins] in the site file, or: "
                f"sudo usermod --lock --expiredate 1 {name}",
            )


def _person(account: Account) -> bool:
    ordinary = FIRST_PERSON_UID <= account.uid < NOBODY_UID
    return ordinary and not account.expired and account.shell not in NO_LOGIN


async def _log_in_as_a_stranger(attacker: Attacker) -> Verdict:
    """Every account that is not the operator's own is tried with the operator's key."""
    ended = {name: await attacker.login_with_admin_key(name) for name in _others(attacker)}
    for name, login in ended.items():
        if login is Login.ACCEPTED:
            return succeeded(f"{name} is no admin of the site and was let in")
    untried = [name for name, login in ended.items() if login is Login.UNREACHED]
    if untried:
        return inconclusive(f"sshd was not reached for {', '.join(untried)}")
    return repelled(f"refused: {', '.join(ended)}")


def _others(attacker: Attacker) -> list[str]:
    return [*sorted(_able(attacker) - set(attacker.site.admins) - {"root"}), STRANGER]


def _able(attacker: Attacker) -> set[str]:
    accounts = judged(attacker.snapshot.accounts)
    return {n for n, a in accounts.items() if a.shell not in NO_LOGIN and not a.expired}


async def _become_somebody_without_a_password(attacker: Attacker) -> Verdict:
    """`su` asks PAM as any local program would; an empty password answers at once."""
    if attacker.login == "root":
        return inconclusive("the only login there is yet is root, who may become anybody")
    names = sorted(_able(attacker) - {attacker.login})
    for name in names:
        ran = await attacker.run(["su", "--login", "--command", "id -un", "--", name])
        if ran.status == 0 and ran.output.strip() == name:
            return succeeded(f"`su {name}` asked for nothing")
        if ran.status not in (0, SU_REFUSED):
            return inconclusive(f"su did not run: status {ran.status}")
    return repelled(f"`su` without a password was refused for {', '.join(names)}")


ADMINS_ORDINARY = Control(
    id="admins.ordinary",
    title="Every admin has an own account, and nobody else can become root",
    principle=Principle.IDENTIFY_USERS,
    source="G3.6",
    severity=Severity.HIGH,
    stops="somebody who is not on the list logs in, or becomes root through a forgotten account",
    changes=(
        "Creates an account for each admin of the site, with home, shell, the admin's keys, a "
        "password for sudo and the groups sudo and holdfast-admins. Accounts that are not of "
        "the site are never touched."
    ),
    deviates=(
        "The guide's cookbook deletes every home that is not listed, its script leaves an "
        "empty password where mkpasswd is missing and passes passwords as arguments. Here "
        "strangers' accounts are gaps for a person, a password that nobody set is locked, and "
        "passwords travel over stdin."
    ),
    gaps=gaps,
    attacks=(
        Attack(
            "log-in-as-a-stranger",
            "log in to accounts that are not of the site",
            "outside",
            Kind.SAFE,
            _log_in_as_a_stranger,
        ),
        Attack(
            "empty-password",
            "become another account without a password",
            "the host itself",
            Kind.SAFE,
            _become_somebody_without_a_password,
        ),
    ),
)
