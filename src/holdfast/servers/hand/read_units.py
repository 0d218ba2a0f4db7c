"""The units that controls judge, as systemd sees them."""

from __future__ import annotations

import calendar
import re
from typing import Dict, List, NamedTuple

from .read_programs import CannotRead, Program

UNITS = (
    "apt-daily-upgrade.service",
    "apt-daily-upgrade.timer",
    "apt-daily.service",
    "apt-daily.timer",
    "cron.service",
    "docker.service",
    "holdfast-firewall.service",
    "holdfast-revert.service",
    "holdfast-transaction.service",
    "nftables.service",
    "ssh.service",
    "ssh.socket",
    "ufw.service",
)
CONNECTION = "ssh@holdfast.service"  # what a socket with Accept=yes starts; an instance by name
ASKED = (*UNITS, CONNECTION)
_PROPERTIES = (
    "Id,LoadState,ActiveState,UnitFileState,MainPID,ExecMainStartTimestamp,ExecReload,"
    "ExecStart,Accept"
)
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(\.\d{1,6})? UTC")
_RELOAD_STARTED = re.compile(r"start_time=\[([^\]]*)\]")
_COMMAND = re.compile(r"argv\[\]=(.*?) ; ")
_SUCCEEDED = "code=exited ; status=0 }"

Properties = Dict[str, List[str]]


class Service(NamedTuple):
    """A service's process; times are in seconds since the epoch, 0 where there is none.

    `reloaded` is when its last successful reload sent the signal.
    """

    main_pid: int
    started: float
    reloaded: float


def ask_systemd() -> Program:
    """Start the one question about all units."""
    return Program("systemctl", "show", "--timestamp=us+utc", "-p", _PROPERTIES, "--", *ASKED)


def parse_show(text: str) -> Dict[str, Properties]:
    """Return each unit's properties from `systemctl show`. Raises CannotRead if one is missing."""
    units: Dict[str, Properties] = {}
    for asked, block in zip(ASKED, re.split(r"\n\s*\n", text.strip())):
        properties: Properties = {}
        for line in block.splitlines():
            key, _, value = line.partition("=")
            properties.setdefault(key, []).append(value)
        units[asked] = properties
    missing = [name for name in ASKED if "ActiveState" not in units.get(name, {})]
    if missing:
        raise CannotRead(f"systemctl says nothing about {missing[0]}")
    return units


def units_section(units: Dict[str, Properties]) -> Dict[str, object]:
    """Return the units as the snapshot holds them."""
    section: Dict[str, object] = {}
    for name, properties in sorted(units.items()):
        if name == CONNECTION:
            continue
        load = _only(properties, "LoadState")
        enabled = _only(properties, "UnitFileState")
        section[name] = {
            "active": _only(properties, "ActiveState"),
            "enabled": load if load in ("not-found", "masked") else enabled,
        }
    return section


def service_of(properties: Properties) -> Service:
    """Return a service's process and its last reload, from what `systemctl show` says."""
    pid = _only(properties, "MainPID")
    return Service(
        int(pid) if pid.isascii() and pid.isdigit() and len(pid) < 10 else 0,
        parse_time(_only(properties, "ExecMainStartTimestamp")),
        _reloaded(properties.get("ExecReload", [])),
    )


def socket_starts(units: Dict[str, Properties]) -> str:
    """Return the command line of what ssh.socket starts, "" where that is not known."""
    each = _only(units["ssh.socket"], "Accept") == "yes"
    found = _COMMAND.search(_only(units[CONNECTION if each else "ssh.service"], "ExecStart"))
    return found[1] if found else ""


def parse_time(text: str) -> float:
    """Return `Fri 2026-11-20 22:17:32.412971 UTC` as seconds since the epoch, 0 if it is none."""
    found = _TIME.search(text)
    if found is None:
        return 0.0
    whole = calendar.timegm(tuple(int(part) for part in found.groups()[:6]))
    return whole + float(found[7] or 0)


def _reloaded(commands: List[str]) -> float:
    # Only a reload whose every command succeeded and whose last one sends the signal is one.
    if not commands or "HUP" not in commands[-1]:
        return 0.0
    if not all(command.endswith(_SUCCEEDED) for command in commands):
        return 0.0
    started = _RELOAD_STARTED.search(commands[-1])
    return parse_time(started[1]) if started else 0.0


def _only(properties: Properties, name: str) -> str:
    return properties.get(name, [""])[0]
