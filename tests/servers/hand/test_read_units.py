"""Units from what `systemctl show` prints."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from holdfast.servers.hand import read_units
from holdfast.servers.hand.read_programs import CannotRead

STARTED = "Fri 2026-11-20 22:17:32.412971 UTC"


def command(argv: str, started: str, end: str = "code=exited ; status=0") -> str:
    path = argv.split()[0]
    return (
        f"{{ path={path} ; argv[]={argv} ; ignore_errors=no ; start_time=[{started}] ; "
        f"stop_time=[{STARTED}] ; pid=38 ; {end} }}"
    )


def block(**properties: str) -> str:
    return "".join(f"{key}={value}\n" for key, value in properties.items())


ABSENT = block(Id="x", LoadState="not-found", ActiveState="inactive", UnitFileState="")


def test_units_are_read_in_the_order_of_asking() -> None:
    blocks = dict.fromkeys(read_units.ASKED, ABSENT)
    blocks["ssh.service"] = block(LoadState="loaded", ActiveState="active", UnitFileState="enabled")
    blocks["ufw.service"] = block(LoadState="masked", ActiveState="inactive", UnitFileState="")
    section = read_units.units_section(read_units.parse_show("\n".join(blocks.values())))
    assert list(section) == sorted(read_units.UNITS)
    assert section["ssh.service"] == {"active": "active", "enabled": "enabled"}
    assert section["ufw.service"] == {"active": "inactive", "enabled": "masked"}
    assert section["docker.service"] == {"active": "inactive", "enabled": "not-found"}


@pytest.mark.parametrize("kind", ["timer", "service"])
@pytest.mark.parametrize("job", ["apt-daily", "apt-daily-upgrade"])
def test_the_units_of_apt_are_asked_for(job: str, kind: str) -> None:
    name = f"{job}.{kind}"
    blocks = dict.fromkeys(read_units.ASKED, ABSENT)
    blocks[name] = block(LoadState="loaded", ActiveState="active", UnitFileState="enabled")
    section = read_units.units_section(read_units.parse_show("\n".join(blocks.values())))
    assert section[name] == {"active": "active", "enabled": "enabled"}


@pytest.mark.parametrize("count", [0, 1, len(read_units.UNITS) - 1])
def test_a_unit_that_is_missing_is_noticed(count: int) -> None:
    with pytest.raises(CannotRead):
        read_units.parse_show("\n".join([ABSENT] * count))


ALWAYS = command("/usr/sbin/sshd -D $SSHD_OPTS", STARTED)
EACH = command("/usr/sbin/sshd -i -o UseDNS=no $SSHD_OPTS", STARTED)


@pytest.mark.parametrize(
    ("accept", "each", "starts"),
    [
        ("no", "", "/usr/sbin/sshd -D $SSHD_OPTS"),
        ("no", EACH, "/usr/sbin/sshd -D $SSHD_OPTS"),
        ("yes", EACH, "/usr/sbin/sshd -i -o UseDNS=no $SSHD_OPTS"),
        ("yes", "", ""),
    ],
)
def test_what_the_socket_starts_is_taken_from_the_unit_that_it_starts(
    accept: str, each: str, starts: str
) -> None:
    units = {
        "ssh.socket": {"Accept": [accept]},
        "ssh.service": {"ExecStart": [ALWAYS]},
        read_units.CONNECTION: {"ExecStart": [each]},
    }
    assert read_units.socket_starts(units) == starts


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (STARTED, 1795213052.412971),
        ("Fri 2026-11-20 22:17:32 UTC", 1795213052.0),
        ("", 0.0),
        ("n/a", 0.0),
        ("Fri 2026-11-20 22:17:32.412971 CET", 0.0),
    ],
)
def test_a_time(text: str, seconds: float) -> None:
    assert read_units.parse_time(text) == pytest.approx(seconds, abs=1e-6)


CHECK = command("/usr/sbin/sshd -t", STARTED)
HANGUP = command("/bin/kill -HUP $MAINPID", STARTED)


@pytest.mark.parametrize(
    ("commands", "reloaded"),
    [
        ([CHECK, HANGUP], True),
        ([], False),
        ([CHECK], False),
        ([command("/usr/sbin/sshd -t", STARTED, "code=exited ; status=255"), HANGUP], False),
        ([CHECK, command("/bin/kill -HUP $MAINPID", "n/a", "code=(null) ; status=0/0")], False),
        ([command("/bin/true", STARTED)], False),
    ],
)
def test_a_reload_counts_if_the_signal_was_sent(commands: list[str], reloaded: bool) -> None:
    service = read_units.service_of({"MainPID": ["33"], "ExecReload": commands})
    assert (service.main_pid, service.reloaded > 0) == (33, reloaded)


@given(st.text(max_size=200))
@example("²")
def test_no_output_breaks_the_parsers(text: str) -> None:
    read_units.parse_time(text)
    read_units.service_of({"MainPID": [text], "ExecReload": [text]})
    with pytest.raises(CannotRead):
        read_units.parse_show(text)
