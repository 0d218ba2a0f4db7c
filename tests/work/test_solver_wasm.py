"""The modules for pages find what Python finds, and come out of their source byte for byte."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from holdfast.work import pure
from holdfast.work.puzzle import LAST_COUNTER
from holdfast.work.solver import target

HERE, NATIVE = Path(__file__).parent, Path(__file__).parents[2] / "native"
MODULES = ("solver.simd.wasm", "solver.wasm", "argon2.wasm")
needs_node = pytest.mark.skipif(
    shutil.which("node") is None, reason="needs Debian's package nodejs"
)
Place = tuple[bytes, int, int, int, int]


def searched(module: str, name: str, places: list[Place]) -> list[int]:
    cases = []
    for seed, part, start, count, below in places:
        stretch = part, start, count, below >> 32, below & 0xFFFFFFFF
        cases.append([str(NATIVE / "web" / module), name, seed.hex(), *stretch])
    command = ["node", str(HERE / "searched.mjs")]
    done = subprocess.run(
        command, input=json.dumps(cases), capture_output=True, text=True, check=True, timeout=120
    )
    answers: list[int] = json.loads(done.stdout)
    return answers


def places(number: int) -> list[Place]:
    """Stretches here and there, the last counters, and targets that all and none reach."""
    chance = random.Random(7)
    found = []
    for _ in range(number):
        start, count = chance.randint(1, LAST_COUNTER - 400), chance.randint(0, 400)
        below = target(chance.randint(1, 400))
        found.append((chance.randbytes(32), chance.randrange(64), start, count, below))
    seed = chance.randbytes(32)
    for left in range(1, 10):
        start = LAST_COUNTER + 1 - left
        found += [(seed, 1, start, left, 2**64 - 1), (seed, 1, start, left, 0)]
        found += [(seed, 1, start, left, 2**63)]
    return found


@needs_node
@pytest.mark.parametrize("module", ["solver.simd.wasm", "solver.wasm"])
def test_a_page_finds_the_first_counter_that_solves(module: str) -> None:
    tried = places(300)
    wanted = [pure.search_sha256(*place) for place in tried]
    assert any(wanted)
    assert searched(module, "search", tried) == wanted


@needs_node
@pytest.mark.parametrize("module", ["solver.simd.wasm", "solver.wasm"])
def test_a_search_ends_with_the_counters(module: str) -> None:
    """Where more is asked for than there is, and 0 is no counter."""
    seed = b"s" * 32
    asked: list[Place] = [(seed, 0, LAST_COUNTER, LAST_COUNTER, 0), (seed, 0, 0, 2, 2**64 - 1)]
    assert searched(module, "search", asked) == [0, 1]


@needs_node
def test_a_page_has_the_same_argon2id() -> None:
    tried: list[Place] = [
        (b"s" * 32, 0, 1, 3, 2**63),
        (bytes(range(32)), 63, LAST_COUNTER, 1, 2**64 - 1),
        (bytes(32), 7, 12345, 2, 2**62),
    ]
    wanted = [pure.search_argon2id(*place) for place in tried]
    assert searched("argon2.wasm", "search_argon2", tried) == wanted


@pytest.mark.every
@pytest.mark.skipif(
    not (shutil.which("clang") and shutil.which("wasm-ld") and shutil.which("make")),
    reason="needs Debian's packages clang, lld and make",
)
def test_the_modules_come_out_of_their_source_byte_for_byte(tmp_path: Path) -> None:
    command = ["make", "-C", str(NATIVE), "wasm", f"OUT={tmp_path}"]
    subprocess.run(command, capture_output=True, check=True, timeout=300)
    for name in MODULES:
        assert (tmp_path / name).read_bytes() == (NATIVE / "web" / name).read_bytes(), name
