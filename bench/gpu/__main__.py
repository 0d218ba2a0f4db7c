"""`python -m bench.gpu measure RAW` where a GPU is, `python -m bench.gpu record RAW…` anywhere."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from bench.gpu.puzzle import ARGON2ID_COST, SEED, SHA256_COST, WrongAnswer, check

SOURCE = Path(__file__).with_name("attacker.cu")
RESULT = Path(__file__).parents[1] / "results" / "attacker.json"
BUILD_WITHIN_S, RUN_WITHIN_S = 300, 300
SAMPLE_MS = 100


def main(arguments: list[str]) -> int:
    """Return 0 when done, 1 when the GPU's answers are wrong or there is none, 2 for usage."""
    match arguments:
        case ["measure", raw]:
            return _measured(Path(raw))
        case ["record", *raws] if raws:
            return _recorded([Path(raw) for raw in raws])
    print("usage: python -m bench.gpu measure RAW.json | record RAW.json…", file=sys.stderr)
    return 2


def _measured(raw: Path) -> int:
    with tempfile.TemporaryDirectory(prefix="holdfast-gpu-") as folder:
        program = Path(folder) / "attacker"
        build = ["nvcc", "-std=c++17", "-O3", "-arch=native", "-o", str(program), str(SOURCE)]
        try:
            subprocess.run(build, check=True, timeout=BUILD_WITHIN_S)
            with _watched(Path(folder) / "card") as card:
                done = subprocess.run(
                    [str(program), SEED.hex(), str(SHA256_COST), str(ARGON2ID_COST)],
                    check=True,
                    timeout=RUN_WITHIN_S,
                    stdout=subprocess.PIPE,
                )
        except FileNotFoundError as error:
            print(f"bench.gpu: {error.filename} is missing: install CUDA", file=sys.stderr)
            return 1
        except subprocess.CalledProcessError as error:
            print(f"bench.gpu: {error.cmd[0]} ended with {error.returncode}", file=sys.stderr)
            return 1
        measured = json.loads(done.stdout)
        measured["at"] = datetime.now(UTC).isoformat(timespec="seconds")
        measured["card"] = card.read_text().splitlines()
    raw.write_text(json.dumps(measured) + "\n")
    return 0


@contextmanager
def _watched(log: Path) -> Iterator[Path]:
    """Write clock and power of the card to `log` while in here, a line a sample."""
    query = "--query-gpu=clocks.sm,clocks.mem,power.draw,power.limit,temperature.gpu"
    with log.open("w") as out:
        watcher = subprocess.Popen(
            ["nvidia-smi", query, "--format=csv,noheader,nounits", "-lms", str(SAMPLE_MS)],
            stdout=out,
        )
        try:
            yield log
        finally:
            watcher.terminate()
            watcher.wait(timeout=10)


def _recorded(raws: list[Path]) -> int:
    """Write the results, one a card, once all that the cards said they found has been checked."""
    results = []
    for raw in raws:
        measured = json.loads(raw.read_text())
        try:
            results.append(_result(measured, check(measured)))
        except WrongAnswer as error:
            print(f"bench.gpu: {raw}: {error}: nothing recorded", file=sys.stderr)
            return 1
    RESULT.write_text(json.dumps(results, indent=2) + "\n")
    print(RESULT.read_text(), end="")
    return 0


def _result(raw: Mapping[str, Any], checked: Mapping[str, int]) -> dict[str, Any]:
    return {
        "device": raw["device"],
        "cuda": {
            "compute": raw["compute"],
            "compiler": raw["cuda_compiler"],
            "driver": raw["cuda_driver"],
            "processors": raw["processors"],
            "memory_gib": raw["memory_gib"],
        },
        "card_at_work": _card(raw["card"]),
        "sha256": _rates(raw["sha256"])
        | {"way": raw["sha256"]["way"], "ways": raw["sha256"]["ways"]},
        "argon2id": _rates(raw["argon2id"], "m_kib", "t", "p", "hashes_at_once", "in_flight")
        | _moved(raw),
        "checked": dict(checked),
        "at": raw["at"],
    }


def _rates(kind: Mapping[str, Any], *also: str) -> dict[str, Any]:
    runs = kind["hashes_per_s"]
    return {
        "hashes_per_s": round(median(runs)),
        "slowest": round(min(runs)),
        "fastest": round(max(runs)),
        "runs": len(runs),
    } | {key: kind[key] for key in also}


def _moved(raw: Mapping[str, Any]) -> dict[str, float]:
    """Bytes a second that the hashes read and write, beside those of a plain copy.

    Two blocks a step in the first pass and three in each later one, as in argon2.cuh.
    """
    kind = raw["argon2id"]
    bytes_a_hash = (3 * kind["t"] - 1) * kind["m_kib"] * 1024
    moved = bytes_a_hash * median(kind["hashes_per_s"])
    return {
        "bytes_per_s": round(moved),
        "copy_bytes_per_s": round(raw["copy_bytes_per_s"]),
        "of_a_copy": round(moved / raw["copy_bytes_per_s"], 3),
    }


def _card(samples: list[str]) -> dict[str, float]:
    """Medians of the samples in which the card was busy: at more than half of the highest draw."""
    rows = [[float(cell) for cell in line.split(",")] for line in samples if "N/A" not in line]
    if not rows:
        return {}
    busy = [row for row in rows if row[2] > max(row[2] for row in rows) / 2]
    names = ("clock_mhz", "memory_mhz", "power_w", "power_limit_w", "celsius")
    return {name: median(row[i] for row in busy) for i, name in enumerate(names)}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
