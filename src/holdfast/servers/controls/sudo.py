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
from holdfast.servers.snapshot import Snapshot, Unreadable, judged
from holdfast.site import Host, Site

NOPASSWD = re.compile(r"\bNOPASSWD\s*:\s*")
NOT_AUTHENTICATE = re.compile(r"(?:,\s*)?!\s*authenticate\b(?:\s*,)?")
PER_TERMINAL = ("tty", None)  # what `timestamp_type` may be; tty is sudo's own default


def gaps(host: Host, snapshots: Mapping[str, Snapshot], site: Site) -> Iterable[Gap]:
    """Yield each line that lets somebody become root without a password."""
    snapshot = snapshots[host.name]
    sudo = judged(snapshot.sudo)
    if not sudo.installed:
        raise NotApplicable("sudo is not installed")
    lines = list(_lines_without_password(snapshot))
    for path, line, mended in lines:
        yield Gap(
            "a line lets somebody use sudo without a password",
            f"{path}: {line.strip()}",
            wants=(Want(f"lines {path}", line, mended, Phase.NARROW),),
        )
    if not lines and any(_without_password(sudo.policy)):
        yield Gap(
            "sudo lets somebody through without a password",
            "; ".join(_without_password(sudo.policy)),
            mend="find the rule with: sudo cvtsudoers /etc/sudoers; remove NOPASSWD from it",
        )
    kind = _option(sudo.policy, "timestamp_type")
    if kind not in PER_TERMINAL or _option(sudo.policy, "tty_tickets") is False:
        yield Gap(
            "one terminal's sudo password counts for others",
            f"timestamp_type: {kind}",
            wants=(Want("sudoers", "Defaults timestamp_type", "tty", Phase.NARROW),),
        )


def _lines_without_password(snapshot: Snapshot) -> Iterator[tuple[str, str, str]]:
    """Yield path, line, and the line with its password back."""
    for path, held in sorted(snapshot.files.items()):
        if not path.startswith("/etc/sudoers") or isinstance(held, Unreadable):
            continue
        for line in (held.content or "").splitlines():
            if line.lstrip().startswith("#"):
                continue
            mended = NOPASSWD.sub("", line)
            if line.split()[:1] and line.split()[0].startswith("Defaults"):
                mended = NOT_AUTHENTICATE.sub("", mended)
                if mended != line and len(mended.split()) < 2:
                    mended = f"# {line.strip()}"
            if mended != line:
                yield path, line, mended


def _without_password(policy: Mapping[str, Any]) -> Iterator[str]:
    """Yield who needs no password, as sudo itself reads its configuration."""
    for rule in policy.get("User_Specs", ()):
        for command in rule.get("Cmnd_Specs", ()):
            if any(option.get("authenticate") is False for option in command.get("Options", ())):
                users = (next(iter(user.values()), "?") for user in rule.get("User_List", ()))
                yield f"{', '.join(map(str, users))}: NOPASSWD"
    if _option(policy, "authenticate") is False:
        yield "Defaults !authenticate"


def _option(policy: Mapping[str, Any], name: str) -> Any:
    """Return the last value that Defaults give an option, or None."""
    value = None
    for defaults in policy.get("Defaults", ()):
        for option in defaults.get("Options", ()):
            value = option.get(name, value)
    return value


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
