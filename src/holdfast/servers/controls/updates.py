"""Security updates install themselves, every day, and somebody hears of it when they do not.

The guide leaves this out; what is known and mended is what gets attacked first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from holdfast.servers import apt_config
from holdfast.servers.control import Control, Gap, Phase, Principle, Severity, Want
from holdfast.servers.snapshot import CannotJudge, Snapshot, judged
from holdfast.site import Host, Site

PACKAGE = "unattended-upgrades"
TIMERS = ("apt-daily.timer", "apt-daily-upgrade.timer")
SERVICES = ("apt-daily.service", "apt-daily-upgrade.service")  # what the timers start
NEVER_RUN = ("masked", "not-found")

# The time between two runs, in days where no unit stands; 0 or nothing is never, "always" is
# each time.
DAILY = ("APT::Periodic::Update-Package-Lists", "APT::Periodic::Unattended-Upgrade")
SWITCH = "APT::Periodic::Enable"
MAIL, REPORT = "Unattended-Upgrade::Mail", "Unattended-Upgrade::MailReport"
REPORTS = ("only-on-error", "on-change", "always")
ORIGINS = ("Unattended-Upgrade::Origins-Pattern", "Unattended-Upgrade::Allowed-Origins")
# A package on the first, or beside the second, is never updated by itself.
EXCLUSIONS = ("Unattended-Upgrade::Package-Blacklist", "Unattended-Upgrade::Package-Whitelist")
DAYS = "Unattended-Upgrade::Update-Days"  # none is each
WEEK = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
SHOWN = 200  # characters of a host's own text in a gap
LONGEST_S = 24 * 60 * 60
UNITS_S = {"": 24 * 60 * 60, "d": 24 * 60 * 60, "h": 60 * 60, "m": 60, "s": 1}
OFF = re.compile(r"\s*[+-]?0+\s*")  # as the shell of apt's timetable compares numbers
INTERVAL = re.compile(r"([0-9]{1,9})([smhd]?)")


def gaps(host: Host, snapshots: Mapping[str, Snapshot], site: Site) -> Iterable[Gap]:
    """Yield what keeps security updates from installing themselves."""
    snapshot = snapshots[host.name]
    settings = judged(snapshot.apt).settings
    if PACKAGE not in judged(snapshot.packages):
        want = Want(f"package {PACKAGE}", "installed", "yes", Phase.WIDEN)
        yield Gap(f"{PACKAGE} is not installed", f"package {PACKAGE}: absent", wants=(want,))
    elif not any("security" in origin.lower() for origin in _origins(settings)):
        yield Gap(
            "security updates are not among those that install themselves",
            f"apt-config: {ORIGINS[0]}: {', '.join(_origins(settings)) or 'nothing'}",
            mend="put the line with label=Debian-Security back into "
            "/etc/apt/apt.conf.d/50unattended-upgrades",
        )
    yield from _left_out(settings)
    for key in DAILY:
        if not _often(_value(settings, key)):
            yield _setting(f"{key} does not happen every day", key, "1", snapshot)
    if OFF.fullmatch(_value(settings, SWITCH)):
        yield _setting("apt's own timetable is switched off", SWITCH, "1", snapshot)
    if not _value(settings, MAIL):
        yield _setting("nobody is told when an update fails", MAIL, _address(site), snapshot)
    if _value(settings, REPORT) not in REPORTS:
        yield _setting("failures of updates are not reported", REPORT, REPORTS[0], snapshot)
    yield from _units(snapshot)


def _origins(settings: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(value for key in ORIGINS for value in settings.get(key, ()))


def _left_out(settings: Mapping[str, tuple[str, ...]]) -> Iterator[Gap]:
    """Packages and days on which nothing is updated; an empty pattern is one of every package."""
    for key in EXCLUSIONS:
        if settings.get(key, ()):
            shown = ", ".join(f"`{pattern}`" for pattern in settings[key])[:SHOWN]
            yield Gap(
                "packages are kept from updating themselves",
                f"apt-config: {key}: {shown}",
                mend=f"take {shown} out of {key}: grep -ri {key} /etc/apt",
            )
    days = {day.casefold() for day in settings.get(DAYS, ())}
    missing = [day for n, day in enumerate(WEEK) if not days & {day, day[:3], str(n)}]
    if days and missing:
        yield Gap(
            "updates do not install themselves every day",
            f"apt-config: {DAYS}: {', '.join(settings[DAYS])[:SHOWN]}",
            mend=f"remove {DAYS}, so that every day counts: grep -ri {DAYS} /etc/apt",
        )


def _value(settings: Mapping[str, tuple[str, ...]], key: str) -> str:
    return " ".join(settings.get(key, ()))


def _often(value: str) -> bool:
    if value == "always":
        return True
    interval = INTERVAL.fullmatch(value)
    return interval is not None and 0 < int(interval[1]) * UNITS_S[interval[2]] <= LONGEST_S


def _setting(what: str, key: str, value: str, snapshot: Snapshot) -> Gap:
    evidence = f"apt-config: {key} is {_value(judged(snapshot.apt).settings, key) or 'not set'}"
    held = snapshot.files.get(apt_config.FILE)
    if held is not None and apt_config.parse(judged(held).content or "").get(key) == value:
        mend = (
            f"take {key} out of the file that overrides {apt_config.FILE}: grep -ri {key} /etc/apt"
        )
        return Gap(what, evidence, mend=mend)
    return Gap(what, evidence, wants=(Want("apt", key, value, Phase.WIDEN),))


def _address(site: Site) -> str:
    return site.web.email if site.web is not None and site.web.email else "root"


def _units(snapshot: Snapshot) -> Iterator[Gap]:
    units = judged(snapshot.units)
    for name in (*TIMERS, *SERVICES):
        if name not in units:
            raise CannotJudge(f"{name} is not among the units that were read")
    for name in SERVICES:
        if units[name].enabled in NEVER_RUN:
            yield Gap(
                f"{name} never runs, whatever its timer does",
                f"systemd: {name} is {units[name].enabled}",
                mend=f"sudo systemctl unmask {name}",
            )
    for name in TIMERS:
        unit = units[name]
        if unit.enabled in NEVER_RUN:
            yield Gap(
                f"{name} never runs",
                f"systemd: {name} is {unit.enabled}",
                mend=f"sudo systemctl unmask {name} && sudo systemctl enable --now {name}",
            )
            continue
        wants = []
        if unit.enabled != "enabled":
            wants.append(Want(f"unit {name}", "enabled", "yes", Phase.WIDEN))
        if unit.active != "active":
            wants.append(Want(f"unit {name}", "running", "yes", Phase.WIDEN))
        if wants:
            evidence = f"systemd: {name} is {unit.enabled} and {unit.active}"
            yield Gap(f"{name} does not run", evidence, wants=tuple(wants))


UPDATES_AUTOMATIC = Control(
    id="updates.automatic",
    title="Security updates install themselves",
    principle=Principle.AUTOMATE_CHECKS,
    source="G3",
    severity=Severity.HIGH,
    stops="a hole that was mended weeks ago is still open here",
    changes=(
        "Installs unattended-upgrades, has apt look and install every day, and has failures "
        "mailed to the site's address, or to root where the site names none. What else installs "
        "itself is the host's own setting and stays."
    ),
    deviates="The guide leaves updates out.",
    gaps=gaps,
)
