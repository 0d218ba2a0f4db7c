"""Beside the host: what is written there is never seen outside, and it ends in time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from holdfast.lab.records import folder
from holdfast.servers.hand.aside import LARGEST_ANSWER, aside
from holdfast.servers.hand.failed import Failed
from holdfast.servers.hand.places import call

pytestmark = pytest.mark.usefixtures("needs_root")

NEW, PRESENT = Path("/etc/holdfast-aside"), Path("/etc/hostname")


def mounts() -> list[str]:
    """Of this machine, without those of labs: other tests start and end servers meanwhile."""
    lines = Path("/proc/self/mounts").read_text().splitlines()
    return [line for line in lines if str(folder()) not in line]


def failure(work: Callable[[], dict[str, Any]], within_s: float = 60) -> Failed:
    with pytest.raises(Failed) as caught:
        aside(work, within_s)
    return caught.value


def test_what_is_returned_comes_back() -> None:
    assert aside(lambda: {"a": [1, "é", None]}) == {"a": [1, "é", None]}


def test_a_new_file_is_seen_inside_and_never_outside() -> None:
    def work() -> dict[str, Any]:
        NEW.write_text("x")
        return {"inside": NEW.read_text()}

    assert (aside(work), NEW.exists()) == ({"inside": "x"}, False)


def test_a_changed_file_is_as_it_was_outside() -> None:
    before = PRESENT.read_text()

    def work() -> dict[str, Any]:
        PRESENT.write_text("changed\n")
        return {"inside": PRESENT.read_text()}

    assert (aside(work), PRESENT.read_text()) == ({"inside": "changed\n"}, before)


def test_a_removed_file_is_there_outside() -> None:
    def work() -> dict[str, Any]:
        PRESENT.unlink()
        return {"inside": PRESENT.exists()}

    assert (aside(work), PRESENT.exists()) == ({"inside": False}, True)


@pytest.mark.parametrize("folder", ["/var/lib/pam", "/var/cache/debconf", "/tmp"])
def test_pams_own_state_is_covered_too(folder: str) -> None:
    path = Path(folder) / "holdfast-aside"

    def work() -> dict[str, Any]:
        path.write_text("x")
        return {"inside": path.exists()}

    assert (aside(work), path.exists()) == ({"inside": True}, False)


def test_a_program_that_is_started_inside_sees_what_is_written_there() -> None:
    def work() -> dict[str, Any]:
        NEW.write_text("from inside")
        return {"said": call(["cat", str(NEW)]).stdout}

    assert aside(work) == {"said": "from inside"}


def test_two_trials_do_not_see_each_other() -> None:
    def work() -> dict[str, Any]:
        seen = NEW.exists()
        NEW.write_text("x")
        return {"seen": seen}

    assert [aside(work), aside(work)] == [{"seen": False}, {"seen": False}]


def test_no_mount_is_left() -> None:
    before = mounts()
    aside(lambda: {"inside": mounts()})
    assert mounts() == before


def test_a_failure_travels_with_its_kind() -> None:
    def work() -> dict[str, Any]:
        raise Failed("it would refuse it", "invalid")

    failed = failure(work)
    assert (str(failed), failed.kind) == ("it would refuse it", "invalid")


def test_an_accident_inside_is_a_defect_in_bounded_words() -> None:
    def work() -> dict[str, Any]:
        raise ValueError("x" * 10_000)

    failed = failure(work)
    assert (failed.kind, str(failed)[:12], len(str(failed))) == ("defect", "ValueError: ", 500)


def test_a_child_that_would_exit_says_so() -> None:
    def work() -> dict[str, Any]:
        raise SystemExit(3)

    assert failure(work).kind == "defect"


def test_an_answer_that_is_no_plain_data_is_a_defect() -> None:
    assert failure(lambda: {"a": object()}).kind == "defect"


def test_a_child_that_dies_is_noticed() -> None:
    def work() -> dict[str, Any]:
        os._exit(0)

    assert failure(work).kind == "slow"


def test_an_answer_without_an_end_is_cut_off() -> None:
    assert failure(lambda: {"a": "x" * (2 * LARGEST_ANSWER)}).kind == "slow"


def test_a_child_that_hangs_is_ended_in_time() -> None:
    def work() -> dict[str, Any]:
        time.sleep(600)
        return {}

    began = time.monotonic()
    assert failure(work, within_s=0.5).kind == "slow"
    assert time.monotonic() - began < 60


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:  # it ended
        return False


def ends(pid: int) -> bool:
    deadline = time.monotonic() + 30
    while running(pid):
        if time.monotonic() > deadline:
            return False
        os.sched_yield()
    return True


@pytest.mark.parametrize("hangs", [False, True])
def test_what_the_child_has_started_ends_with_it(tmp_path: Path, hangs: bool) -> None:
    reads, writes = os.pipe()

    def work() -> dict[str, Any]:
        started = os.posix_spawn("/bin/sleep", ["sleep", "600"], {})
        os.write(writes, f"{started}\n".encode())
        if hangs:
            time.sleep(600)
        return {}

    if hangs:
        failure(work, within_s=2)
    else:
        aside(work)
    os.close(writes)
    with os.fdopen(reads) as stream:
        started = int(stream.read())
    assert ends(started)
