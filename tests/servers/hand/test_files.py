"""Files are replaced whole, with their owner and mode, and never through somebody's trap."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from holdfast.servers.changes import ABSENT, text_digest
from holdfast.servers.hand import files
from holdfast.servers.hand.failed import Failed

pytestmark = pytest.mark.usefixtures("needs_root")

SOMEBODY = 12345  # a user whom no /etc/passwd names


@pytest.fixture(autouse=True)
def strict_umask() -> Iterator[None]:
    """What is written has its mode whatever the umask says."""
    before = os.umask(0o077)
    yield
    os.umask(before)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def facts(path: Path) -> tuple[int, int, int]:
    """Mode, user and group of a path itself."""
    status = path.lstat()
    return (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)


# Looking


def test_an_absent_file_is_absent(tmp_path: Path) -> None:
    assert files.look(f"{tmp_path}/x") == {"state": ABSENT}


def test_a_file_in_an_absent_folder_is_absent(tmp_path: Path) -> None:
    assert files.look(f"{tmp_path}/a/b/x") == {"state": ABSENT}


def test_a_file_is_spelled_as_a_plan_spells_it(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("héllo\n")
    path.chmod(0o640)
    assert files.look(str(path))["state"] == f"0640 root root {text_digest('héllo' + chr(10))}"


def test_a_folder_is_spelled_as_a_plan_spells_it(tmp_path: Path) -> None:
    os.chown(tmp_path, SOMEBODY, SOMEBODY)
    tmp_path.chmod(0o750)
    assert files.look(str(tmp_path))["state"] == f"0750 {SOMEBODY} {SOMEBODY}"


def test_what_is_seen_of_a_file_is_enough_to_come_back_to_it(tmp_path: Path) -> None:
    path, content = tmp_path / "x", bytes(range(256)) * 3 + b"\r\nno last line"
    files.put(str(path), content, 0o4751, str(SOMEBODY), "daemon")
    before, seen = facts(path), files.look(str(path))
    files.put(str(path), b"other", 0o600, "root", "root")
    mode, owner, group, held = (seen[key] for key in ("mode", "owner", "group", "content"))
    assert isinstance(mode, int)
    files.put(str(path), str(held).encode("latin-1"), mode, str(owner), str(group))
    assert (path.read_bytes(), facts(path)) == (content, before)


def test_a_file_of_the_largest_size_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"x" * files.LARGEST)
    assert len(str(files.look(str(path))["content"])) == files.LARGEST


def too_large(path: Path) -> None:
    path.touch()
    os.truncate(path, files.LARGEST + 1)


def link_to_shadow(path: Path) -> None:
    path.symlink_to("/etc/shadow")


ODD: dict[str, Callable[[Path], None]] = {
    "too large": too_large,
    "a pipe": os.mkfifo,
    "a link": link_to_shadow,
    "a device": lambda path: os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5)),
}


@pytest.mark.parametrize("make", ODD.values(), ids=ODD)
@pytest.mark.timeout(10)
def test_what_is_no_ordinary_file_is_not_read(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "x")
    with pytest.raises(Failed, match="not an ordinary file"):
        files.look(f"{tmp_path}/x")


# Putting


@pytest.mark.parametrize("mode", [0o644, 0o600, 0o440, 0o755, 0o666])
def test_a_file_has_the_mode_it_was_put_with(tmp_path: Path, mode: int) -> None:
    files.put(f"{tmp_path}/x", b"x", mode, "root", "root")
    assert facts(tmp_path / "x") == (mode, 0, 0)


def test_a_file_has_the_owner_it_was_put_with(tmp_path: Path) -> None:
    files.put(f"{tmp_path}/x", b"x", 0o600, str(SOMEBODY), "daemon")
    assert facts(tmp_path / "x") == (0o600, SOMEBODY, files.group_id("daemon"))


def test_a_file_takes_the_place_of_another_whole(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"much longer than the new one")
    files.put(f"{tmp_path}/x", b"new", 0o600, "root", "root")
    assert (tmp_path / "x").read_bytes() == b"new"


def test_who_reads_the_old_file_keeps_reading_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"old")
    with (tmp_path / "x").open("rb") as reader:
        files.put(f"{tmp_path}/x", b"new", 0o600, "root", "root")
        assert reader.read() == b"old"


def test_nothing_is_left_beside_a_file(tmp_path: Path) -> None:
    files.put(f"{tmp_path}/x", b"x", 0o600, "root", "root")
    assert names(tmp_path) == ["x"]


def test_a_draft_that_a_killed_hand_left_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / ".x.holdfast").write_bytes(b"cut o")
    files.put(f"{tmp_path}/x", b"x", 0o600, "root", "root")
    assert (names(tmp_path), (tmp_path / "x").read_bytes()) == (["x"], b"x")


def test_a_file_for_somebody_unknown_is_not_put(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"old")
    with pytest.raises(KeyError):
        files.put(f"{tmp_path}/x", b"new", 0o600, "nobody-of-this-name", "root")
    assert (tmp_path / "x").read_bytes() == b"old"


def test_a_file_is_on_the_disk_before_it_takes_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = recorded(monkeypatch)
    files.put(f"{tmp_path}/x", b"whole", 0o600, "root", "root")
    assert events == [f"sync {tmp_path}/.x.holdfast: 5 bytes", "rename x", f"sync {tmp_path}"]


def recorded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is forced to the disk, and what gets its name, in order; both still happen."""
    events: list[str] = []
    fsync, rename = os.fsync, os.rename

    def sync(handle: int) -> None:
        status = os.fstat(handle)
        held = f": {status.st_size} bytes" if stat.S_ISREG(status.st_mode) else ""
        events.append(f"sync {Path(f'/proc/self/fd/{handle}').readlink()}{held}")
        fsync(handle)

    def renamed(source: str, target: str, **folders: int) -> None:
        events.append(f"rename {target}")
        rename(source, target, **folders)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "rename", renamed)
    return events


