"""No password makes anybody root: neither at the console nor by su.

Source: guide G3.9. Corrected: root is locked only when an admin's login and sudo were proven.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile

from holdfast.servers.attack import (
    Attack,
    Attacker,
    Kind,
    Verdict,
    inconclusive,
    repelled,
    succeeded,
)
from holdfast.servers.control import Control, Gap, Phase, Principle, Severity, Want
from holdfast.servers.pam_config import INCLUDE, PamLine, parse
from holdfast.servers.plan import login_proven
from holdfast.servers.snapshot import CannotJudge, Snapshot, judged
from holdfast.site import Host, Site

SU = "/etc/pam.d/su"
SU_LOGIN = "/etc/pam.d/su-l"  # what `su -` asks; Debian's includes the other
ONLY_ADMINS = "auth       required   pam_wheel.so use_uid group=sudo"
WHEEL = "pam_wheel.so"
INCLUDING = (INCLUDE, "include", "substack")
SHOWN = 200  # characters of a host's own text in a gap
REFUSED = 1  # su(1): authentication failure

# What a root password tends to be; the admin's own, often the same, is tried too.
GUESSES = ("", "root", "toor", "password", "changeme")
SU_TO_ROOT = ("su", "--login", "--command", "id -u")


def gaps(host: Host, snapshots: Mapping[str, Snapshot], site: Site) -> Iterable[Gap]:
    """Yield the passwords that make somebody root."""
    snapshot = snapshots[host.name]
    root = judged(snapshot.accounts).get("root")
    if root is None:
        raise CannotJudge("there is no account root in what was read")
    if root.password != "locked":
        yield _locked(root.password, snapshot, site)
    for path in (SU, SU_LOGIN):
        yield from _su(path, snapshot)


def _locked(password: str, snapshot: Snapshot, site: Site) -> Gap:
    what, evidence = "root can log in with a password", f"shadow: {password}"
    if login_proven(snapshot, site):
        return Gap(
            what, evidence, wants=(Want("account root", "password", "locked", Phase.NARROW),)
        )
    return Gap(
        what,
        f"{evidence}; no admin's login and sudo have been proven on this host yet",
        mend="run `holdfast apply`: it proves your login and sudo first, then locks root",
    )


def _su(path: str, snapshot: Snapshot) -> Iterator[Gap]:
    held = snapshot.files.get(path)
    if held is None:
        return  # there is no such su
    rules = [rule for rule in parse(judged(held).content or "") if rule.kind in ("auth", INCLUDE)]
    trusting = [rule for rule in rules if rule.module == WHEEL and "trust" in rule.arguments]
    if trusting:
        mend = f"remove `trust` from the line of pam_wheel.so in {path}"
        yield Gap("su asks members of a group for no password", path, mend=mend)
    for rule in rules:
        if rule.forgets:
            mend = f"take `reset` out of that line of {path}"
            yield Gap("su forgets whom it has refused", f"{path}: {_shown(rule)}", mend=mend)
    others = [rule for rule in rules if rule not in trusting]
    if not _limited(others, snapshot):
        yield _open_to_all(path, others)


def _limited(rules: Iterable[PamLine], snapshot: Snapshot) -> bool:
    """Whether group sudo is asked for before anything lets somebody in or skips the question."""
    for rule in rules:
        if _limits(rule, snapshot) or (rule.control in INCLUDING and rule.module == "su"):
            return True
        if not _harmless(rule):
            return False
    return False


def _harmless(rule: PamLine) -> bool:
    return rule.goes_on or _lets_root_pass(rule)


def _lets_root_pass(rule: PamLine) -> bool:
    return (rule.control, rule.module) == ("sufficient", "pam_rootok.so")


def _limits(rule: PamLine, snapshot: Snapshot) -> bool:
    """Whether nobody gets past this rule, to any account, who may not use sudo either."""
    exceptions = {"deny", "trust", "root_only"} & set(rule.arguments)
    kept = rule.module == WHEEL and rule.binding and rule.goes_on
    return kept and not exceptions and not _outsiders(rule, snapshot)


def _outsiders(rule: PamLine, snapshot: Snapshot) -> set[str]:
    named = [a.removeprefix("group=") for a in rule.arguments if a.startswith("group=")]
    if "sudo" in named[-1:]:
        return set()
    groups = judged(snapshot.groups)
    group = named[-1] if named else "wheel" if "wheel" in groups else "root"
    accounts = judged(snapshot.accounts).items()
    return {n for n, a in accounts if n != "root" and group in a.groups and "sudo" not in a.groups}


def _open_to_all(path: str, rules: list[PamLine]) -> Gap:
    """Put ours behind the line that lets root itself through: su of system services stays."""
    what = "whoever knows a password may become somebody else by su"
    for rule in takewhile(_harmless, rules):
        if _lets_root_pass(rule) and "\n" not in rule.text:
            wants = (Want(f"lines {path}", rule.text, f"{rule.text}\n{ONLY_ADMINS}", Phase.NARROW),)
            return Gap(what, f"{path}: pam_wheel.so does not keep it to group sudo", wants=wants)
    mend = f"add to {path}, before every other line of auth: {ONLY_ADMINS}"
    first = next((rule for rule in rules if not _harmless(rule)), None)
    evidence = f"{path} is not Debian's any more" + (f": {_shown(first)}" if first else "")
    return Gap(what, evidence, mend=mend)


def _shown(rule: PamLine) -> str:
    return rule.text.strip()[:SHOWN]


async def _become_root_by_su(attacker: Attacker) -> Verdict:
    """su takes what login at the console takes; the passwords are typed, never arguments."""
    if attacker.login == "root":
        return inconclusive("the only login there is yet is root")
    guesses = (*GUESSES, (await attacker.own_password()).reveal())
    # At the same time: su lets a few seconds pass before it refuses.
    ran = await asyncio.gather(*(attacker.run(SU_TO_ROOT, f"{guess}\n") for guess in guesses))
    if any(one.status == 0 and one.output.split()[-1:] == ["0"] for one in ran):
        return succeeded("`su -` made the login root with a guessed password")
    for one in ran:
        if one.status != REFUSED:
            return inconclusive(f"su did not run: status {one.status}")
    return repelled(f"`su -` refused {len(ran)} passwords, the admin's own among them")


async def _stranger_uses_su(attacker: Attacker) -> Verdict:
    """An account outside group sudo gets nowhere by su, even where it knows the password."""
    if await attacker.stranger_by_su():
        return succeeded("an account outside group sudo became another by su, with its password")
    return repelled("su refused an account outside group sudo that knew the right password")


ROOT_LOCKED = Control(
    id="root.locked",
    title="No password makes anybody root",
    principle=Principle.PREVENT_DIRECT_ACCESS,
    source="G3.9",
    severity=Severity.HIGH,
    stops="root's password is guessed or shared, and nobody can tell who used it",
    changes=(
        "Locks root's password, once an admin's login and sudo have been proven on the host, and "
        "lets only members of group sudo use su. At the console, log in as yourself and use sudo; "
        "where no account works any more, boot the provider's rescue system."
    ),
    deviates=(
        "The guide locks root without having seen that anybody else gets in and can use sudo; "
        "here that is proven first, and the lock is taken back where it was not."
    ),
    gaps=gaps,
    attacks=(
        Attack(
            "su-to-root",
            "become root by su with passwords that are tried first",
            "the host itself",
            Kind.SAFE,
            _become_root_by_su,
        ),
        Attack(
            "su-of-a-stranger",
            "become another account by su with its right password, outside group sudo",
            "the host itself",
            Kind.SAFE,
            _stranger_uses_su,
        ),
    ),
)
