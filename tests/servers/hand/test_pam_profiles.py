"""PAM's profiles are switched on by Debian's own tool, and put back file by file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.servers.hand import pam_profiles
from holdfast.servers.hand.aside import aside
from holdfast.servers.hand.failed import Failed
from holdfast.servers.hand.pam_profiles import (
    ABSENT,
    DISABLED,
    ENABLED,
    NO_FILE,
    PamProfile,
    pam_state,
    put_back,
)

pytestmark = pytest.mark.usefixtures("needs_root")


def wire(module: str = "pam_mkhomedir.so", stack: str = "session") -> PamProfile:
    """Debian brings this profile with every PAM, switched off."""
    return PamProfile({"kind": "pam", "name": "mkhomedir", "stack": stack, "module": module})


@pytest.fixture(autouse=True)
def untouched() -> Iterator[None]:
    """Whatever happens aside, this machine's own stacks stay as they are."""
    before = pam_state()
    yield
    assert pam_state() == before


def test_a_profile_is_off_then_on_then_as_before() -> None:
    def work() -> dict[str, Any]:
        step, whole = wire(), pam_state()
        before = step.look()
        step.do(lambda _: None)
        during = step.look()
        step.restore(before)
        after = step.look()
        states = [seen["state"].split()[0] for seen in (before, during, after)]
        return {"states": states, "same": pam_state() == whole}

    assert aside(work) == {"states": [DISABLED, ENABLED, DISABLED], "same": True}


def test_switching_on_what_is_on_changes_nothing() -> None:
    def work() -> dict[str, Any]:
        wire().do(lambda _: None)
        first = pam_state()
        wire().do(lambda _: None)
        return {"same": pam_state() == first}

    assert aside(work) == {"same": True}


def test_stacks_edited_by_hand_are_left_alone_and_that_is_said() -> None:
    def work() -> dict[str, Any]:
        path = Path("/etc/pam.d/common-session")
        path.write_text("session required pam_unix.so\n")
        try:
            wire().do(lambda _: None)
        except Failed as failed:
            return {"said": str(failed), "text": path.read_text()}
        return {}

    answer = aside(work)
    assert "pam-auth-update --force" in answer["said"]
    assert answer["text"] == "session required pam_unix.so\n"


@pytest.mark.parametrize(
    ("line", "state"),
    [
        ("session optional pam_mkhomedir.so\n", ENABLED),
        ("# session optional pam_mkhomedir.so\n", DISABLED),
        ("session optional pam_unix.so # pam_mkhomedir.so\n", DISABLED),
        ("session optional other_pam_mkhomedir.so\n", DISABLED),
        ("", DISABLED),
    ],
)
def test_a_profile_is_on_where_its_module_stands_in_the_stack(line: str, state: str) -> None:
    def work() -> dict[str, Any]:
        Path("/etc/pam.d/common-session").write_text(line)
        return {"state": wire().look()["state"].split()[0]}

    assert aside(work) == {"state": state}


def test_a_stack_that_does_not_exist_has_no_profile() -> None:
    assert wire(stack="no-such-stack").look()["state"].split()[0] == DISABLED


# Files, in a folder of the test


@pytest.fixture
def stacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    paths = [str(tmp_path / name) for name in ("one", "two", "three")]
    monkeypatch.setattr(pam_profiles, "paths", lambda: paths)
    return tmp_path


def test_what_was_changed_removed_and_added_is_put_back(stacks: Path) -> None:
    (stacks / "one").write_bytes(b"old \xff\n")
    (stacks / "two").write_text("here\n")
    (stacks / "two").chmod(0o640)
    seen = pam_state()
    (stacks / "one").write_text("new\n")
    (stacks / "two").unlink()
    (stacks / "three").write_text("came\n")
    put_back(seen)
    assert pam_state() == seen
    assert (stacks / "one").read_bytes() == b"old \xff\n"
    assert sorted(path.name for path in stacks.iterdir()) == ["one", "two"]


def test_putting_back_what_did_not_change_touches_nothing(stacks: Path) -> None:
    (stacks / "one").write_text("here\n")
    seen, inode = pam_state(), (stacks / "one").stat().st_ino
    put_back(seen)
    assert (stacks / "one").stat().st_ino == inode


def test_a_link_in_the_place_of_a_file_is_neither_read_nor_replaced(stacks: Path) -> None:
    target = stacks / "target"
    target.write_text("elsewhere\n")
    (stacks / "one").symlink_to(target)
    seen = pam_state()
    assert seen["pam"][str(stacks / "one")] == {"state": NO_FILE}
    target.write_text("changed\n")
    put_back(seen)
    assert (target.read_text(), (stacks / "one").is_symlink()) == ("changed\n", True)


@pytest.mark.parametrize("change", ["write", "remove", "mode"])
def test_any_change_of_any_file_is_another_state(stacks: Path, change: str) -> None:
    path = stacks / "two"
    path.write_text("here\n")
    before = pam_state()["state"]
    if change == "write":
        path.write_text("there\n")
    elif change == "remove":
        path.unlink()
    else:
        path.chmod(0o600)
    assert pam_state()["state"] != before


def test_a_file_that_is_not_there_is_absent(stacks: Path) -> None:
    assert {seen["state"] for seen in pam_state()["pam"].values()} == {ABSENT}
