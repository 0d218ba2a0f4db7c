"""Scan a tree of code: what it is built of, what it lets through, what it gives away."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from holdfast.scan import exceptions, modes, patterns, secrets
from holdfast.scan.files import files
from holdfast.scan.finding import Finding, Scanned


def scan(folder: Path, today: date, *, history: bool = True) -> Scanned:
    """Return what is found in a tree. Raises ScanError.

    Nothing of the tree is run, and nothing in it switches a rule off but its list of exceptions.
    """
    folder = folder.resolve()
    found = list(files(folder))
    let_be = exceptions.read(folder)
    code, unjudged = patterns.searched(folder, found)
    hidden, large = secrets.in_tree(found)
    notes = [f"{name}: too large, not looked at" for name in large]
    if history:
        past, note = secrets.in_history(folder)
        now = {(one.path, one.what) for one in hidden}
        hidden += [one for one in past if (one.path, one.what) not in now]
        notes += [note] if note else []
    readable = list(modes.readable(found, hidden))
    every = sorted({_unique(one): one for one in (*code, *hidden, *readable)}.items())
    kept = let_be.applied([one for _, one in every], today)
    return Scanned(kept, tuple(sorted(set(unjudged))), tuple(notes))


def _unique(finding: Finding) -> tuple[str, int, str, str, str]:
    """Two scanners may find the same."""
    what = "" if finding.rule.value == "sql" else finding.what
    return (finding.path, finding.line, finding.rule.value, what, finding.commit)
