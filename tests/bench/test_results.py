"""The shape of the results files, and when a goal counts as met."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from bench.__main__ import main
from bench.figures import Better, Figure, Peer, table, write
from bench.peers import lynis
from bench.running import BenchError, Measure, in_turn, processor_s, run

KEYS = (
    *("figure", "unit", "ours", "peer", "peer_name", "ratio"),
    *("limit", "goal", "met", "runs", "machine", "at"),
)
FIVE = (0.9, 0.5, 0.7, 0.6, 0.8)
SLOW = Peer("Snail 1.0", tuple(run * 30 for run in FIVE))
FIGURE = Figure("a race", "s", FIVE, SLOW, limit=1.0, goal=30.0)


def written(path: Path, *figures: Figure) -> list[dict[str, object]]:
    loaded: list[dict[str, object]] = json.loads(write(path, figures).read_text())
    return loaded


def test_a_result_has_exactly_the_keys_of_the_contract(tmp_path: Path) -> None:
    (result,) = written(tmp_path / "race.json", FIGURE)
    assert tuple(result) == KEYS


def test_a_result_holds_medians_and_what_they_make(tmp_path: Path) -> None:
    (result,) = written(tmp_path / "race.json", FIGURE)
    assert (result["ours"], result["peer"], result["ratio"]) == (0.7, 21.0, 30.0)
    assert (result["runs"], result["peer_name"]) == (5, "Snail 1.0")


def test_a_figure_without_a_peer_has_none_in_its_result(tmp_path: Path) -> None:
    (result,) = written(tmp_path / "race.json", Figure("alone", "s", FIVE, limit=1.0))
    assert (result["peer"], result["peer_name"], result["ratio"]) == (None, None, None)
    assert result["met"] is True


def test_a_machine_is_described_without_its_name(tmp_path: Path) -> None:
    (result,) = written(tmp_path / "race.json", FIGURE)
    host = Path("/proc/sys/kernel/hostname").read_text().strip()
    assert "cores" in str(result["machine"])
    assert host not in str(result["machine"])


@pytest.mark.parametrize(
    ("figure", "met"),
    [
        (FIGURE, True),
        (replace(FIGURE, limit=0.7), False),
        (replace(FIGURE, goal=30.1), False),
        (replace(FIGURE, limit=None, goal=None, peer=None), True),
        (replace(FIGURE, better=Better.HIGHER, limit=0.7, goal=None), True),
        (replace(FIGURE, better=Better.HIGHER, limit=0.8, goal=None), False),
        (replace(FIGURE, better=Better.HIGHER, limit=None, goal=1.0), False),
    ],
)
def test_a_figure_is_met_when_limit_and_goal_are(figure: Figure, met: bool) -> None:
    assert figure.met is met


def test_a_goal_that_is_missed_by_little_is_not_rounded_to_met(tmp_path: Path) -> None:
    just_over = Figure("a race", "s", (1.00000001,) * 5, limit=1.0)
    (result,) = written(tmp_path / "race.json", just_over)
    assert (result["ours"], result["met"]) == (1.0, False)


@pytest.mark.parametrize(
    ("runs", "peer"),
    [
        (FIVE[:4], None),
        (FIVE, Peer("Snail", FIVE[:4])),
        ((*FIVE[:4], 0.0), None),
        ((*FIVE[:4], float("nan")), None),
    ],
)
def test_too_few_or_impossible_runs_are_no_figure(
    runs: tuple[float, ...], peer: Peer | None
) -> None:
    with pytest.raises(ValueError, match=r"runs|positive"):
        Figure("a race", "s", runs, peer)


def test_a_goal_without_a_peer_is_no_figure() -> None:
    with pytest.raises(ValueError, match="needs a peer"):
        Figure("a race", "s", FIVE, goal=2.0)


def test_the_table_says_what_was_missed() -> None:
    lines = table([FIGURE, replace(FIGURE, name="a lost race", goal=50.0)]).splitlines()
    assert lines[1].endswith("yes")
    assert lines[2].endswith("MISSED")
    assert "< 1, ≥ 50×" in lines[2]


def test_runs_are_taken_in_turn_after_one_warm_up() -> None:
    order: list[str] = []

    def say(name: str) -> float:
        order.append(name)
        return float(len(order))

    short, long = Measure(lambda: say("short"), per_turn=2), Measure(lambda: say("long"))
    ours, theirs = in_turn(short, long, turns=2)
    assert order == ["short", "long", *["short", "short", "long"] * 2]
    assert (ours, theirs) == ((3.0, 4.0, 6.0, 7.0), (5.0, 8.0))


def test_an_unknown_family_is_named_and_nothing_is_measured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["servers", "snails"]) == 2
    assert "'snails'" in capsys.readouterr().err


def test_a_process_is_measured_with_its_output_and_memory() -> None:
    ran = run(["python3", "-c", "print(len(b'x' * 50_000_000))"], memory=True)
    assert ran.out == "50000000\n"
    assert ran.seconds > 0
    assert 50 < ran.peak_mb < 80


def test_the_memory_of_children_counts() -> None:
    hold = "x = b'x' * 40_000_000; import time; time.sleep(0.5)"
    both = f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {hold!r}]); {hold}"
    assert run(["python3", "-c", f"{both}; p.wait()"], memory=True).peak_mb > 80


def test_a_process_that_fails_is_no_measure() -> None:
    with pytest.raises(BenchError, match="ended with 3: no luck"):
        run(["python3", "-c", "import sys; print('no luck', file=sys.stderr); sys.exit(3)"])


def test_a_process_that_hangs_is_ended() -> None:
    with pytest.raises(BenchError, match=r"longer than 0\.3 s"):
        run(["sleep", "60"], timeout_s=0.3)


def test_the_processor_of_a_tree_counts_all_below() -> None:
    spin = "import time\nwhile time.process_time() < 0.3: pass\n"
    child = f"import subprocess, sys\np = subprocess.Popen([sys.executable, '-c', {spin!r}])\n"
    waits = f"{child}{spin}p.wait()\nprint('done', flush=True)\nsys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", waits], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "done\n"
        taken_s = processor_s(process.pid)
        process.communicate()
    assert 0.55 < taken_s < 1.5


LYNIS_LOG = """\
12:00:01 Performing test ID SSH-7408 (Check SSH specific defined options)
12:00:01 Hardening: assigned points (0 of 3). Currently having 0 points (out of 3)
12:00:01 Hardening: assigned points (3). Currently having 3 points (out of 6)
12:00:02 Performing test ID PKGS-7420 (Detect toolkit to automatically apply upgrades)
12:00:02 Hardening: assigned points (1 of 5). Currently having 4 points (out of 11)
12:00:03 Performing test ID ACCT-9626 (Check for sysstat)
12:00:03 Hardening: assigned points (1). Currently having 5 points (out of 12)
"""


def test_lynis_points_are_read_with_what_each_test_missed() -> None:
    seen = lynis.points(LYNIS_LOG)
    assert (seen.points, seen.possible) == (5, 12)
    assert seen.missed == {"SSH-7408": 3, "PKGS-7420": 4}


def test_a_lynis_that_came_to_nothing_is_an_error() -> None:
    with pytest.raises(BenchError):
        lynis.points("")
