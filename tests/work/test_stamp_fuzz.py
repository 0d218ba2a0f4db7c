"""Half a minute of hostile bytes for each parser of what strangers send."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.every,
    pytest.mark.skipif(
        importlib.util.find_spec("atheris") is None,
        reason="atheris is not installed: it has no wheels for this Python",
    ),
]
TARGETS = Path(__file__).parent / "fuzz/parsers.py"
SECONDS = 30
LONGEST = 1200
"""Somewhat more than any of them takes."""
_PUZZLE = f"1:sha256:2:4096:1800000000:{'i' * 22}:{'s' * 22}:{'m' * 43}"
SEEDS = {
    "stamp": [
        "1:20:040806:foo::65f460d0726f420d:13a6b8",
        "1:40:051222233059:foo@bar.org:a=1,2;b:Cu2iqc4SmotZ7MRR:0000214c3J",
        "0:030626:adam@cypherspace.org:6470e06d773e05a8",
    ],
    "puzzle": [_PUZZLE, _PUZZLE.replace("sha256:2", "argon2id:1")],
    "answer": [f"{_PUZZLE}:1.4294967295", f"{_PUZZLE}:0.01"],
    "careless": ["1:20:"],
}


def fuzzed(name: str, folder: Path) -> tuple[int, str]:
    """How the fuzzer ends, and what it says."""
    (folder / "seeds").mkdir()
    for number, text in enumerate(SEEDS[name]):
        (folder / "seeds" / str(number)).write_text(text)
    options = [f"-max_total_time={SECONDS}", f"-max_len={LONGEST}", "-timeout=25", "-seed=1"]
    argv = [sys.executable, str(TARGETS), name, *options, str(folder / "seeds")]
    done = subprocess.run(
        argv, cwd=folder, capture_output=True, text=True, timeout=SECONDS + 120, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["stamp", "puzzle", "answer"])
def test_no_bytes_make_a_parser_do_anything_else(name: str, tmp_path: Path) -> None:
    code, said = fuzzed(name, tmp_path)
    assert code == 0, said[-4000:]
    runs = re.search(r"Done (\d+) runs", said)
    assert runs is not None
    assert int(runs[1]) > 50_000


def test_a_careless_parser_is_found_out(tmp_path: Path) -> None:
    code, said = fuzzed("careless", tmp_path)
    assert (code != 0, "ValueError: invalid literal for int()" in said) == (True, True)
