"""A hand on this machine: how it is packed, sent, started, asked and ended."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import socket
import subprocess
import sys
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from holdfast.servers.hand.serve import sudo_logs_input
from holdfast.servers.hand_channel import Hand
from holdfast.servers.session import LocalSession
from holdfast.servers.session_errors import HandFailed, HandLost, SessionError
from holdfast.servers.zipapp import BOOT, LARGEST_HAND, hand_zip

T = TypeVar("T")


def with_hand(story: Callable[[Hand], Awaitable[T]]) -> T:
    async def run() -> T:
        async with LocalSession.open() as session:
            hand = await session.hand()
            try:
                return await story(hand)
            finally:
                await hand.close()

    return asyncio.run(run())


def boot(input: bytes, digest: str = "") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-I", "-c", BOOT, digest or hand_zip().sha256],
        input=input,
        capture_output=True,
        timeout=30,
        check=False,
    )


def test_the_hand_is_packed_the_same_each_time() -> None:
    first = hand_zip()
    hand_zip.cache_clear()
    assert hand_zip() == first
    assert hashlib.sha256(first.data).hexdigest() == first.sha256


def test_the_zip_holds_the_hand_and_nothing_else() -> None:
    names = zipfile.ZipFile(io.BytesIO(hand_zip().data)).namelist()
    assert {"__main__.py", "hand/__init__.py", "hand/serve.py"} <= set(names)
    assert [name for name in names if not name.startswith("hand/")] == ["__main__.py"]


def test_a_hand_is_ready_and_knows_whether_it_is_root() -> None:
    async def story(hand: Hand) -> bool:
        return hand.root

    assert with_hand(story) is (os.geteuid() == 0)


def test_a_hand_answers_requests_one_after_the_other() -> None:
    async def story(hand: Hand) -> list[dict[str, Any]]:
        return [await hand.ask({"do": "probe", "targets": []}) for _ in range(3)]

    assert with_hand(story) == [{"results": []}] * 3


def test_requests_that_are_sent_at_once_get_their_own_answers() -> None:
    async def story(hand: Hand) -> list[dict[str, Any]]:
        ports = range(1, 6)
        asked = [{"do": "probe", "targets": [["127.0.0.1", port]]} for port in ports]
        return await asyncio.gather(*(hand.ask(each) for each in asked))

    assert [answer["results"][0][1] for answer in with_hand(story)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("request_", "kind"),
    [
        ({"do": "dance"}, "unknown"),
        ({}, "unknown"),
        ({"do": "probe"}, "request"),
        ({"do": "probe", "targets": [["127.0.0.1", 0]]}, "request"),
        ({"do": "probe", "targets": [], "timeout_s": "soon"}, "request"),
        ({"do": "probe", "targets": [], "timeout_s": 1e9}, "request"),
    ],
)
def test_a_request_that_makes_no_sense_fails_and_the_hand_goes_on(
    request_: dict[str, Any], kind: str
) -> None:
    async def story(hand: Hand) -> dict[str, Any]:
        with pytest.raises(HandFailed) as failure:
            await hand.ask(request_)
        assert failure.value.kind == kind
        assert "\n" not in str(failure.value)
        return await hand.ask({"do": "probe", "targets": []})

    assert with_hand(story) == {"results": []}


def test_a_probe_tells_open_refused_and_bad_addresses_apart() -> None:
    async def story(hand: Hand) -> list[str]:
        targets = [["127.0.0.1", heard], ["::1", heard6], ["127.0.0.1", unheard], ["not.an", 1]]
        answer = await hand.ask({"do": "probe", "targets": targets, "timeout_s": 5})
        return [result[2] for result in answer["results"]]

    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        socket.create_server(("::1", 0), family=socket.AF_INET6) as listening6,
        socket.socket() as bound,
    ):
        bound.bind(("127.0.0.1", 0))
        heard, heard6 = listening.getsockname()[1], listening6.getsockname()[1]
        unheard = bound.getsockname()[1]
        outcomes = with_hand(story)
    assert outcomes[:3] == ["open", "open", "refused"]
    assert outcomes[3].startswith("error: ")


def test_a_probe_of_a_listener_whose_queue_is_full_is_silent() -> None:
    async def story(hand: Hand) -> list[str]:
        answer = await hand.ask({"do": "probe", "targets": [[*where]], "timeout_s": 0.3})
        return [result[2] for result in answer["results"]]

    with socket.create_server(("127.0.0.1", 0), backlog=0) as listening:
        where = listening.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        try:
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(where)
            assert with_hand(story) == ["silent"]
        finally:
            for filler in fillers:
                filler.close()


def test_a_probe_of_many_ports_answers_all_in_the_order_asked() -> None:
    async def story(hand: Hand) -> dict[str, Any]:
        return await hand.ask({"do": "probe", "targets": targets, "timeout_s": 5})

    targets = [["127.0.0.1", port] for port in range(1, 2001)]
    results = with_hand(story)["results"]
    assert [result[:2] for result in results] == targets
    assert {result[2] for result in results} <= {"open", "refused"}


def test_a_hand_that_was_closed_is_of_no_more_use() -> None:
    async def story(hand: Hand) -> None:
        await hand.close()
        with pytest.raises(HandLost):
            await hand.ask({"do": "probe", "targets": []})

    with_hand(story)


@pytest.mark.timeout(30)
def test_an_operation_cannot_disturb_the_session_by_printing_or_reading() -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); from hand import serve; import os\n"
        "def noisy(request, progress):\n"
        "    print('noise', flush=True); os.system('echo more noise; cat')\n"
        "    progress({'step': 1}); return {'read': sys.stdin.read()}\n"
        "serve.OPERATIONS['noise'] = noisy; serve.serve()\n"
    )
    folder = Path(__file__).parents[2] / "src/holdfast/servers"
    started = subprocess.Popen(
        [sys.executable, "-c", program, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with started as hand:
        assert hand.stdin
        assert hand.stdout
        answers = [json.loads(hand.stdout.readline())]
        for _ in range(2):
            hand.stdin.write(b'{"do": "noise"}\n')
            hand.stdin.flush()  # and stays open: what reads on would wait for ever
            answers += [json.loads(hand.stdout.readline()) for _ in range(2)]
        rest, errors = hand.communicate(timeout=30)
    assert answers[0]["ready"] == 1
    assert answers[1:] == [{"progress": {"step": 1}}, {"done": {"read": ""}}] * 2
    assert rest == b""
    assert errors.count(b"noise") == 4


@pytest.mark.parametrize("request_", [b"nonsense\n", b"[]\n", b"null\n", b'{"do": 3}\n'])
def test_a_line_that_is_no_request_is_answered_as_failed(request_: bytes) -> None:
    answers = boot(hand_zip().framed() + request_).stdout.splitlines()
    assert set(json.loads(answers[-1])) == {"failed", "kind"}


def test_a_request_that_was_cut_off_is_not_carried_out() -> None:
    answers = boot(hand_zip().framed() + b'{"do": "probe", "targets": []}').stdout.splitlines()
    assert [sorted(json.loads(line)) for line in answers] == [
        ["need"],
        ["logs_input", "ready", "root"],
    ]


def test_a_hand_nobody_listens_to_ends_quietly() -> None:
    started = subprocess.Popen(
        [sys.executable, "-I", "-c", BOOT, hand_zip().sha256],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with started as hand:
        assert hand.stdin
        assert hand.stdout
        assert hand.stderr
        hand.stdin.write(hand_zip().framed())
        hand.stdin.flush()
        hand.stdout.readline()
        hand.stdout.readline()
        hand.stdout.close()
        hand.stdin.write(b'{"do": "probe", "targets": []}\n' * 3)
        hand.stdin.close()
        assert hand.wait(timeout=30) == 0
        assert hand.stderr.read() == b""


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\0" * 7,
        hand_zip().framed()[:-1],
        hand_zip().framed()[:-1] + b"!",
        (LARGEST_HAND + 1).to_bytes(8, "big") + b"x" * 100,
        b"\xff" * 64,
    ],
)
def test_a_program_that_is_not_the_announced_one_is_not_run(sent: bytes) -> None:
    left = boot(sent)
    assert left.stdout == b'{"need": "hand"}\n'
    assert left.returncode == 1
    assert left.stderr.startswith(b"hand: ")
    assert left.stderr.count(b"\n") == 1


def test_a_digest_that_is_none_is_refused_before_anything_is_opened() -> None:
    left = boot(b"", "../../etc/passwd")
    assert (left.stdout, left.returncode) == (b"", 1)


def test_a_python_that_lacks_modules_is_told_apart() -> None:
    minimal = "import sys; sys.modules['json'] = None\n" + BOOT
    left = subprocess.run(
        [sys.executable, "-I", "-c", minimal, "0" * 64], capture_output=True, timeout=30, check=True
    )
    answer = json.loads(left.stdout)
    assert answer["need"] == "python"
    assert "without json" in answer["have"]


def test_a_python_that_is_too_old_is_told_apart() -> None:
    old = "import sys; sys.version_info = (3, 7, 3)\n" + BOOT
    left = subprocess.run(
        [sys.executable, "-I", "-c", old, "0" * 64], capture_output=True, timeout=30, check=True
    )
    assert json.loads(left.stdout) == {"need": "python", "have": "3.7.3"}


def test_nothing_is_left_on_disk_by_a_hand_that_was_sent(tmp_path: Path) -> None:
    boot(hand_zip().framed())
    assert not Path("/usr/lib/holdfast").joinpath(f"hand-{hand_zip().sha256}.pyz").exists()


def test_a_command_gets_its_input_and_gives_its_status_and_output() -> None:
    async def story() -> None:
        session = LocalSession()
        left = await session.run(["sh", "-c", "cat; echo oops >&2; exit 3"], b"in put")
        assert (left.status, left.stdout, left.stderr) == (3, b"in put", b"oops\n")

    asyncio.run(story())


def test_a_command_that_does_not_end_is_given_up_in_time() -> None:
    async def story() -> None:
        with pytest.raises(HandLost, match="did not end within"):
            await LocalSession().run(["sleep", "600"], timeout_s=0.2)

    asyncio.run(story())


def test_a_command_that_prints_without_end_is_given_up() -> None:
    async def story() -> None:
        with pytest.raises(SessionError, match="printed more than"):
            await LocalSession().run(["cat", "/dev/zero"])

    asyncio.run(story())


def test_a_command_that_does_not_read_its_input_may_end() -> None:
    async def story() -> None:
        left = await LocalSession().run(["true"], b"x" * 1_000_000)
        assert left.status == 0

    asyncio.run(story())


@pytest.mark.parametrize(
    ("policy", "logs"),
    [
        ("root ALL=(ALL) ALL\n", False),
        ("Defaults log_input\nroot ALL=(ALL) ALL\n", True),
        ("Defaults:alice log_input\nroot ALL=(ALL) ALL\n", True),
        ("Defaults !log_input\nroot ALL=(ALL) ALL\n", False),
        ("# Defaults log_input\nroot ALL=(ALL) ALL\n", False),
        ("alice ALL=(ALL) LOG_INPUT: ALL\n", True),
        ("Defaults log_output\nroot ALL=(ALL) ALL\n", False),
    ],
)
def test_a_policy_that_keeps_input_is_recognised(tmp_path: Path, policy: str, logs: bool) -> None:
    file = tmp_path / "sudoers"
    file.write_text(policy)
    file.chmod(0o440)
    assert sudo_logs_input(file) is logs


def test_without_sudo_nothing_keeps_input(tmp_path: Path) -> None:
    assert not sudo_logs_input(tmp_path / "sudoers")
