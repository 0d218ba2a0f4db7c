"""Every control has been seen on a recorded server with its gap, and on one without."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from recorded import FOLDER, abridged, difference, fixtures, judged, patched

from holdfast.servers.audit import Status
from holdfast.servers.catalogue import host_controls

# Controls that no snapshot of a server can show, and why.
NOT_ON_A_SERVER: Mapping[str, str] = {
    "admins.key-passphrase": "it is judged on the machine of the admin",
}

CONTROLS = {control.id: control for control in host_controls()}
FIXTURES = {f"{path.parent.name}/{path.stem}": path for path in fixtures()}
SHOWN = {"gap": Status.GAP, "clean": Status.PASS}  # by the first word of the fixture's name


@pytest.mark.parametrize("fixture", FIXTURES.values(), ids=FIXTURES)
def test_a_recorded_server_is_judged_as_its_name_says(fixture: Path) -> None:
    finding = judged(CONTROLS[fixture.parent.name], fixture)
    assert (finding.status, finding.reason) == (SHOWN[fixture.stem.split("-")[0]], "")


@pytest.mark.parametrize("kind", SHOWN)
@pytest.mark.parametrize("control", sorted(set(CONTROLS) - set(NOT_ON_A_SERVER)))
def test_a_control_has_a_fixture_of_each_kind(control: str, kind: str) -> None:
    assert (FOLDER / control / f"{kind}.json").exists()


def test_what_no_server_can_show_is_still_a_control() -> None:
    assert set(NOT_ON_A_SERVER) <= set(CONTROLS)


BASE = {"a": {"x": 1, "y": [1, 2]}, "b": "text", "c": {"z": 3}}


@pytest.mark.parametrize(
    "other",
    [
        BASE,
        {},
        {"a": {"x": 1}},
        {"a": {"x": 2, "y": []}, "d": {"e": {"f": 1}}},
        {"a": "text", "b": {"now": "an object"}},
    ],
)
def test_a_patch_makes_the_other_of_the_base(other: object) -> None:
    assert patched(BASE, difference(BASE, other)) == other


def test_a_fixture_keeps_only_what_it_needs_to_show() -> None:
    patch = {"a": {"x": 2, "y": 3}, "b": [{"c": 1, "d": 2}, {"e": 1}]}
    short = abridged(patch, lambda p: bool(p.get("b")) and "d" in p["b"][0])
    assert short == {"b": [{"d": 2}]}
