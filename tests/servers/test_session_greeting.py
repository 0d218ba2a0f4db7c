"""What is said to sudo and to a hand before it is ready, with programs that pose as a host."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from holdfast.servers import hand_greeting, hand_streams
from holdfast.servers.hand_channel import Hand
from holdfast.servers.hand_greeting import HandStart, greet
from holdfast.servers.processes import LocalStreams
from holdfast.servers.session_errors import (
    HandFailed,
    HandLost,
    NoPython,
    SessionError,
    SudoLogsInput,
    SudoRefused,
)

NONCE = "holdfast-0123:"
PASSWORD = "a right password"

POSE = """
import json, sys, time
heard = open(sys.argv[1], "wb", buffering=0)
def say(text): sys.stdout.write(text + "\\n"); sys.stdout.flush()
def ask(): sys.stderr.write("holdfast-0123:"); sys.stderr.flush()
def hear():
    line = sys.stdin.buffer.readline(); heard.write(line); return line
def mutter(text): sys.stderr.write(text + "\\n"); sys.stderr.flush()
READY = '{"ready": 1, "root": true, "logs_input": false}'
"""
"""What the posing programs are made of; `heard` keeps every line that reached them."""


@dataclass(frozen=True)
class Word:
    text: str = field(repr=False)

    def reveal(self) -> str:
        return self.text


@dataclass
class Posing:
    """A program that poses as sudo and the hand behind it."""

    heard: Path
    asked: int = 0

    async def password(self) -> Word:
        self.asked += 1
        return Word(PASSWORD)

    def greet(
        self,
        program: str,
        *,
        sudo: bool = True,
        password: bool = True,
        then: Callable[[Hand], Awaitable[None]] | None = None,
    ) -> None:
        async def story() -> None:
            command = [sys.executable, "-c", POSE + program, str(self.heard)]
            start = HandStart(command, NONCE if sudo else None)
            streams = await LocalStreams.start(command)
            hand = await greet("db", streams, start, self.password if password else None)
            try:
                if then is not None:
                    await then(hand)
            finally:
                await hand.close()

        asyncio.run(story())


@pytest.fixture
def posing(tmp_path: Path) -> Posing:
    return Posing(tmp_path / "heard")


def test_the_password_is_sent_once_and_after_the_question(posing: Posing) -> None:
    posing.greet("ask(); hear(); say(READY); hear()")
    assert posing.heard.read_bytes() == PASSWORD.encode() + b"\n"
    assert posing.asked == 1


def test_without_a_question_no_password_is_asked_for_or_sent(posing: Posing) -> None:
    async def story(hand: Hand) -> None:
        with pytest.raises(HandLost):
            await hand.ask({"do": "probe"}, timeout_s=0.5)

    posing.greet("say(READY); hear(); hear()", then=story)
    assert posing.heard.read_bytes() == b'{"do": "probe"}\n'
    assert posing.asked == 0


def test_a_question_that_comes_in_pieces_after_a_lecture_is_understood(posing: Posing) -> None:
    posing.greet(
        "mutter('We trust you have received the usual lecture'); "
        "[(sys.stderr.write(c), sys.stderr.flush(), time.sleep(0.001)) for c in 'holdfast-0123:'];"
        "hear(); say(READY); hear()"
    )
    assert posing.asked == 1


def test_a_second_question_means_a_wrong_password_and_nothing_else_is_sent(
    posing: Posing,
) -> None:
    with pytest.raises(SudoRefused, match="password is wrong"):
        posing.greet("ask(); hear(); mutter('Sorry, try again.'); ask(); hear(); hear()")
    assert posing.heard.read_bytes() == PASSWORD.encode() + b"\n"
    assert posing.asked == 1


def test_nothing_is_sent_where_sudo_asks_and_no_password_is_at_hand(posing: Posing) -> None:
    with pytest.raises(SudoRefused, match="none is at hand"):
        posing.greet("ask(); hear()", password=False)
    assert posing.heard.read_bytes() == b""


@pytest.mark.parametrize(
    ("last_words", "error", "words"),
    [
        ("alice is not in the sudoers file.", SudoRefused, "may not use sudo"),
        (
            "Sorry, user alice is not allowed to execute '/usr/bin/python3' as root on db.",
            SudoRefused,
            "may not use sudo",
        ),
        ("Sorry, user alice may not run sudo on db.", SudoRefused, "may not use sudo"),
        ("sudo: 1 incorrect password attempt", SudoRefused, "password is wrong"),
        ("env: 'sudo': No such file or directory", SudoRefused, "not installed"),
        ("sudo: sorry, you must have a tty to run sudo", SudoRefused, "must have a tty"),
        ("sudo: python3: command not found", NoPython, "python3 is not installed"),
        ("Segmentation fault", HandLost, "Segmentation fault"),
        ("FileNotFoundError: [Errno 2] No such file or directory", HandLost, "did not start"),
    ],
)
def test_last_words_are_understood(
    posing: Posing, last_words: str, error: type[SessionError], words: str
) -> None:
    with pytest.raises(error, match=words):
        posing.greet(f"mutter({last_words!r}); sys.exit(1)")


@pytest.mark.parametrize(
    "last_words",
    ["sh: 1: python3: not found", "bash: line 1: python3: command not found"],
)
def test_a_host_without_python_is_understood(posing: Posing, last_words: str) -> None:
    with pytest.raises(NoPython, match="apply"):
        posing.greet(f"mutter({last_words!r}); sys.exit(127)", sudo=False)


def test_a_python_that_is_too_old_is_named(posing: Posing) -> None:
    with pytest.raises(NoPython, match=r"3\.7\.3"):
        posing.greet("""say('{"need": "python", "have": "3.7.3"}')""", sudo=False)


def test_sudo_that_keeps_input_is_refused(posing: Posing) -> None:
    with pytest.raises(SudoLogsInput):
        posing.greet("""say('{"ready": 1, "root": true, "logs_input": true}'); hear()""")
    assert posing.heard.read_bytes() == b""


def test_sudo_that_does_not_say_whether_it_keeps_input_is_refused(posing: Posing) -> None:
    with pytest.raises(SudoLogsInput):
        posing.greet("""say('{"ready": 1, "root": true}'); hear()""")


def test_logs_of_sudo_do_not_matter_to_root(posing: Posing) -> None:
    posing.greet("""say('{"ready": 1, "root": true, "logs_input": true}'); hear()""", sudo=False)


def test_sudo_that_makes_nobody_root_is_refused(posing: Posing) -> None:
    with pytest.raises(SudoRefused, match="did not make the hand root"):
        posing.greet("""say('{"ready": 1, "root": false, "logs_input": false}'); hear()""")


@pytest.mark.parametrize(
    "program",
    [
        "say('Welcome to db!')",
        "say('[]')",
        "say('[' * 4000)",
        "say('{\"ready\": 2}')",
        "sys.stdout.write('x' * 10_000_000)",
        "sys.stdout.buffer.write(bytes(range(256)) * 100)",
        "sys.stdout.write('{\"ready\": 1')",
        "pass",
    ],
)
@pytest.mark.parametrize("sudo", [True, False])
def test_garbage_instead_of_a_greeting_is_one_line_of_error(
    posing: Posing, program: str, sudo: bool
) -> None:
    with pytest.raises(HandLost) as lost:
        posing.greet(program, sudo=sudo)
    assert str(lost.value).isprintable()
    assert len(str(lost.value)) < 1000
    assert posing.heard.read_bytes() == b""


def test_a_key_that_only_shows_a_notice_names_the_account_to_log_in_as(posing: Posing) -> None:
    notice = 'Please login as the user "ubuntu" rather than the user "root".'
    with pytest.raises(HandLost, match=r"a notice: .*add --first-login ubuntu$"):
        posing.greet(f"print({notice!r})", sudo=False)


def test_a_flood_of_errors_does_not_block_the_hand(posing: Posing) -> None:
    posing.greet("mutter('x' * 10_000_000); ask(); hear(); say(READY); hear()")
    assert posing.asked == 1


def test_a_host_that_never_answers_is_given_up(
    posing: Posing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hand_greeting, "READY_S", 0.3)
    with pytest.raises(HandLost, match=r"not ready within .*it said: thinking"):
        posing.greet("mutter('thinking'); hear()")


def test_a_process_that_ignores_the_end_of_its_input_is_killed(
    posing: Posing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hand_streams, "CLOSE_S", 0.3)
    posing.greet("say(READY); time.sleep(600)")


@pytest.mark.parametrize("word", ["", "two\nlines", "nul\0"])
def test_a_password_that_cannot_be_one_is_never_sent(
    posing: Posing, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    async def odd() -> Word:
        return Word(word)

    monkeypatch.setattr(posing, "password", odd)
    with pytest.raises(SudoRefused, match="empty or more than one line"):
        posing.greet("ask(); hear()")
    assert posing.heard.read_bytes() == b""


def test_the_password_stands_in_no_error(posing: Posing) -> None:
    with pytest.raises(SessionError) as error:
        posing.greet("ask(); hear(); say('no greeting'); ")
    assert PASSWORD not in str(error.value) + repr(error.value)


@pytest.mark.parametrize(
    "answer",
    [
        "say('nonsense')",
        "say('{}')",
        "say('{\"done\": 3}')",
        "say('[' * 100_000)",
        "sys.stdout.write('{\"done\"')",
        "sys.exit(0)",
        "sys.stdout.write('\\x1b[2J' * 10_000 + '\\n')",
    ],
)
def test_an_answer_that_is_none_loses_the_hand(posing: Posing, answer: str) -> None:
    async def story(hand: Hand) -> None:
        with pytest.raises(HandLost) as lost:
            await hand.ask({"do": "snapshot"})
        assert str(lost.value).isprintable()
        with pytest.raises(HandLost, match="closed or lost before"):
            await hand.ask({"do": "snapshot"})

    posing.greet(f"say(READY); hear(); {answer}", sudo=False, then=story)


def test_an_answer_without_end_loses_the_hand(
    posing: Posing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holdfast.servers.hand_channel.LONGEST_ANSWER", 1_000_000)

    async def story(hand: Hand) -> None:
        with pytest.raises(HandLost, match="more than 1000000 bytes"):
            await hand.ask({"do": "snapshot"})

    posing.greet("say(READY); hear()\nwhile True: sys.stdout.write('x' * 65536)", then=story)


def test_progress_without_end_loses_the_hand(
    posing: Posing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holdfast.servers.hand_channel.LARGEST_REPLY", 10_000)

    async def story(hand: Hand) -> None:
        with pytest.raises(HandLost, match="a line of more than"):
            await hand.ask({"do": "start"})

    posing.greet(
        "say(READY); hear()\nwhile True: sys.stdout.write('{\"progress\": {}}\\n')", then=story
    )


def test_a_silence_longer_than_allowed_loses_the_hand(posing: Posing) -> None:
    async def story(hand: Hand) -> None:
        with pytest.raises(HandLost, match=r"no sign of life for 0\.2 s"):
            await hand.ask({"do": "snapshot"}, timeout_s=0.2)

    posing.greet("say(READY); hear(); hear()", then=story)


def test_progress_is_passed_on_and_counts_as_a_sign_of_life(posing: Posing) -> None:
    steps: list[object] = []

    async def story(hand: Hand) -> None:
        done = await hand.ask({"do": "start"}, steps.append, timeout_s=5)
        assert done == {"state": "armed"}

    posing.greet(
        "say(READY); hear()\n"
        "for n in range(3): say(json.dumps({'progress': {'step': n}}))\n"
        "say(json.dumps({'done': {'state': 'armed'}})); hear()",
        then=story,
    )
    assert steps == [{"step": 0}, {"step": 1}, {"step": 2}]


def test_a_failure_carries_its_kind_and_is_escaped(posing: Posing) -> None:
    async def story(hand: Hand) -> None:
        with pytest.raises(HandFailed) as failure:
            await hand.ask({"do": "start"})
        assert failure.value.kind == "drift"
        assert str(failure.value).isprintable()

    posing.greet(
        "say(READY); hear(); say(json.dumps({'failed': 'no\\x1b]0;\\nyes', 'kind': 'drift'}));"
        "hear()",
        then=story,
    )
