"""Proof of work: what the solver reaches beside `hashcash` and `openssl`, and what else is its."""

from __future__ import annotations

import re
import shutil
import threading
import time

from bench.figures import Better, Figure, Peer
from bench.running import BenchError, Measure, Report, in_turn, run
from bench.work_browser import measure_browser
from bench.work_puzzles import measure as measure_puzzles
from holdfast.work import speed
from holdfast.work.puzzle import PASSES
from holdfast.work.race import threads_here
from holdfast.work.searches import COMPILED, Algorithm, ways
from holdfast.work.solver import Cancelled, mint_counter
from holdfast.work.stamp import mint

SECONDS = 1.0
BLOCK_BYTES, BUFFER_BYTES = 64, 16_384
TIMES_HASHCASH, TIMES_OPENSSL = 5.0, 1.0
BITS, STAMPS = 21, 40
"""Each stamp is a lottery: so many of them make the sum of one turn even."""
NEVER = "1:160:261127:nobody@example.org::AAAAAAAAAAAAAAAA:"
M = 1e6


def measure(report: Report) -> list[Figure]:
    """Measure the native solver, the puzzles' service side, and the page. Raises BenchError."""
    if not COMPILED:
        raise BenchError("the native solver is not built: install a C compiler, and holdfast again")
    report("searching on one core, and `openssl speed` beside it")
    figures = [_hashed(Algorithm.SHA1, way) for way in _compared(Algorithm.SHA1)]
    figures += [_hashed(Algorithm.SHA256, way) for way in _compared(Algorithm.SHA256)]
    figures.append(_argon2id())
    report(f"minting on every core, and `hashcash` beside it, {STAMPS} stamps a turn")
    figures += [_tried(), _minted()]
    return [*figures, *measure_puzzles(report), *measure_browser(report)]


def _compared(algorithm: Algorithm) -> list[str]:
    """The method that is taken, and the processor's own instructions, which openssl uses too."""
    return list(dict.fromkeys([ways(algorithm)[0], *(w for w in ways(algorithm) if w == "sha-ni")]))


def _hashed(algorithm: Algorithm, way: str) -> Figure:
    ours, theirs = in_turn(
        Measure(lambda: speed.rate(algorithm, way, SECONDS) / M),
        Measure(lambda: _openssl(algorithm) / M),
    )
    return Figure(
        f"{algorithm.value} on one core, {way}",
        "M hashes/s",
        ours,
        Peer(f"{_version('openssl', 'version')}, one stream of large buffers", theirs),
        goal=TIMES_OPENSSL,
        better=Better.HIGHER,
    )


def _openssl(algorithm: Algorithm) -> float:
    """Return blocks per second: each is one compression, as each of our hashes is."""
    timed = ["-seconds", f"{SECONDS:.0f}", "-bytes", str(BUFFER_BYTES)]
    out = run(["openssl", "speed", "-mr", "-evp", algorithm.value, *timed]).out
    found = re.search(r"^\+F:\d+:[^:]+:([0-9.]+)$", out, re.MULTILINE)
    if found is None:
        raise BenchError(f"`openssl speed` printed no rate: {out[-200:]!r}")
    return float(found[1]) / BLOCK_BYTES


def _argon2id() -> Figure:
    taken, *_, python = ways(Algorithm.ARGON2ID)
    ours, theirs = in_turn(
        Measure(lambda: _argon2id_rate(taken)), Measure(lambda: _argon2id_rate(python))
    )
    name = f"argon2id on one core, 19 MiB, {PASSES} passes"
    return Figure(name, "hashes/s", ours, Peer("argon2-cffi", theirs), better=Better.HIGHER)


def _argon2id_rate(way: str) -> float:
    return speed.rate(Algorithm.ARGON2ID, way, SECONDS)


def _tried() -> Figure:
    ours, theirs = in_turn(Measure(_every_core), Measure(_hashcash))
    return Figure(
        "hashes tried while minting, every core",
        "M hashes/s",
        ours,
        Peer(_version("hashcash", "-v"), theirs),
        goal=TIMES_HASHCASH,
        better=Better.HIGHER,
    )


def _every_core() -> float:
    """Mint what nobody can, for SECONDS. As with `hashcash -s`, the cores' time counts."""
    stop, tried = threading.Event(), [0]

    def count(number: int) -> None:
        tried[0] = number
        if time.perf_counter() - began > SECONDS:
            stop.set()

    began, cores_began = time.perf_counter(), time.process_time()
    try:
        mint_counter(NEVER, 160, stop=stop, progress=count)
    except Cancelled:
        return tried[0] / (time.process_time() - cores_began) * threads_here() / M
    raise BenchError("a stamp of 160 bits was minted")


def _hashcash() -> float:
    found = re.search(r"speed: (\d+) preimage tests per second", _printed("hashcash", "-s"))
    if found is None:
        raise BenchError("`hashcash -s` printed no speed")
    return int(found[1]) / M


def _minted() -> Figure:
    people = [f"a{number}@example.org" for number in range(STAMPS)]

    def ours() -> float:
        began = time.perf_counter()
        for person in people:
            mint(person, BITS)
        return (time.perf_counter() - began) / STAMPS

    def theirs() -> float:
        return run(["hashcash", "-m", "-q", "-b", str(BITS), *people]).seconds / STAMPS

    mine, peer = in_turn(Measure(ours), Measure(theirs))
    name = f"a stamp of {BITS} bits minted, every core"
    return Figure(name, "s", mine, Peer(_version("hashcash", "-v"), peer), goal=TIMES_HASHCASH)


def _version(program: str, option: str) -> str:
    """Such as `openssl 3.0.15`."""
    found = re.search(r"[0-9]+(?:\.[0-9]+)+", _printed(program, option))
    return f"{program} {found[0]}" if found else program


def _printed(*command: str) -> str:
    if shutil.which(command[0]) is None:
        raise BenchError(f"{command[0]} is not here: install Debian's package {command[0]}")
    ran = run(command, good=(0, 1))  # `hashcash -v` ends with 1
    return ran.out + ran.err
