"""`holdfast explain`: every control, or one of them in full, without a site or a connection."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from building import SITE

from holdfast.cli.main import main
from holdfast.servers.catalogue import all_controls, host_controls
from holdfast.servers.control import Control
from holdfast.site import parse_site


class Ended(NamedTuple):
    code: int
    out: str
    err: str


Explain = Callable[..., Ended]
OF_HOSTS = pytest.mark.parametrize("control", host_controls(), ids=lambda c: c.id)
EVERY_CONTROL = pytest.mark.parametrize("control", all_controls(), ids=lambda c: c.id)


@pytest.fixture
def explain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Explain:
    monkeypatch.chdir(tmp_path)  # where no site file is

    def command(*argv: str) -> Ended:
        code = main(["explain", *argv])
        shown = capsys.readouterr()
        return Ended(code, shown.out, shown.err)

    return command


def flowing(text: str) -> str:
    return " ".join(text.split())


def test_without_a_name_every_control_is_one_line(explain: Explain) -> None:
    ended = explain()
    first = [line.split()[0] for line in ended.out.splitlines() if line.startswith("  ")]
    assert (ended.code, sorted(first)) == (0, [control.id for control in all_controls()])


def test_controls_stand_under_their_principle(explain: Explain) -> None:
    heads = [line for line in explain().out.splitlines()[:-1] if line and line[0] != " "]
    assert set(heads) == {control.principle for control in all_controls()}


@EVERY_CONTROL
def test_a_control_is_explained_in_full(explain: Explain, control: Control) -> None:
    text = flowing(explain(control.id).out)
    told = (control.title, control.source, control.principle, control.severity, control.changes)
    assert [part for part in (*told, control.deviates) if flowing(part) not in text] == []
    assert flowing(control.stops[1:]) in text


@EVERY_CONTROL
def test_every_attack_is_named_with_its_vantage_and_kind(
    explain: Explain, control: Control
) -> None:
    text = flowing(explain(control.id).out)
    for one in control.app_attacks:
        where = "outside, or its host with --inside"
        assert f"{control.id}/{one.name} {one.title}, from {where}; {one.kind}" in text
    for attack in control.attacks:
        assert (
            f"{control.id}/{attack.name} {attack.title}, from {attack.vantage}; {attack.kind}"
            in text
        )


@OF_HOSTS
def test_the_exception_is_ready_to_paste(explain: Explain, control: Control) -> None:
    out = explain(control.id).out
    snippet = out[out.index("[exceptions.") :].replace("NAME", "app")
    site = parse_site(f"{SITE}\n{snippet}", path=Path("/nowhere/holdfast.toml"))
    exception = site.exception_for(control.id, "app")
    assert exception is not None
    assert not exception.expired(datetime.now(UTC).date())


def test_an_exception_fits_beside_one_that_stands_there_already() -> None:
    first = '[exceptions]\n"a.b" = { because = "x" }\n'
    whole = tomllib.loads(f'{first}\n[exceptions."c.d"]\nbecause = "y"\n')
    assert set(whole["exceptions"]) == {"a.b", "c.d"}


@EVERY_CONTROL
def test_a_program_reads_the_same(explain: Explain, control: Control) -> None:
    (found,) = json.loads(explain(control.id, "--format", "json").out)["controls"]
    assert {"control", "title", "principle", "severity", "source", "roles"} <= set(found)
    assert (found["control"], found["stops"], found["changes"]) == (
        control.id,
        control.stops,
        control.changes,
    )
    assert [set(attack) for attack in found["attacks"]] == [
        {"attack", "title", "vantage", "kind", "roles"}
    ] * len([*control.attacks, *control.app_attacks])


def test_a_program_reads_every_control(explain: Explain) -> None:
    found: Any = json.loads(explain("--format", "json").out)
    assert [one["control"] for one in found["controls"]] == [c.id for c in all_controls()]


def test_a_misspelt_control_is_told_the_nearest_name(explain: Explain) -> None:
    ended = explain("ssh.key-only")
    assert (ended.code, ended.out) == (2, "")
    assert 'no control "ssh.key-only"; did you mean ssh.keys-only' in ended.err


def test_an_unknown_control_is_told_where_they_are_listed(explain: Explain) -> None:
    ended = explain("\x1b[2J")
    assert (ended.code, "\x1b" in ended.err) == (2, False)
    assert "`holdfast explain` lists them all" in ended.err


def test_the_output_goes_into_a_file(explain: Explain, tmp_path: Path) -> None:
    assert explain("sudo.password", "--output", "out.txt").out == ""
    assert "sudo.password" in (tmp_path / "out.txt").read_text()
