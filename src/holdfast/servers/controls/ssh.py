"""Logging in takes a key of an admin of the site, and nothing else.

Source: guide G3.7. Corrected: judged is what sshd would decide for each person and what the
daemon runs with, not what one file says; our settings stand where nothing later overrides them.
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
from holdfast.servers.snapshot import (
    CannotJudge,
    EffectiveSshd,
    Snapshot,
    Sshd,
    Unreadable,
    judged,
)
from holdfast.servers.sshd_config import FILE, parse
from holdfast.site import Host, Site

# Keyword as written, and the values that sshd may report for it, the wanted one first.
SETTINGS: Mapping[str, tuple[str, ...]] = {
    "PermitRootLogin": ("no",),
    "PasswordAuthentication": ("no",),
    "KbdInteractiveAuthentication": ("no",),
    "HostbasedAuthentication": ("no",),
    "PubkeyAuthentication": ("yes",),
    "PermitEmptyPasswords": ("no",),
    "AllowGroups": (ADMINS,),
    "AuthorizedKeysFile": (".ssh/authorized_keys",),
    "AllowAgentForwarding": ("no",),
    "X11Forwarding": ("no",),
}
# Numbers that may be smaller, but not larger, nor zero where that means without end.
LIMITS: Mapping[str, int] = {"MaxAuthTries": 4, "LoginGraceTime": 30}

PENALTY_EXEMPT = "PerSourcePenaltyExemptList"

PLAIN_ARGUMENTS = frozenset({"-D", "-e"})  # how Debian's units start the daemon


def gaps(host: Host, snapshots: Mapping[str, Snapshot], site: Site) -> Iterable[Gap]:
    """Yield each setting that lets more in than the site says, as decided and as it runs."""
    snapshot = snapshots[host.name]
    sshd = judged(snapshot.sshd)
    if not sshd.effective:
        raise CannotJudge("sshd -T was asked about nobody")
    stale = list(_stale(sshd))
    yield from stale
    if stale:
        return  # a reload would bring somebody's unread lines to life, and no revert undoes that
    ours = _written_by_us(snapshot)
    for keyword, good in SETTINGS.items():
        wrong = [(e, v) for e, v in _values(sshd, keyword) if v not in good]
        yield from _gap(keyword, good[0], wrong, ours, snapshot)
    for keyword, most in LIMITS.items():
        wrong = [(e, v) for e, v in _values(sshd, keyword) if not _within(v, most)]
        yield from _gap(keyword, str(most), wrong, ours, snapshot)
    yield from _controllers(sshd, site, ours, snapshot)
    yield from _additions(ours)
    yield from _running(sshd)
    yield from _foreign_matches(snapshot, sshd)


def _values(sshd: Sshd, keyword: str) -> Iterator[tuple[EffectiveSshd, str]]:
    for effective in sshd.effective:
        yield effective, " ".join(effective.settings.get(keyword.lower(), ("unset",)))


def _within(value: str, most: int) -> bool:
    return value.isdigit() and 0 < int(value) <= most


def _gap(
    keyword: str,
    wanted: str,
    wrong: list[tuple[EffectiveSshd, str]],
    ours: Mapping[str, str],
    snapshot: Snapshot,
) -> Iterator[Gap]:
    if not wrong:
        return
    subject, value = wrong[0]
    what = f"sshd has {keyword} {value}, not {wanted}"
    evidence = f"sshd -T for {subject.user} from {subject.address}: {keyword.lower()} {value}"
    if ours.get(keyword) == wanted:
        others = ", ".join(_mentions(keyword, snapshot)) or "a file that is read before"
        yield Gap(what, evidence, mend=f"{FILE} is overridden: remove {keyword} from {others}")
        return
    yield Gap(what, evidence, wants=(Want("sshd", keyword, wanted, Phase.NARROW),))


def _controllers(
    sshd: Sshd, site: Site, ours: Mapping[str, str], snapshot: Snapshot
) -> Iterator[Gap]:
    """OpenSSH 9.8 and later turn an address away after failed logins: not where audits start."""
    wanted = {str(network) for network in site.controllers}
    wrong = [
        (effective, value)
        for effective, value in _values(sshd, PENALTY_EXEMPT)
        if value != "unset" and not wanted <= set(value.split(","))
    ]
    yield from _gap(PENALTY_EXEMPT, ",".join(sorted(wanted)), wrong, ours, snapshot)


def _additions(ours: Mapping[str, str]) -> Iterator[Gap]:
    for keyword in sorted(set(ours) - {*SETTINGS, *LIMITS, PENALTY_EXEMPT}):
        yield Gap(
            f"somebody has added {keyword} to Holdfast's own file",
            f"{FILE}: {keyword} {ours[keyword]}",
            wants=(Want("sshd", keyword, "absent", Phase.NARROW),),
        )


def _written_by_us(snapshot: Snapshot) -> Mapping[str, str]:
    held = snapshot.files.get(FILE)
    return {} if held is None else parse(judged(held).content or "")


def _mentions(keyword: str, snapshot: Snapshot) -> Iterator[str]:
    """Yield FILE:LINE of each place that sets a keyword, except our own file."""
    for path, held in sorted(snapshot.files.items()):
        if not path.startswith("/etc/ssh/") or path == FILE or isinstance(held, Unreadable):
            continue
        for number, line in enumerate((held.content or "").splitlines(), 1):
            if line.strip().lower().replace("=", " ").startswith(keyword.lower() + " "):
                yield f"{path}:{number}"


def _stale(sshd: Sshd) -> Iterator[Gap]:
    if sshd.running and sshd.changed > sshd.loaded:
        yield Gap(
            "sshd runs with an older configuration than the one on disk",
            f"changed {sshd.changed - sshd.loaded:.0f} s after the daemon last read it",
            mend="read what was changed, keep a session open, then: sudo sshd -t && "
            f"sudo systemctl {'restart' if sshd.socket_activated else 'reload'} ssh",
        )


def _running(sshd: Sshd) -> Iterator[Gap]:
    odd = [argument for argument in sshd.arguments if argument not in PLAIN_ARGUMENTS]
    if odd:
        yield Gap(
            "sshd was started with arguments that go before its configuration",
            f"arguments: {' '.join(odd)}",
            mend="empty SSHD_OPTS in /etc/default/ssh, then: sudo systemctl restart ssh",
        )


def _foreign_matches(snapshot: Snapshot, sshd: Sshd) -> Iterator[Gap]:
    """A later Match on our keywords is overridden by ours, but somebody meant it."""
    keywords = {keyword.lower() for keyword in (*SETTINGS, *LIMITS)}
    for path in (path for path in sshd.config_files if path != FILE):
        held = snapshot.files.get(path)
        if held is None or judged(held).content is None:
            raise CannotJudge(f"{path}, which sshd reads, is no readable text")
        block = ""
        for number, line in enumerate((judged(held).content or "").splitlines(), 1):
            words = line.strip().replace("=", " ").lower().split()
            if words[:1] == ["match"]:
                block = line.strip()
            elif block and words and words[0] in keywords:
                yield Gap(
                    f"a Match block of somebody else sets {words[0]}",
                    f"{path}:{number}: {block}: {line.strip()}",
                    mend=f"remove line {number} of {path}; what holds for all stands in {FILE}",
                )


async def _root_with_the_right_key(attacker: Attacker) -> Verdict:
    return _verdict(await attacker.login_with_admin_key("root"), "root with the operator's key")


async def _admin_with_the_right_password(attacker: Attacker) -> Verdict:
    if attacker.login not in attacker.site.admins:
        return inconclusive("there is no admin's account yet whose password could be tried")
    name = attacker.login
    return _verdict(await attacker.login_with_password(name), f"{name} with the right password")


async def _admin_with_a_strangers_key(attacker: Attacker) -> Verdict:
    name = attacker.login
    return _verdict(await attacker.login_with_new_key(name), f"{name} with a stranger's key")


def _verdict(login: Login, what: str) -> Verdict:
    if login is Login.ACCEPTED:
        return succeeded(f"{what} was let in")
    if login is Login.REFUSED:
        return repelled(f"{what} was refused")
    return inconclusive(f"{what}: sshd was not reached")


SSH_KEYS_ONLY = Control(
    id="ssh.keys-only",
    title="Only a key of an admin of the site logs in",
    principle=Principle.PREVENT_DIRECT_ACCESS,
    source="G3.7",
    severity=Severity.CRITICAL,
    stops="passwords are guessed or stolen, or somebody logs in as root directly",
    changes=(
        "Writes 00-holdfast.conf into sshd_config.d: no root, no passwords, no forwarding of "
        "agents or X11, few attempts, only members of holdfast-admins. It stands in a Match "
        "all block, so that no later file and no later Match overrides it."
    ),
    deviates=(
        "The guide edits sshd_config itself; a later file, a Match block, the daemon's "
        "arguments or a daemon that was never reloaded make that edit worthless. What runs is "
        "judged, for root, each account and a stranger."
    ),
    gaps=gaps,
    attacks=(
        Attack(
            "root-with-key",
            "log in as root with the right key",
            "outside",
            Kind.SAFE,
            _root_with_the_right_key,
        ),
        Attack(
            "admin-with-password",
            "log in with the admin's right password",
            "outside",
            Kind.SAFE,
            _admin_with_the_right_password,
        ),
        Attack(
            "strangers-key",
            "log in as the admin with a stranger's key",
            "outside",
            Kind.SAFE,
            _admin_with_a_strangers_key,
        ),
    ),
)
