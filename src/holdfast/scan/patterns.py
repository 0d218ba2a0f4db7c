"""SQL from strings, debug and cookie settings: bandit for Python, semgrep with our own rules."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from holdfast.scan.files import LEFT_OUT, MOST_BYTES, File
from holdfast.scan.finding import Finding, Rule
from holdfast.scan.running import printed

RULES = Path(__file__).parent / "rules/code.yaml"
READ = frozenset({".py", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".java", ".php", ".go"})
SQL_OF_BANDIT = "B608"
AT_ONCE = 2_000
"""So many files are handed over with one call."""


def searched(folder: Path, found: Sequence[File]) -> tuple[list[Finding], list[str]]:
    """Return what the rules find in a tree, and the files that could not be read as code.

    What a line or a file of the tree says to these scanners does not count. Raises ScanError.
    """
    read = [file for file in found if file.path.suffix in READ and not file.is_large]
    python = [file for file in read if file.path.suffix == ".py"]
    findings: list[Finding] = []
    unjudged: list[str] = []
    searches = [_semgrep(folder)] if read else []
    for at in range(0, len(python), AT_ONCE):
        searches.append(_bandit(folder, [str(file.path) for file in python[at : at + AT_ONCE]]))
    for search in searches:
        for one in search:
            if isinstance(one, Finding):
                findings.append(one)
            else:
                unjudged.append(one)
    return findings, unjudged


def _semgrep(folder: Path) -> Iterator[Finding | str]:
    """One folder is told, not each file: that takes minutes."""
    left_out = [word for name in sorted(LEFT_OUT) for word in ("--exclude", name)]
    program = Path(sys.executable).with_name("semgrep")
    told = printed(
        [
            *(str(program), "scan", "--json", "--quiet", "--metrics", "off"),
            *("--disable-version-check", "--disable-nosem", "--no-git-ignore"),
            *("--x-ignore-semgrepignore-files", "--max-target-bytes", str(MOST_BYTES)),
            *left_out,
            *("--timeout", "30", "--timeout-threshold", "0", "--jobs", "2"),
            *("--config", str(RULES), "--", str(folder)),
        ]
    )
    for result in told["results"]:
        rule = Rule(result["check_id"].rpartition(".")[2])
        what = str(result["extra"]["message"])
        yield Finding(rule, _name(folder, result["path"]), int(result["start"]["line"]), what)
    yield from {_name(folder, path) for path in _broken(told)}


def _broken(told: Any) -> Iterator[str]:
    """The files of errors that left something of them unread."""
    for error in told["errors"]:
        path = error.get("path")
        if isinstance(path, str):
            yield path


def _bandit(folder: Path, paths: Sequence[str]) -> Iterator[Finding | str]:
    told = printed(
        [
            *(sys.executable, "-I", "-m", "bandit", "--format", "json", "--quiet"),
            *("--ignore-nosec", "--tests", SQL_OF_BANDIT, "--", *paths),
        ]
    )
    for result in told["results"]:
        if result["issue_confidence"] != "LOW":
            name = _name(folder, result["filename"])
            yield Finding(
                Rule.SQL, name, int(result["line_number"]), "SQL is put together from strings"
            )
    for error in told["errors"]:
        yield _name(folder, str(error["filename"]))


def _name(folder: Path, path: str) -> str:
    found = Path(path)
    return found.relative_to(folder).as_posix() if found.is_relative_to(folder) else path
