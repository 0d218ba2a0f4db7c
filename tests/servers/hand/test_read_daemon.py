"""What the sshd process tells: its arguments, and when it last read its configuration."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.servers.hand import read_daemon
from holdfast.servers.hand.read_daemon import Daemon
from holdfast.servers.hand.read_units import Service

TITLE = b"sshd: /usr/sbin/sshd %s [listener] 0 of 10-100 startups\0"


@pytest.mark.parametrize(
    ("command_line", "arguments"),
    [
        (TITLE % b"-D", ("-D",)),
        (TITLE % b"-D -o PasswordAuthentication=yes", ("-D", "-o", "PasswordAuthentication=yes")),
        (TITLE % b"-D -o Banner /etc/issue -4", ("-D", "-o", "Banner /etc/issue", "-4")),
        (TITLE % b"-Df /etc/other", ("-Df", "/etc/other")),
        (b"/usr/sbin/sshd\0-D\0-o\0Banner /etc/issue\0", ("-D", "-o", "Banner /etc/issue")),
        (b"/usr/sbin/sshd\0-i\0", None),
        (b"/usr/sbin/sshd\0-D\0-R\0", None),
        (b"sshd: alice [priv]\0", None),
        (b"sshd: alice@pts/0\0", None),
        (b"/usr/bin/python3\0sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups\0", None),
        (b"sshd: /tmp/sshd -D [listener] 0 of 10-100 startups\0", None),
        (b"", None),
        (b"\0\0\0", None),
    ],
)
def test_the_arguments_of_a_listening_sshd(
    command_line: bytes, arguments: tuple[str, ...] | None
) -> None:
    assert read_daemon.daemon_arguments(command_line) == arguments


@given(st.binary(max_size=300))
def test_no_command_line_breaks_the_reader(command_line: bytes) -> None:
    for line in (command_line, b"sshd: /usr/sbin/sshd " + command_line, TITLE % command_line):
        read_daemon.daemon_arguments(line)


@pytest.mark.parametrize(
    ("arguments", "deciding"),
    [
        (["-D"], []),
        (["-D", "-o", "Banner none"], ["-o", "Banner none"]),
        (["-oBanner=none", "-De"], ["-o", "Banner=none"]),
        (["-D46p2222"], ["-4", "-6", "-p", "2222"]),
        (["-E", "-f", "-f", "/etc/other"], ["-f", "/etc/other"]),
        (["-o"], ["-o", ""]),
    ],
)
def test_what_of_the_arguments_is_passed_on(arguments: list[str], deciding: list[str]) -> None:
    assert read_daemon.deciding_arguments(arguments) == deciding


def test_another_main_file_is_followed() -> None:
    assert read_daemon.main_file(["-D"]) == "/etc/ssh/sshd_config"
    assert read_daemon.main_file(["-D", "-f", "/etc/ssh/other"]) == "/etc/ssh/other"


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("SSHD_OPTS=\n", ()),
        ("# SSHD_OPTS=-d\n", ()),
        (
            "SSHD_OPTS='-o PasswordAuthentication=yes -4'\n",
            ("-o", "PasswordAuthentication=yes", "-4"),
        ),
        ('SSHD_OPTS="unclosed -4\n', ('"unclosed', "-4")),
    ],
)
def test_what_the_next_daemon_will_be_started_with(text: str, arguments: tuple[str, ...]) -> None:
    assert read_daemon.default_arguments(text) == arguments


def entry(message: str, at: int) -> str:
    return json.dumps({"MESSAGE": message, "__REALTIME_TIMESTAMP": str(at)})


def test_the_newest_reload_of_the_journal_counts_and_nothing_else() -> None:
    lines = [
        entry("Received SIGHUP; restarting.", 1_500_000),
        entry("Received SIGHUP; restarting.", 2_500_000),
        entry("Server listening on Received SIGHUP; restarting.", 9_000_000),
        "[]",
        "null",
        "{",
        '{"MESSAGE": "Received SIGHUP; restarting.", "__REALTIME_TIMESTAMP": {}}',
    ]
    assert read_daemon.last_reload("\n".join(lines)) == 2.5


def test_the_time_of_sending_counts_more_than_that_of_arrival() -> None:
    line = json.dumps(
        {
            "MESSAGE": "Received SIGHUP; restarting.",
            "_SOURCE_REALTIME_TIMESTAMP": "1500000",
            "__REALTIME_TIMESTAMP": "9000000",
        }
    )
    assert read_daemon.last_reload(line) == 1.5


@pytest.mark.parametrize(
    ("command", "defaults", "arguments"),
    [
        ("/usr/sbin/sshd -D $SSHD_OPTS", "", ("-D",)),
        ("/usr/sbin/sshd -i $SSHD_OPTS", "SSHD_OPTS='-o UseDNS=no'", ("-o", "UseDNS=no")),
        (
            "/usr/sbin/sshd -i -f /etc/other ${SSHD_OPTS}",
            "SSHD_OPTS=-4",
            ("-f", "/etc/other", "-4"),
        ),
        ("/usr/sbin/sshd -D", "SSHD_OPTS=-4", ("-D",)),
        ("", "SSHD_OPTS=-4", ("-4",)),
    ],
)
def test_the_arguments_of_an_sshd_that_has_yet_to_be_started(
    command: str, defaults: str, arguments: tuple[str, ...]
) -> None:
    assert read_daemon.arguments_to_be(command, defaults) == arguments


DAEMON = Daemon(33, ("-D",), 100.0)
RELOAD = entry("Received SIGHUP; restarting.", 300_000_000)


@pytest.mark.parametrize(
    ("service", "journal", "loaded"),
    [
        (None, "", 100.0),
        (None, RELOAD, 300.0),
        (Service(33, 101.0, 0.0), "", 101.0),
        (Service(33, 101.0, 200.0), "", 200.0),
        (Service(33, 101.0, 200.0), RELOAD, 300.0),
        (Service(33, 0.0, 0.0), "", 100.0),
        (Service(99, 101.0, 200.0), "", 100.0),
    ],
)
def test_when_the_daemon_last_read_its_configuration(
    service: Service | None, journal: str, loaded: float
) -> None:
    assert read_daemon.loaded_at(DAEMON, service, journal) == loaded
