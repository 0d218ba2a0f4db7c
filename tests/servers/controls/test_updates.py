"""updates.automatic: security updates install themselves every day, and failures are told."""

from __future__ import annotations

import pytest
from building import APT_UNITS, RUNS, SITE, file, site, snapshot
from hypothesis import given
from hypothesis import strategies as st
from model import ORIGINS

from holdfast.servers import apt_config
from holdfast.servers.control import Gap, Phase, Want
from holdfast.servers.controls.updates import (
    DAILY,
    DAYS,
    EXCLUSIONS,
    MAIL,
    PACKAGE,
    REPORT,
    SERVICES,
    SWITCH,
    TIMERS,
    gaps,
)
from holdfast.servers.snapshot import Apt, CannotJudge, Snapshot, Unit

SETTINGS = {
    **dict.fromkeys(DAILY, ("1",)),
    MAIL: ("ops@example.com",),
    REPORT: ("on-change",),
    ORIGINS: ("origin=Debian,codename=${distro_codename},label=Debian-Security",),
}
DEBIAN = "origin=Debian,codename=${distro_codename},label=Debian"
NO_INTERVALS = ["never", "-1", "²", "h", "1 1", "1.0"]
ALLOWED = "Unattended-Upgrade::Allowed-Origins"
UPDATE, UPGRADE = TIMERS


def with_settings(changes: dict[str, tuple[str, ...]]) -> Snapshot:
    """A host that updates itself, with these settings in place of others."""
    return snapshot(
        apt=Apt(settings=SETTINGS | changes),
        packages={PACKAGE: "1"},
        units={"ssh.service": RUNS, **APT_UNITS},
    )


def found(seen: Snapshot, text: str = SITE) -> list[Gap]:
    of = site(text)
    return list(gaps(of.hosts["app"], {"app": seen}, of))


def only(seen: Snapshot, text: str = SITE) -> Gap:
    (gap,) = found(seen, text)
    return gap


def wants(seen: Snapshot, text: str = SITE) -> list[tuple[str, str, str]]:
    return [(w.resource, w.key, w.value) for gap in found(seen, text) for w in gap.wants]


def test_a_host_that_updates_itself_has_no_gap() -> None:
    assert found(with_settings({})) == []


def test_without_the_package_it_is_installed() -> None:
    gap = only(with_settings({}).model_copy(update={"packages": {}}))
    assert gap.wants == (Want(f"package {PACKAGE}", "installed", "yes", Phase.WIDEN),)


# How often


@pytest.mark.parametrize("key", DAILY)
@pytest.mark.parametrize("value", ["1", "always", "1d", "24h", "12h", "90m", "3600s"])
def test_once_a_day_or_more_often_is_no_gap(key: str, value: str) -> None:
    assert found(with_settings({key: (value,)})) == []


@pytest.mark.parametrize("key", DAILY)
@pytest.mark.parametrize(
    "value",
    [
        "",
        "0",
        "00",
        "0h",
        "2",
        "7",
        "7d",
        "25h",
        "48h",
        "2000m",
        "100000s",
        "9" * 4096,
        *NO_INTERVALS,
    ],
)
def test_more_seldom_or_never_is_a_gap(key: str, value: str) -> None:
    assert wants(with_settings({key: (value,)})) == [("apt", key, "1")]


@pytest.mark.parametrize("key", DAILY)
def test_what_is_not_set_does_not_happen(key: str) -> None:
    assert wants(with_settings({key: ()})) == [("apt", key, "1")]


@pytest.mark.parametrize("value", ["0", "00", "-0", "+0", " 0"])
def test_apts_own_timetable_is_switched_on(value: str) -> None:
    assert wants(with_settings({SWITCH: (value,)})) == [("apt", SWITCH, "1")]


@pytest.mark.parametrize("value", [("1",), ("2",), ()])
def test_apts_own_timetable_is_on_unless_it_is_off(value: tuple[str, ...]) -> None:
    assert found(with_settings({SWITCH: value})) == []


# What


@pytest.mark.parametrize(
    "settings",
    [
        {ORIGINS: (DEBIAN, f"{DEBIAN}-Security")},
        {ORIGINS: (), ALLOWED: ("${distro_id}:${distro_codename}-security",)},
        {ORIGINS: (DEBIAN,), ALLOWED: ("Ubuntu:jammy-security",)},
    ],
    ids=["patterns", "Ubuntu's", "both"],
)
def test_security_updates_among_others_are_no_gap(settings: dict[str, tuple[str, ...]]) -> None:
    assert found(with_settings(settings)) == []


@pytest.mark.parametrize("origins", [(), (DEBIAN,), ("o=Docker", DEBIAN)])
def test_no_security_updates_are_left_to_a_person(origins: tuple[str, ...]) -> None:
    gap = only(with_settings({ORIGINS: origins}))
    assert (gap.automatic, "50unattended-upgrades" in gap.mend) == (False, True)


@pytest.mark.parametrize("key", EXCLUSIONS)
@pytest.mark.parametrize("patterns", [(".*",), ("",), ("libc6$", "openssl")])
def test_packages_that_are_left_out_are_named_to_a_person(
    key: str, patterns: tuple[str, ...]
) -> None:
    gap = only(with_settings({key: patterns}))
    assert (gap.automatic, all(f"`{p}`" in gap.mend for p in patterns)) == (False, True)


