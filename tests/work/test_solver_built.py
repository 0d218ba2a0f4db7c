"""How the native solver is built: with the sanitizers, with a compiler, and without one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

HERE, TOP = Path(__file__).parent, Path(__file__).parents[2]
NATIVE = TOP / "native"
pytestmark = pytest.mark.every
needs_compiler = pytest.mark.skipif(
    shutil.which("gcc") is None, reason="needs Debian's package gcc"
)
SAID = """
import json
from holdfast.work.solver import methods, solve
line = "1:sha256:2:50:1900000000:" + "I" * 22 + ":" + "S" * 22 + ":" + "x" * 43
print(json.dumps([{m.algorithm: m.chosen for m in methods()}, solve(line)]))
"""


@needs_compiler
def test_the_searches_run_clean_under_the_sanitizers(tmp_path: Path) -> None:
    program = tmp_path / "sanitised"
    flags = ["-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror"]
    flags += ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", f"-I{NATIVE}"]
    sources = [str(HERE / "sanitised.c"), str(NATIVE / "solver.c"), str(NATIVE / "argon2.c")]
    subprocess.run(["gcc", *flags, *sources, "-o", str(program)], check=True, timeout=300)
    done = subprocess.run([str(program)], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_without_a_compiler_it_is_installed_and_solves_in_python(tmp_path: Path) -> None:
    empty = tmp_path / "no-programs"
    empty.mkdir()
    wheel, printed = built(tmp_path, {"PATH": str(empty)})
    assert "the native solver is not built: no C compiler (cc) is there" in printed
    assert wheel.name.endswith("-py3-none-any.whl")
    assert "holdfast/work/web/holdfast-work.js" in zipfile.ZipFile(wheel).namelist()
    chosen, answer = said(wheel, tmp_path)
    assert chosen == {"sha1": "python", "sha256": "python", "argon2id": "python"}
    assert answer.count(":") == 8


@needs_compiler
def test_with_a_compiler_it_solves_natively(tmp_path: Path) -> None:
    wheel, _ = built(tmp_path, {})
    assert "-abi3-" in wheel.name
    chosen, _ = said(wheel, tmp_path)
    assert "python" not in chosen.values()


@needs_compiler
def test_a_compiler_that_fails_is_told_and_is_no_error(tmp_path: Path) -> None:
    wheel, printed = built(tmp_path, {"CC": "gcc --no-such-option"})
    assert "the native solver is not built: gcc failed:" in printed
    assert wheel.name.endswith("-py3-none-any.whl")


def built(folder: Path, environment: dict[str, str]) -> tuple[Path, str]:
    """Build a wheel of a copy, and return it with what was printed."""
    source = folder / "source"
    shutil.copytree(NATIVE, source / "native")
    shutil.copytree(
        TOP / "src", source / "src", ignore=shutil.ignore_patterns("*.so", "__pycache__")
    )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copyfile(TOP / name, source / name)
    command = [sys.executable, "-m", "pip", "wheel", "-v", "--no-deps", "-w", str(folder)]
    done = subprocess.run(
        [*command, str(source)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("*.whl")), done.stdout + done.stderr


def said(wheel: Path, folder: Path) -> tuple[dict[str, str], str]:
    """Unpack a wheel and solve a puzzle with it."""
    unpacked = folder / "unpacked"
    zipfile.ZipFile(wheel).extractall(unpacked)
    done = subprocess.run(
        [sys.executable, "-c", SAID],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(unpacked)},
    )
    chosen, answer = json.loads(done.stdout)
    return chosen, answer
