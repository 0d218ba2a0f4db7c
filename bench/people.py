"""A million people: how long it takes to find some of them, and to verify a million entries."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from accounts.engines import engine
from bench.figures import Figure
from bench.running import TURNS, Report, run
from holdfast.trail.log import Hashes, Record, verify
from holdfast.trail.merkle import Frontier, leaf_hash
from holdfast.trail.note import Signer

PEOPLE = int(os.environ.get("HOLDFAST_BENCH_PEOPLE", "1000000"))
ENTRIES = 1_000_000
SEARCH_P95_MS, VERIFY_S, APPEND_MS, PAGE_MS = 50.0, 10.0, 1.0, 200.0
IMPORTS_WITHIN_S = 1200.0
FIRST = tuple("anna bert carla dora emil franz gerda hans ida jan karl lena".split())  # noqa: SIM905


def measure(report: Report) -> list[Figure]:
    """Measure on SQLite and on PostgreSQL. Raises BenchError."""
    figures = []
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder:
        people = Path(folder) / "people.jsonl"
        people.write_text("".join(_people()))
        for name in ("sqlite", "postgresql"):
            report(f"importing {PEOPLE} people into {name}, and looking for some")
            with _database(name, Path(folder)) as options:
                figures += _searched(name, people, options)
    report(f"verifying a trail of {ENTRIES} entries")
    records, signer = _entries()
    runs = tuple(_verified(records, signer) for _ in range(TURNS))
    return [*figures, Figure("a trail of a million entries verified", "s", runs, limit=VERIFY_S)]


def _people() -> Iterator[str]:
    chance = random.Random(1)  # noqa: S311 - names
    for number in range(PEOPLE):
        last = "".join(chance.choice("bcdfghklmnprst") + chance.choice("aeiou") for _ in range(4))
        first = chance.choice(FIRST)
        email = f"{first}.{last}{number}@example{number % 50}.org"
        yield json.dumps({"id": f"u{number}", "email": email, "name": f"{first} {last}"}) + "\n"


@contextmanager
def _database(name: str, folder: Path) -> Iterator[list[str]]:
    """Yield the options of a service with that database."""
    data = ["--data", str(folder / name)]
    if name == "sqlite":
        yield data
        return
    with engine(name) as server:
        url = folder / "url"
        url.write_text(server.url)
        url.chmod(0o600)
        yield [*data, "--database", f"file:{url}"]


def _searched(name: str, people: Path, options: list[str]) -> list[Figure]:
    holdfast = [sys.executable, "-m", "holdfast.cli.main"]
    run([*holdfast, "people", "import", str(people), *options], timeout_s=IMPORTS_WITHIN_S)
    asked = [sys.executable, "-m", "bench.asking", str(PEOPLE), str(TURNS), *options]
    done = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=1200)
    measured = json.loads(done.stdout.splitlines()[-1])
    p95, append = tuple(measured["p95_ms"]), tuple(measured["append_ms"])
    pages = tuple(measured["page_ms"])
    return [
        Figure(f"search, 95 of 100, {name}", "ms", p95, limit=SEARCH_P95_MS),
        Figure(f"an entry added to the trail, {name}", "ms", append, limit=APPEND_MS),
        Figure(f"the slowest page of the console, {name}", "ms", pages, limit=PAGE_MS),
    ]


def _entries() -> tuple[list[Record], Signer]:
    """A trail whose last entry alone is signed: verifying a whole one looks at no other."""
    signer, tree, records = Signer.new("holdfast/bench"), Frontier(), []
    for number in range(ENTRIES):
        data = (
            b'{"at":"2026-11-25T00:00:00.000000+00:00","details":{"by":"password"},"on":"",'
            b'"result":"good","what":"sign-in.good","where":"198.51.100.7",'
            b'"who":"00000000-0000-4000-8000-%012d"}' % number
        )
        tree.append(leaf_hash(data))
        records.append(Record(data, bytes(64)))
    signature = signer.signature(signer.checkpoint(tree.size, tree.root()))
    records[-1] = Record(records[-1].data, signature)
    return records, signer


def _verified(records: list[Record], signer: Signer) -> float:
    began = time.perf_counter()
    assert verify(Hashes(records), signer.verifier).good
    return time.perf_counter() - began
