"""A trail in a folder: writers that die, writers at the same time, files that were touched."""

from __future__ import annotations

import json
import random
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from holdfast.trail.entry import Entry, decoded
from holdfast.trail.folder import Folder, TrailError
from holdfast.trail.log import Hashes, Verdict, verify

NAME = "holdfast/test"
WRITER = """
import sys
from pathlib import Path
from holdfast.trail.entry import Entry
from holdfast.trail.folder import Folder
trail = Folder(Path(sys.argv[1]), "holdfast/test")
for number in range(int(sys.argv[3])):
    placed = trail.append(Entry("test.wrote", who=sys.argv[2], details={"n": str(number)}))
    print(placed, flush=True)
"""


def writer(folder: Path, who: str, count: int) -> subprocess.Popen[str]:
    argv = [sys.executable, "-c", WRITER, str(folder), who, str(count)]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)


def judged(trail: Folder) -> Verdict:
    return verify(Hashes(trail.records()), trail.signer.verifier, trail.seen())


def entries(trail: Folder) -> list[Entry]:
    return [decoded(record.data) for record in trail.records()]


def filled(folder: Path, count: int = 20) -> Folder:
    trail = Folder(folder, NAME)
    for number in range(count):
        assert trail.append(Entry("test.wrote", who=str(number))) == number
    return trail


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    trail = filled(tmp_path / "trail")
    assert [entry.who for entry in entries(trail)] == [str(number) for number in range(20)]
    assert judged(trail).good
    assert judged(Folder(tmp_path / "trail", NAME)).good


def test_nobody_else_reads_it(tmp_path: Path) -> None:
    filled(tmp_path / "trail", 1)
    for path in (tmp_path / "trail", *(tmp_path / "trail").iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


def test_writers_that_are_killed_leave_no_gap_and_no_fork(tmp_path: Path) -> None:
    told: dict[int, str] = {}
    for turn in range(12):
        running = [writer(tmp_path / "t", f"{turn}-{who}", 10_000) for who in "ab"]
        time.sleep(0.25 + random.random() * 0.2)
        for process in running:
            process.send_signal(signal.SIGKILL)
        for who, process in zip("ab", running, strict=True):
            said, _ = process.communicate(timeout=20)
            for line in said.splitlines():
                if line.isdigit():
                    assert told.setdefault(int(line), f"{turn}-{who}") == f"{turn}-{who}"
    trail = Folder(tmp_path / "t", NAME)
    trail.append(Entry("test.last"))
    assert judged(trail).good
    written = entries(trail)
    assert len(told) > 20
    assert all(written[number].who == who for number, who in told.items())
    for who in {entry.who for entry in written[:-1]}:
        numbers = [int(entry.details["n"]) for entry in written[:-1] if entry.who == who]
        assert numbers == list(range(len(numbers)))


def test_writers_at_the_same_time_have_one_order(tmp_path: Path) -> None:
    running = [writer(tmp_path / "t", who, 100) for who in "abc"]
    placed = [int(n) for one in running for n in one.communicate(timeout=60)[0].split()]
    assert sorted(placed) == list(range(300))
    assert judged(Folder(tmp_path / "t", NAME)).good


@pytest.mark.parametrize("torn", [1, 30, 100])
def test_a_line_that_was_torn_off_is_dropped_by_who_writes_next(tmp_path: Path, torn: int) -> None:
    trail = filled(tmp_path / "t")
    path = tmp_path / "t/entries"
    whole = path.read_bytes()
    with path.open("ab") as file:
        file.write(whole[:torn])
    assert judged(trail).good
    assert trail.append(Entry("test.next")) == 20
    assert judged(trail).good
    assert len(entries(trail)) == 21


@pytest.mark.parametrize("damage", ["gone", "empty", "{}", "[1]", "behind", "parts"])
def test_a_damaged_state_is_made_anew(tmp_path: Path, damage: str) -> None:
    trail = filled(tmp_path / "t", 10)
    path = tmp_path / "t/state"
    before = path.read_text()
    filled_more = trail.append(Entry("test.more"))
    match damage:
        case "gone":
            path.unlink()
        case "empty":
            path.write_text("")
        case "behind":
            path.write_text(before)
        case "parts":
            path.write_text(json.dumps(json.loads(path.read_text()) | {"parts": ["AAAA"]}))
        case text:
            path.write_text(text)
    assert trail.append(Entry("test.next")) == filled_more + 1
    assert judged(trail).good


def test_nothing_is_added_after_entries_were_taken_away(tmp_path: Path) -> None:
    trail = filled(tmp_path / "t")
    path = tmp_path / "t/entries"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-3]))
    assert judged(trail).wrong == 17
    with pytest.raises(TrailError, match="taken away"):
        trail.append(Entry("test.next"))


def test_nothing_is_added_after_what_others_have_written(tmp_path: Path) -> None:
    trail = filled(tmp_path / "t")
    path = tmp_path / "t/entries"
    line = path.read_bytes().splitlines(keepends=True)[3]
    path.write_bytes(path.read_bytes() + line)
    assert judged(trail).wrong == 20
    with pytest.raises(TrailError, match="were changed"):
        trail.append(Entry("test.next"))


def test_a_line_that_is_none_is_named(tmp_path: Path) -> None:
    trail = filled(tmp_path / "t", 3)
    with (tmp_path / "t/entries").open("ab") as file:
        file.write(b"no entry\n")
    with pytest.raises(TrailError, match="line 4"):
        list(trail.records())


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    filled(tmp_path / "t", 1)
    (tmp_path / "t/key").chmod(0o644)
    with pytest.raises(TrailError, match="chmod 600"):
        Folder(tmp_path / "t", NAME)


def test_what_is_no_key_is_refused_without_repeating_it(tmp_path: Path) -> None:
    filled(tmp_path / "t", 1)
    (tmp_path / "t/key").write_text("PRIVATE+KEY+secret")
    with pytest.raises(TrailError) as refused:
        Folder(tmp_path / "t", NAME)
    assert "secret" not in str(refused.value)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    trail = filled(tmp_path / "t", 1)
    (tmp_path / "t/entries").unlink()
    (tmp_path / "t/entries").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic link"):
        trail.append(Entry("test.next"))
    assert not (tmp_path / "elsewhere").exists()