# Removing


def test_a_file_is_removed(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    files.remove(f"{tmp_path}/x")
    assert names(tmp_path) == []


@pytest.mark.parametrize("path", ["x", "a/b/x"])
def test_a_file_that_is_not_there_is_removed_already(tmp_path: Path, path: str) -> None:
    files.remove(f"{tmp_path}/{path}")
    assert names(tmp_path) == []


def test_a_draft_goes_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    (tmp_path / ".x.holdfast").touch()
    files.remove(f"{tmp_path}/x")
    assert names(tmp_path) == []


def test_a_draft_without_its_file_goes_too(tmp_path: Path) -> None:
    (tmp_path / ".x.holdfast").touch()
    files.remove(f"{tmp_path}/x")
    assert names(tmp_path) == []


def test_a_removal_is_on_the_disk_before_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x").touch()
    events = recorded(monkeypatch)
    files.remove(f"{tmp_path}/x")
    assert events == [f"sync {tmp_path}"]


# Folders


def test_a_folder_is_on_the_disk_before_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = recorded(monkeypatch)
    files.make_folder(f"{tmp_path}/d", 0o700, "root", "root")
    assert events == [f"sync {tmp_path}"]


def test_a_folder_is_made_with_its_mode_and_owner(tmp_path: Path) -> None:
    files.make_folder(f"{tmp_path}/d", 0o750, str(SOMEBODY), "daemon")
    assert facts(tmp_path / "d") == (0o750, SOMEBODY, files.group_id("daemon"))


def test_a_folder_that_is_there_gets_its_mode_and_owner(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir(0o777)
    files.make_folder(f"{tmp_path}/d", 0o700, str(SOMEBODY), str(SOMEBODY))
    assert facts(tmp_path / "d") == (0o700, SOMEBODY, SOMEBODY)


def test_a_folder_that_is_there_keeps_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "x").write_text("x")
    files.make_folder(f"{tmp_path}/d", 0o700, "root", "root")
    assert (tmp_path / "d" / "x").read_text() == "x"


def test_an_empty_folder_is_removed(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    assert files.remove_folder(f"{tmp_path}/d")
    assert not (tmp_path / "d").exists()


def test_a_folder_that_is_not_there_is_gone(tmp_path: Path) -> None:
    assert files.remove_folder(f"{tmp_path}/d")


def test_a_folder_with_something_in_it_stays(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "x").touch()
    assert not files.remove_folder(f"{tmp_path}/d")


# Traps: alice owns her home, and lays links in it


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home of somebody, in which `.ssh` is a link to a folder of root."""
    root_only = tmp_path / "elsewhere"
    root_only.mkdir(0o700)
    (root_only / "authorized_keys").write_text("root's own")
    (root_only / "empty").mkdir()
    folder = tmp_path / "home"
    folder.mkdir(0o755)
    (folder / ".ssh").symlink_to(root_only)
    os.chown(folder, SOMEBODY, SOMEBODY)
    return folder


def everything(folder: Path) -> dict[str, object]:
    """Each path below a folder with its facts and content."""
    return {
        str(path): (facts(path), path.read_bytes() if path.is_file() else b"")
        for path in [folder, *sorted(folder.rglob("*"))]
    }


THROUGH: dict[str, Callable[[str], object]] = {
    "look": lambda link: files.look(f"{link}/authorized_keys"),
    "put": lambda link: files.put(f"{link}/authorized_keys", b"evil", 0o666, "daemon", "daemon"),
    "put a new one": lambda link: files.put(f"{link}/new", b"evil", 0o666, "daemon", "daemon"),
    "remove": lambda link: files.remove(f"{link}/authorized_keys"),
    "make a folder below": lambda link: files.make_folder(f"{link}/d", 0o777, "daemon", "daemon"),
    "open": lambda link: files.open_folder(link),
}


@pytest.mark.parametrize("act", THROUGH.values(), ids=THROUGH)
def test_a_link_in_a_folder_of_somebody_else_is_not_followed(
    home: Path, act: Callable[[str], object]
) -> None:
    with pytest.raises(Failed, match="a link stands in the way"):
        act(f"{home}/.ssh")


@pytest.mark.parametrize("act", THROUGH.values(), ids=THROUGH)
def test_what_a_link_leads_to_stays_as_it_was(home: Path, act: Callable[[str], object]) -> None:
    before = everything(home.parent / "elsewhere")
    with pytest.raises(Failed):
        act(f"{home}/.ssh")
    assert everything(home.parent / "elsewhere") == before


def test_a_folder_is_not_removed_through_a_link(home: Path) -> None:
    with pytest.raises(Failed):
        files.remove_folder(f"{home}/.ssh/empty")
    assert (home.parent / "elsewhere" / "empty").exists()


def test_a_link_in_place_of_a_folder_gives_nothing_away(home: Path) -> None:
    before = everything(home.parent / "elsewhere")
    with pytest.raises((Failed, OSError)):
        files.make_folder(f"{home}/.ssh", 0o777, str(SOMEBODY), str(SOMEBODY))
    assert everything(home.parent / "elsewhere") == before


def test_a_folder_that_everybody_may_write_is_not_trusted_either(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o1777)
    (tmp_path / "shared" / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Failed, match="a link stands in the way"):
        files.put(f"{tmp_path}/shared/link/x", b"x", 0o600, "root", "root")


def test_a_link_in_a_folder_of_root_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    files.put(f"{tmp_path}/link/x", b"x", 0o600, "root", "root")
    assert (tmp_path / "real" / "x").read_bytes() == b"x"


def test_a_link_in_place_of_a_file_is_replaced_itself(home: Path) -> None:
    victim = home.parent / "elsewhere" / "authorized_keys"
    (home / "x").symlink_to(victim)
    files.put(f"{home}/x", b"new", 0o600, "root", "root")
    assert (victim.read_text(), (home / "x").read_bytes()) == ("root's own", b"new")
    assert not (home / "x").is_symlink()


def test_a_link_in_place_of_a_file_is_removed_itself(home: Path) -> None:
    victim = home.parent / "elsewhere" / "authorized_keys"
    (home / "x").symlink_to(victim)
    files.remove(f"{home}/x")
    assert (victim.exists(), (home / "x").is_symlink()) == (True, False)


def test_a_link_in_place_of_a_draft_is_not_written_through(home: Path) -> None:
    victim = home.parent / "elsewhere" / "authorized_keys"
    (home / ".x.holdfast").symlink_to(victim)
    files.put(f"{home}/x", b"new", 0o600, str(SOMEBODY), str(SOMEBODY))
    assert (victim.read_text(), facts(victim)[1]) == ("root's own", 0)


def test_another_name_of_somebodys_file_keeps_its_content(home: Path) -> None:
    victim = home.parent / "elsewhere" / "authorized_keys"
    os.link(victim, home / "x")
    files.put(f"{home}/x", b"new", 0o600, str(SOMEBODY), str(SOMEBODY))
    assert (victim.read_text(), facts(victim)[1]) == ("root's own", 0)


@pytest.mark.timeout(10)
def test_a_pipe_in_place_of_a_file_is_replaced_without_waiting(home: Path) -> None:
    os.mkfifo(home / "x")
    files.put(f"{home}/x", b"new", 0o600, "root", "root")
    assert (home / "x").read_bytes() == b"new"


def test_no_folder_stays_open_behind_a_trap(home: Path) -> None:
    before = len(names(Path("/proc/self/fd")))
    for act in THROUGH.values():
        with pytest.raises(Failed):
            act(f"{home}/.ssh")
    assert len(names(Path("/proc/self/fd"))) == before


def test_no_folder_stays_open_after_work(tmp_path: Path) -> None:
    before = len(names(Path("/proc/self/fd")))
    for _ in range(3):
        files.make_folder(f"{tmp_path}/d", 0o700, "root", "root")
        files.put(f"{tmp_path}/d/x", b"x", 0o600, "root", "root")
        files.look(f"{tmp_path}/d/x")
        files.remove(f"{tmp_path}/d/x")
        files.remove_folder(f"{tmp_path}/d")
        files.write_record(f"{tmp_path}/r", "x")
    assert len(names(Path("/proc/self/fd"))) == before


# The hand's own records


def test_a_record_is_read_back(tmp_path: Path) -> None:
    files.write_record(f"{tmp_path}/r", "héllo\n")
    assert files.read_record(f"{tmp_path}/r") == "héllo\n"


def test_a_record_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert files.read_record(f"{tmp_path}/r") is None


def test_a_record_is_for_root_alone(tmp_path: Path) -> None:
    os.umask(0)
    files.write_record(f"{tmp_path}/r", "x")
    assert facts(tmp_path / "r") == (0o600, 0, 0)


def test_a_record_is_on_the_disk_before_it_takes_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = recorded(monkeypatch)
    files.write_record(f"{tmp_path}/r", "whole")
    assert events == [
        f"sync {tmp_path}/r.draft: 5 bytes",
        f"rename {tmp_path}/r",
        f"sync {tmp_path}",
    ]


def test_a_link_in_place_of_a_records_draft_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("kept")
    (tmp_path / "r.draft").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="symbolic links"):
        files.write_record(f"{tmp_path}/r", "x")
    assert (tmp_path / "victim").read_text() == "kept"


# Names and numbers


def test_a_user_that_nobody_names_is_a_number_both_ways() -> None:
    assert (files.user_name(SOMEBODY), files.user_id(str(SOMEBODY))) == (str(SOMEBODY), SOMEBODY)


def test_a_group_that_nobody_names_is_a_number_both_ways() -> None:
    assert (files.group_name(SOMEBODY), files.group_id(str(SOMEBODY))) == (str(SOMEBODY), SOMEBODY)


def test_a_user_with_a_name_has_it_both_ways() -> None:
    assert (files.user_name(0), files.user_id("root")) == ("root", 0)
