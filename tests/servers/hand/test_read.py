"""The snapshot of the machine that runs the tests, and what no reader can break."""

from __future__ import annotations

import ast
import json
import os
import sys
from pathlib import Path
from typing import get_args

import pytest

from holdfast.servers.hand import read, read_network, read_system
from holdfast.servers.hand.read_programs import CannotRead
from holdfast.servers.snapshot import SNAPSHOT_VERSION, Snapshot, Unreadable, judged, read_snapshot

SNAPSHOTS = Path(__file__).parents[1] / "snapshots"
READERS = sorted(Path(read.__file__).parent.glob("read*.py"))


def test_this_machine_gives_a_snapshot_that_is_accepted() -> None:
    snapshot = read_snapshot(json.dumps(read.snapshot()))
    assert snapshot.version == SNAPSHOT_VERSION
    assert snapshot.privileged == (os.geteuid() == 0)
    assert snapshot.boot


def test_a_reader_with_a_defect_costs_its_own_section_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("defect")

    for name in ("read_packages", "sudo_section", "transactions_section"):
        monkeypatch.setattr(read_system, name, broken)
    monkeypatch.setattr(read_network, "firewall_section", broken)
    snapshot = read_snapshot(json.dumps(read.snapshot()))
    for section in (snapshot.packages, snapshot.sudo, snapshot.transactions, snapshot.firewall):
        assert section == Unreadable(unreadable="the reader failed: KeyError: 'defect'")
    assert judged(snapshot.groups)


def test_every_section_may_be_unreadable() -> None:
    recorded = json.loads((SNAPSHOTS / "trixie-untouched.json").read_text())
    sections = {
        name: {"unreadable": "because"}
        for name, field in Snapshot.model_fields.items()
        if Unreadable in get_args(field.annotation)
    }
    snapshot = read_snapshot(json.dumps({**recorded, **sections}))
    taken = [
        name for name in sections if getattr(snapshot, name) != Unreadable(unreadable="because")
    ]
    assert (taken, len(sections)) == ([], 14)


@pytest.mark.parametrize("release", ["bookworm", "trixie"])
def test_recorded_snapshots_are_accepted(release: str) -> None:
    snapshot = read_snapshot((SNAPSHOTS / f"{release}-untouched.json").read_text())
    assert judged(snapshot.release).codename == release


@pytest.mark.parametrize(
    ("value", "presented"),
    [
        ({"a\udcff": ["b\udcff"]}, {"a\\udcff": ["b\\udcff"]}),
        (("größer", 1, None, True), ["größer", 1, None, True]),
        ({"home": "x" * 4096, "content": "y" * 9999}, {"home": "x" * 4096, "content": "y" * 9999}),
    ],
)
def test_text_that_is_no_unicode_is_made_visible(value: object, presented: object) -> None:
    assert read.presentable(value) == presented


@pytest.mark.parametrize("value", ["x" * 257, {"x" * 257: 1}, [["x" * 257]], {"home": "x" * 4097}])
def test_what_no_snapshot_can_hold_makes_its_section_unreadable(value: object) -> None:
    with pytest.raises(CannotRead, match="longer than"):
        read.presentable(value)
    assert "unreadable" in read.section(lambda: value)


def test_what_several_sections_need_is_read_once_also_when_it_fails() -> None:
    calls = []

    def fails() -> None:
        calls.append(1)
        raise CannotRead("no")

    once = read.Once(fails)
    for _ in range(2):
        with pytest.raises(CannotRead, match="no"):
            once()
    assert len(calls) == 1


@pytest.mark.parametrize("path", READERS, ids=lambda path: path.name)
def test_the_readers_run_on_python_3_9_with_the_standard_library_alone(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 9))
    imported = {
        name
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom) and node.level == 0
            else []
        )
    }
    assert {name.split(".")[0] for name in imported} <= sys.stdlib_module_names
