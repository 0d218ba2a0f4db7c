"""Logging in takes a key of an admin of the site, and nothing else.

Source: guide G3.7. Corrected: judged is what sshd would decide for each person and what the
daemon runs with, not what one file says; our settings stand where nothing later overrides them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from holdfast.servers.access import ADMINS, never_turned_away
from holdfast.servers.attack import (
    Attack,
    Attacker,
    Kind,
    Verdict,
    inconclusive,
    login_verdict,
)
from holdfast.servers.control import Control, Gap, Phase, Principle, Severity, Want
from holdfast.servers.controls import jump, key_files, ssh_modern
from holdfast.servers.restricted import blocks, obeys, settings
from holdfast.servers.snapshot import STRANGER, Snapshot, Sshd
from holdfast.servers.sshd_config import FILE
from holdfast.servers.sshd_decisions import (
    UNSET,
    Apart,
    decision,
    decisions,
    edited,
    foreign_matches,
    judged_sshd,
    overridden,
    places,
    setting_gap,
    unread_configuration,
    written_by_us,
)
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
    "LogLevel": ("VERBOSE", "DEBUG", "DEBUG1", "DEBUG2", "DEBUG3"),  # names the key of each login
    "Compression": ("no",),  # decompressing is done for whoever has just logged in
    "TCPKeepAlive": ("no",),  # anybody on the way may answer it; ClientAlive is encrypted
}
# Numbers that may be smaller, but not larger, nor zero where that means without end.
LIMITS: Mapping[str, int] = {
    "MaxAuthTries": 4,
    "LoginGraceTime": 30,
    "ClientAliveInterval": 300,  # seconds; a client that has gone is let go of
    "ClientAliveCountMax": 2,
}

METHODS = "AuthenticationMethods"
KEY_ALONE = ("any", "publickey", UNSET)  # of what is enabled, which is a key alone
# What cannot be switched off while each way in demands it: nobody could log in any more.
DEMANDED: Mapping[str, str] = {
    "KbdInteractiveAuthentication": "keyboard-interactive",
    "PasswordAuthentication": "password",
}

PENALTY_EXEMPT = "PerSourcePenaltyExemptList"
OURS = frozenset({*SETTINGS, *LIMITS, PENALTY_EXEMPT}).union(
    jump.KEYWORDS, key_files.KEYWORDS, ssh_modern.KEYWORDS
)

PLAIN_ARGUMENTS = frozenset({"-D", "-e"})  # how Debian's units start the daemon


def gaps(host: Host, snapshots: Mapping[str, Snapshot], site: Site) -> Iterable[Gap]:
    """Yield each setting that lets more in than the site says, as decided and as it runs."""
    snapshot = snapshots[host.name]
    sshd = judged_sshd(snapshot)
    unread = list(unread_configuration(sshd))
    yield from unread
    if unread:
        return
    apart = blocks(host, site)
    demanded = _demanded(sshd, site)
    for keyword, good in SETTINGS.items():
        if DEMANDED.get(keyword) in demanded:
            continue
        wrong = [d for d in decisions(sshd, keyword, apart) if d.value not in good]
        yield from setting_gap(good[0], wrong, snapshot)
    for keyword, most in LIMITS.items():
        wrong = [d for d in decisions(sshd, keyword, apart) if not _within(d.value, most)]
        yield from setting_gap(str(most), wrong, snapshot)
    yield from _methods(sshd, apart, snapshot)
    yield from _controllers(sshd, host, site, snapshot)
    for account, block in apart.items():
        yield from _restricted(account, block, sshd, snapshot)
    yield from _additions(snapshot, settings(host, site))
    yield from _running(sshd)
    yield from _foreign_matches(snapshot)


def _demanded(sshd: Sshd, site: Site) -> set[str]:
    """Return the methods without which an admin has no way in; a stranger stands for new ones."""
    demanded: set[str] = set()
    for found in decisions(sshd, METHODS, apart={}):
        if found.user in (*site.admins, STRANGER):
            ways = [{m.partition(":")[0] for m in way.split(",")} for way in found.value.split()]
            demanded |= set.intersection(*ways) if ways else set()
    return demanded


def _methods(sshd: Sshd, apart: Apart, snapshot: Snapshot) -> Iterator[Gap]:
    """Somebody wants more than a key, or less; which of both, a person knows."""
    wrong = [d for d in decisions(sshd, METHODS, apart) if d.value not in KEY_ALONE]
    if wrong:
        yield Gap(
            f"logging in takes {wrong[0].value}, not a key alone",
            wrong[0].evidence,
            mend=f"keep a session open and remove {METHODS} from {places(METHODS, snapshot)}, "
            "then: sudo sshd -t && sudo systemctl reload ssh; until then what it demands "
            "is not switched off, since nobody could log in any more",
        )


def _within(value: str, most: int) -> bool:
    return value.isascii() and value.isdigit() and 0 < int(value) <= most


def _controllers(sshd: Sshd, host: Host, site: Site, snapshot: Snapshot) -> Iterator[Gap]:
    """OpenSSH 9.8 and later turn an address away after failed logins: not where audits start."""
    wanted = never_turned_away(host, site)
    wrong = [
        decision
        for decision in decisions(sshd, PENALTY_EXEMPT, apart={})
        if decision.value != UNSET and not wanted <= set(decision.value.split(","))
    ]
    yield from setting_gap(",".join(sorted(wanted)), wrong, snapshot)


def _restricted(
    account: str, block: Mapping[str, str], sshd: Sshd, snapshot: Snapshot
) -> Iterator[Gap]:
    """An account that is held to one command: its block as written, and as decided once it is."""
    ours = written_by_us(snapshot)
    prefix = f"User {account} "
    wrong = {key: value for key, value in block.items() if ours.get(prefix + key) != value}
    if wrong:
        yield Gap(
            f"{account} is not held to what it may do",
            f"{FILE}: Match User {account} lacks {', '.join(sorted(wrong))}",
            wants=tuple(
                Want("sshd", prefix + key, value, Phase.NARROW) for key, value in wrong.items()
            ),
        )
        return
    for effective in (e for e in sshd.effective if e.user == account):
        for keyword, value in block.items():
            if not obeys(keyword, effective.settings.get(keyword.lower(), ()), value):
                yield Gap(
                    f"{account} has another {keyword} than it may have",
                    decision(effective, keyword).evidence,
                    mend=overridden(keyword, snapshot),
                )


def _additions(snapshot: Snapshot, blocks: Mapping[str, str]) -> Iterator[Gap]:
    """What stands in our own file and is not ours goes with the next time it is written."""
    ours = written_by_us(snapshot)
    added = sorted(set(ours) - {*OURS, *blocks})
    for key in added:
        yield Gap(
            f"somebody has added {key} to Holdfast's own file",
            f"{FILE}: {key} {ours[key]}",
            wants=(Want("sshd", key, "absent", Phase.NARROW),),
        )
    if edited(snapshot) and not added:
        keyword, good = next(iter(SETTINGS.items()))
        yield Gap(
            "somebody has edited Holdfast's own file",
            f"{FILE}: lines stand twice, or where Holdfast does not write them",
            wants=(Want("sshd", keyword, good[0], Phase.NARROW),),
        )


def _running(sshd: Sshd) -> Iterator[Gap]:
    odd = [argument for argument in sshd.arguments if argument not in PLAIN_ARGUMENTS]
    if odd:
        yield Gap(
            "sshd was started with arguments that go before its configuration",
            f"arguments: {' '.join(odd)}",
            mend="empty SSHD_OPTS in /etc/default/ssh, then: sudo systemctl restart ssh",
        )


def _foreign_matches(snapshot: Snapshot) -> Iterator[Gap]:
    """A later Match on our keywords is overridden by ours, but somebody meant it."""
    for found in foreign_matches(snapshot, (*SETTINGS, *LIMITS)):
        yield Gap(
            f"a Match block of somebody else sets {found.keyword}",
            f"{found.path}:{found.number}: {found.block}: {found.line}",
            mend=f"remove line {found.number} of {found.path}; what holds for all stands in {FILE}",
        )


async def _root_with_the_right_key(attacker: Attacker) -> Verdict:
    return login_verdict(
        await attacker.login_with_admin_key("root"), "root with the operator's key"
    )


async def _admin_with_the_right_password(attacker: Attacker) -> Verdict:
    if attacker.login not in attacker.site.admins:
        return inconclusive("there is no admin's account yet whose password could be tried")
    name = attacker.login
    return login_verdict(
        await attacker.login_with_password(name), f"{name} with the right password"
    )


async def _admin_with_a_strangers_key(attacker: Attacker) -> Verdict:
    name = attacker.login
    return login_verdict(await attacker.login_with_new_key(name), f"{name} with a stranger's key")


SSH_KEYS_ONLY = Control(
    id="ssh.keys-only",
    title="Only a key of an admin of the site logs in",
    principle=Principle.PREVENT_DIRECT_ACCESS,
    source="G3.7",
    severity=Severity.CRITICAL,
    stops="passwords are guessed or stolen, or somebody logs in as root directly",
    changes=(
        "Writes 00-holdfast.conf into sshd_config.d: no root, no passwords, no forwarding of "
        "agents or X11, few attempts, the key of each login in the log, an end to clients that "
        "have gone, only members of holdfast-admins. It stands in a Match all block, so that no "
        "later file and no later Match overrides it."
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
