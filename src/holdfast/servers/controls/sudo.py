"""Becoming root asks for the person's own password, each time anew on each terminal.

Source: guide G3.5. Corrected: the drop-ins of sudoers.d count too; cloud images ship one with
NOPASSWD.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from holdfast.servers.attack import (
    Attack,
    Attacker,
    Kind,
    Verdict,
    inconclusive,
    repelled,
    succeeded,
)
from holdfast.servers.control import (
    Control,
    Gap,
    NotApplicable,
    Phase,
    Principle,
    Severity,
    Want,
)
from holdfast.servers.resources import SUDOERS_FILE
from holdfast.servers.snapshot import Snapshot, Unreadable, judged
from holdfast.site import Host, Site

NOPASSWD = re.compile(r"\bNOPASSWD\s*:\s*")
DEFAULTS = re.compile(r"(\s*Defaults(?:[:@>!]\s*\S+)?\s+)(.*)")
OPTION = re.compile(r'(?:"[^"]*"|[^,"])+')  # between commas, but not those within quotes
NOT_AUTHENTICATE = re.compile(r"!\s*authenticate")
PER_TERMINAL = "tty"  # sudo's own default
EVERYBODY = ""


def gaps(host: Host, snapshots: Mapping[str, Snapshot], site: Site) -> Iterable[Gap]:
    """Yield each line that lets somebody become root without a password."""
    snapshot = snapshots[host.name]
    sudo = judged(snapshot.sudo)
    if not sudo.installed:
        raise NotApplicable("sudo is not installed")
    lines = list(_lines_without_password(snapshot))
    for path, line, mended in lines:
        want = (f"lines {path}", line, mended)
        if path == SUDOERS_FILE:
            want = ("sudoers", line.strip(), "absent")
        yield Gap(
            "a line lets somebody use sudo without a password",
            f"{path}: {line.strip()}",
            wants=(Want(*want, Phase.NARROW),),
        )
    if not lines and any(_without_password(sudo.policy)):
        yield Gap(
            "sudo lets somebody through without a password",
            "; ".join(_without_password(sudo.policy)),
            mend="find the rule with: sudo cvtsudoers /etc/sudoers; remove NOPASSWD from it",
        )
    yield from _other_terminals(sudo.policy)


def _other_terminals(policy: Mapping[str, Any]) -> Iterator[Gap]:
    what = "one terminal's sudo password counts for others"
    for whom, kind in _timestamps(policy).items():
        if kind == PER_TERMINAL:
            continue
        if whom == EVERYBODY:
            want = Want("sudoers", "Defaults timestamp_type", PER_TERMINAL, Phase.NARROW)
            yield Gap(what, f"timestamp_type: {kind}", wants=(want,))
        else:
            mend = f"remove the Defaults of {whom} that set it, with: sudo visudo"
            yield Gap(what, f"timestamp_type for {whom}: {kind}", mend=mend)


def _timestamps(policy: Mapping[str, Any]) -> dict[str, str]:
    """Return what counts as one password, for everybody and for whom Defaults are bound to."""
    found: dict[str, str] = {}
    for whom, option in _defaults(policy):
        if "tty_tickets" in option:  # the older spelling of the same
            found[whom] = PER_TERMINAL if option["tty_tickets"] else "global"
        if "timestamp_type" in option:
            found[whom] = str(option["timestamp_type"])
    return found


def _lines_without_password(snapshot: Snapshot) -> Iterator[tuple[str, str, str]]:
    """Yield path, line, and the line with its password back."""
    for path, held in sorted(snapshot.files.items()):
        if not path.startswith("/etc/sudoers") or isinstance(held, Unreadable):
            continue
        for line in (held.content or "").split("\n"):
            if line.lstrip().startswith("#"):
                continue
            mended = _asking(NOPASSWD.sub("", line))
            if mended != line:
                yield path, line, mended


def _asking(line: str) -> str:
    """Return a line of Defaults without `!authenticate`; a comment where nothing else is left."""
    defaults = DEFAULTS.fullmatch(line)
    if defaults is None:
        return line
    options = [option.strip() for option in OPTION.findall(defaults[2])]
    kept = [option for option in options if not NOT_AUTHENTICATE.fullmatch(option)]
    if kept == options:
        return line
    return defaults[1] + ", ".join(kept) if kept else f"# {line.strip()}"


def _without_password(policy: Mapping[str, Any]) -> Iterator[str]:
    """Yield who needs no password, as sudo itself reads its configuration."""
    for rule in policy.get("User_Specs", ()):
        for command in rule.get("Cmnd_Specs", ()):
            if any(option.get("authenticate") is False for option in command.get("Options", ())):
                users = (next(iter(user.values()), "?") for user in rule.get("User_List", ()))
                yield f"{', '.join(map(str, users))}: NOPASSWD"
    asks: dict[str, Any] = {}
    for whom, option in _defaults(policy):
        if "authenticate" in option:
            asks[whom] = option["authenticate"]
    for whom in (whom for whom, value in asks.items() if value is False):
        yield f"Defaults !authenticate{f' for {whom}' if whom else ''}"


def _defaults(policy: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield whom each option of Defaults is bound to, and the option; the last one counts."""
    for defaults in policy.get("Defaults", ()):
        bound = (str(next(iter(one.values()), "?")) for one in defaults.get("Binding", ()))
        whom = ", ".join(bound) or EVERYBODY
        for option in defaults.get("Options", ()):
            yield whom, option


async def _sudo_without_password(attacker: Attacker) -> Verdict:
    if attacker.login == "root":
        return inconclusive("the only login there is yet is root, who needs no sudo")
    ran = await attacker.run(["sudo", "-k", "-n", "id", "-u"])
    if ran.status == 0 and ran.output.strip() == "0":
        return succeeded("`sudo -n id` ran as root")
    if "password is required" in ran.output:
        return repelled("sudo: a password is required")
    return inconclusive(f"sudo was not reached: {ran.output.strip()[:120]}")


SUDO_PASSWORD = Control(
    id="sudo.password",
    title="sudo asks for a password, always",
    principle=Principle.LEAST_PRIVILEGE,
    source="G3.5",
    severity=Severity.HIGH,
    stops="a stolen session or a script of the admin's account becomes root unasked",
    changes=(
        "Takes NOPASSWD and !authenticate out of sudoers and every file it includes, and "
        "makes a password count for one terminal only. Each file is checked by visudo before "
        "it is put in place."
    ),
    deviates=(
        "The guide looks at /etc/sudoers alone; cloud images switch the password off in a "
        "file of /etc/sudoers.d."
    ),
    gaps=gaps,
    attacks=(
        Attack(
            "sudo-without-password",
            "run a command through sudo with no password",
            "the host itself",
            Kind.SAFE,
            _sudo_without_password,
        ),
    ),
)
