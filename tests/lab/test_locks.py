"""A lock outlives whoever held it by the program that was started under it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from holdfast.lab.commands import attempt
from holdfast.lab.locks import locked


def inherited() -> list[str]:
    """Which folders a program that the lab starts has open."""
    listing = attempt(["ls", "-l", "/proc/self/fd"]).stdout.splitlines()
    return [line.rpartition(" -> ")[2] for line in listing if " -> " in line]


def taken(path: Path) -> bool:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def test_what_is_started_under_a_lock_holds_it_too(tmp_path: Path) -> None:
    with locked(tmp_path / "one"), locked(tmp_path / "two"):
        held = inherited()
    assert {str(tmp_path / "one"), str(tmp_path / "two")} <= set(held)


def test_what_is_started_afterwards_does_not(tmp_path: Path) -> None:
    with locked(tmp_path / "one"):
        pass
    assert str(tmp_path / "one") not in inherited()


def test_nobody_else_gets_it_meanwhile(tmp_path: Path) -> None:
    with locked(tmp_path / "one"):
        assert taken(tmp_path / "one")
    assert not taken(tmp_path / "one")