@pytest.mark.parametrize("key", EXCLUSIONS)
def test_no_package_left_out_is_no_gap(key: str) -> None:
    assert found(with_settings({key: ()})) == []


@pytest.mark.parametrize("days", [("Mon",), ("Mon", "Fri"), ("1", "2", "3", "4", "5"), ("",)])
def test_days_without_updates_are_left_to_a_person(days: tuple[str, ...]) -> None:
    gap = only(with_settings({DAYS: days}))
    assert (gap.automatic, DAYS in gap.mend) == (False, True)


@pytest.mark.parametrize(
    "days", [(), ("Mon", "tuesday", "3", "Thu", "Friday", "6", "0"), tuple("0123456")]
)
def test_updates_on_every_day_are_no_gap(days: tuple[str, ...]) -> None:
    assert found(with_settings({DAYS: days})) == []


# Who hears of it


def test_nobody_told_is_mended_by_the_sites_address() -> None:
    text = SITE + '\n[web]\nemail = "ops@todo.example.com"\n'
    assert wants(with_settings({MAIL: ()}), text) == [("apt", MAIL, "ops@todo.example.com")]


def test_nobody_told_is_mended_by_root_where_the_site_has_no_address() -> None:
    assert wants(with_settings({MAIL: ()})) == [("apt", MAIL, "root")]


@pytest.mark.parametrize("report", ["only-on-error", "on-change", "always"])
def test_a_report_of_failures_is_no_gap(report: str) -> None:
    assert found(with_settings({REPORT: (report,)})) == []


@pytest.mark.parametrize("report", [(), ("never",), ("ON-CHANGE",), ("",)])
def test_no_report_of_failures_is_a_gap(report: tuple[str, ...]) -> None:
    assert wants(with_settings({REPORT: report})) == [("apt", REPORT, "only-on-error")]


# Our own file


@pytest.mark.parametrize("key", [*DAILY, SWITCH])
def test_a_file_that_overrides_ours_is_left_to_a_person(key: str) -> None:
    seen = with_settings({key: ("0",)})
    ours = {apt_config.FILE: file(apt_config.render({key: "1"}))}
    gap = only(seen.model_copy(update={"files": ours}))
    assert (gap.automatic, f"grep -ri {key} /etc/apt" in gap.mend) == (False, True)


def test_our_file_with_another_value_is_written_anew() -> None:
    seen = with_settings({DAILY[0]: ("7",)})
    ours = {apt_config.FILE: file(apt_config.render({DAILY[0]: "7"}))}
    assert wants(seen.model_copy(update={"files": ours})) == [("apt", DAILY[0], "1")]


# Timers


def with_timer(name: str, active: str, enabled: str) -> Snapshot:
    units = {**APT_UNITS, name: Unit(active=active, enabled=enabled)}
    return with_settings({}).model_copy(update={"units": units})


@pytest.mark.parametrize("name", TIMERS)
def test_a_timer_that_neither_runs_nor_will_is_enabled_and_started(name: str) -> None:
    resource = f"unit {name}"
    assert wants(with_timer(name, "inactive", "disabled")) == [
        (resource, "enabled", "yes"),
        (resource, "running", "yes"),
    ]


@pytest.mark.parametrize("active", ["inactive", "failed"])
def test_a_timer_that_does_not_run_now_is_started(active: str) -> None:
    assert wants(with_timer(UPDATE, active, "enabled")) == [(f"unit {UPDATE}", "running", "yes")]


def test_a_timer_that_is_gone_after_a_reboot_is_enabled() -> None:
    assert wants(with_timer(UPGRADE, "active", "disabled")) == [
        (f"unit {UPGRADE}", "enabled", "yes")
    ]


@pytest.mark.parametrize("enabled", ["masked", "not-found"])
@pytest.mark.parametrize("name", TIMERS)
def test_a_timer_that_somebody_masked_is_left_to_a_person(name: str, enabled: str) -> None:
    gap = only(with_timer(name, "inactive", enabled))
    assert (gap.automatic, f"unmask {name}" in gap.mend) == (False, True)


@pytest.mark.parametrize("enabled", ["masked", "not-found"])
@pytest.mark.parametrize("name", SERVICES)
def test_a_timer_that_starts_nothing_is_left_to_a_person(name: str, enabled: str) -> None:
    gap = only(with_timer(name, "inactive", enabled))
    assert (gap.automatic, f"unmask {name}" in gap.mend) == (False, True)


@pytest.mark.parametrize("name", [*TIMERS, *SERVICES])
def test_a_unit_that_was_not_read_cannot_be_judged(name: str) -> None:
    units = {other: RUNS for other in APT_UNITS if other != name}
    with pytest.raises(CannotJudge, match=name):
        found(with_settings({}).model_copy(update={"units": units}))


@given(
    st.dictionaries(
        st.sampled_from(sorted({*SETTINGS, SWITCH, DAYS, *EXCLUSIONS})),
        st.lists(st.text()).map(tuple),
    )
)
def test_no_settings_end_in_anything_but_gaps(settings: dict[str, tuple[str, ...]]) -> None:
    found(with_settings(settings))
