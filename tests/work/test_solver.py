"""The solver: whatever method searches, the answer is the one that hashlib finds."""

from __future__ import annotations

import hashlib
import threading
import time

import pytest
from argon2.low_level import Type, hash_secret_raw
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.work import pure, solver, speed
from holdfast.work.puzzle import LAST_COUNTER, MEMORY_KIB, PASSES, Refused, parse_answer, solved
from holdfast.work.searches import COMPILED, PYTHON, Algorithm, puzzle_part, stamp_letters, ways
from holdfast.work.solver import Cancelled, Unsolvable, mint_counter, solve, target

SHA1_WAYS, SHA256_WAYS = ways(Algorithm.SHA1), ways(Algorithm.SHA256)
ARGON2ID_WAYS = ways(Algorithm.ARGON2ID)
EVERYTHING, NOTHING = 2**64 - 1, 0
SEED = hashlib.sha256(b"a puzzle").digest()
TAIL = ":1900000000:" + "I" * 22 + ":" + "S" * 22 + ":" + "x" * 43

seeds = st.binary(min_size=32, max_size=32)
parts = st.integers(0, 63)
costs = st.integers(1, 400)
some = settings(max_examples=60, deadline=None)


def first_bits(seed: bytes, part: int, counter: int) -> int:
    told = seed + part.to_bytes(4) + counter.to_bytes(4)
    return int.from_bytes(hashlib.sha256(told).digest()[:8])


def zero_bits(text: str) -> int:
    digest = hashlib.sha1(text.encode(), usedforsecurity=False).digest()
    return 160 - int.from_bytes(digest).bit_length()


def puzzle(cost: int, of: int = 4, kind: str = "sha256") -> str:
    return f"1:{kind}:{of}:{cost}{TAIL}"


@pytest.mark.parametrize("method", SHA256_WAYS)
@given(seeds, parts, st.integers(1, LAST_COUNTER - 600), st.integers(0, 600), costs)
@some
def test_the_first_counter_that_solves_is_found(
    method: str, seed: bytes, part: int, start: int, count: int, cost: int
) -> None:
    below = target(cost)
    stretch = range(start, start + count)
    first = next((n for n in stretch if first_bits(seed, part, n) < below), 0)
    assert puzzle_part(Algorithm.SHA256, method, seed, part, start, count, below) == first


@pytest.mark.parametrize("method", SHA256_WAYS)
@pytest.mark.parametrize("left", range(1, 20))
def test_the_last_counters_are_searched_and_none_after_them(method: str, left: int) -> None:
    start = LAST_COUNTER + 1 - left
    place = (Algorithm.SHA256, method, SEED, 5, start, left)
    lowest = min(range(start, LAST_COUNTER + 1), key=lambda n: first_bits(SEED, 5, n))
    assert puzzle_part(*place, first_bits(SEED, 5, lowest) + 1) == lowest
    assert puzzle_part(*place, EVERYTHING) == start
    assert puzzle_part(*place, NOTHING) == 0


@pytest.mark.parametrize("method", SHA256_WAYS)
def test_a_hash_has_to_be_below_the_target_and_not_at_it(method: str) -> None:
    for counter in range(1, 40):
        bits = first_bits(SEED, 0, counter)
        place = (Algorithm.SHA256, method, SEED, 0, counter, 1)
        assert puzzle_part(*place, bits) == 0
        assert puzzle_part(*place, bits + 1) == counter


@pytest.mark.parametrize(
    ("cost", "below"),
    [(1, 2**64 - 1), (2, 2**63), (3, 2**64 // 3), (2**30, 2**34), (2**30 - 1, 2**34 + 16)],
)
def test_a_target_is_what_the_cost_leaves(cost: int, below: int) -> None:
    assert target(cost) == below


@pytest.mark.parametrize("method", SHA1_WAYS)
@given(st.integers(0, 140), st.integers(0, 14), st.integers(0, 2**18 - 20), st.integers(0, 12))
@some
def test_the_first_letters_that_complete_a_stamp_are_found(
    method: str, length: int, bits: int, start: int, count: int
) -> None:
    """Wherever the four letters lie in the last block."""
    length -= length % 4
    text = (b"1:20:" + bytes(range(33, 127)) * 2)[: length - 16 if length % 64 > 48 else length]
    place = (text, bits, start * pure.STEP, count * pure.STEP)
    assert stamp_letters(method, *place) == pure.search_sha1(*place)


@pytest.mark.parametrize("method", SHA1_WAYS)
def test_the_last_letters_are_searched(method: str) -> None:
    start = pure.WAYS - pure.STEP
    bits = max(zero_bits(f"{letter * 4}///{last}") for letter in "a" for last in pure.LETTERS)
    found = stamp_letters(method, b"aaaa", bits, start, pure.STEP)
    assert found is not None
    assert zero_bits("aaaa" + found) == bits
    assert stamp_letters(method, b"aaaa", bits + 1, start, pure.STEP) is None


@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=150), st.integers(0, 12)
)
@some
def test_a_minted_counter_gives_the_bits(prefix: str, bits: int) -> None:
    counter = mint_counter(prefix, bits)
    assert zero_bits(prefix + counter) >= bits
    assert 10 <= len(counter) <= 28
    assert set(counter) <= set(pure.LETTERS)


@pytest.mark.parametrize("method", SHA1_WAYS)
@pytest.mark.parametrize("threads", [1, 3])
def test_every_method_mints(method: str, threads: int) -> None:
    counter = mint_counter(
        "1:16:261127:alice@example.com::rand:", 16, method=method, threads=threads
    )
    assert zero_bits("1:16:261127:alice@example.com::rand:" + counter) >= 16


@pytest.mark.parametrize("method", SHA256_WAYS)
@pytest.mark.parametrize("threads", [1, 2, 7])
@pytest.mark.parametrize("of", [1, 2, 64])
def test_every_method_solves_every_part(method: str, threads: int, of: int) -> None:
    text = puzzle(500, of)
    answer = solve(text, method=method, threads=threads)
    assert answer.startswith(f"{text}:")
    assert solved(parse_answer(answer))


def test_the_cheapest_puzzle_is_solved_by_the_first_counters() -> None:
    assert solve(puzzle(1, 3)) == puzzle(1, 3) + ":1.1.1"


@pytest.mark.parametrize("method", ARGON2ID_WAYS)
def test_an_argon2id_puzzle_is_solved(method: str) -> None:
    assert solved(parse_answer(solve(puzzle(4, 2, "argon2id"), method=method)))


@pytest.mark.parametrize("method", ARGON2ID_WAYS)
@given(seeds, parts, st.integers(1, LAST_COUNTER))
@settings(max_examples=4, deadline=None)
def test_argon2id_is_that_of_argon2_cffi(method: str, seed: bytes, part: int, counter: int) -> None:
    secret = part.to_bytes(4) + counter.to_bytes(4)
    digest = hash_secret_raw(secret, seed[:16], PASSES, MEMORY_KIB, 1, 32, Type.ID)
    bits = int.from_bytes(digest[:8])
    place = (Algorithm.ARGON2ID, method, seed, part, counter, 1)
    assert puzzle_part(*place, bits) == 0
    assert puzzle_part(*place, bits + 1) == counter


def test_a_puzzle_that_no_counter_solves_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solver, "LAST_COUNTER", 30_000)
    with pytest.raises(Unsolvable, match="part 0"):
        solve(puzzle(2**30))


@pytest.mark.parametrize("method", [SHA256_WAYS[0], PYTHON])
def test_a_search_ends_soon_after_it_is_cancelled(method: str) -> None:
    stop = threading.Event()
    asked: list[float] = []

    def cancel(tried: int) -> None:
        if tried and not asked:
            asked.append(time.monotonic())
            stop.set()

    before = threading.active_count()
    with pytest.raises(Cancelled):
        solve(puzzle(2**30, 64), stop=stop, progress=cancel, method=method)
    assert time.monotonic() - asked[0] < 5  # a twentieth of that, where nothing else runs
    assert threading.active_count() == before


def test_what_is_cancelled_before_it_starts_does_not_run() -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Cancelled):
        mint_counter("1:160:", 160, stop=stop)


def test_progress_only_grows_and_ends_with_every_hash() -> None:
    seen: list[int] = []
    answer = solve(puzzle(100_000, 8), threads=1, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == sum(parse_answer(answer).counters)


def test_what_progress_raises_ends_the_search() -> None:
    def fail(tried: int) -> None:
        raise LookupError

    before = threading.active_count()
    with pytest.raises(LookupError):
        solve(puzzle(2**30, 64), progress=fail)
    assert threading.active_count() == before


def test_what_a_search_raises_reaches_the_caller() -> None:
    with pytest.raises(ValueError, match="no method 'abacus' here; there is"):
        solve(puzzle(1), method="abacus")


@pytest.mark.parametrize("text", ["", "1:sha256:1:1", puzzle(0), puzzle(2**30 + 1), puzzle(1, 65)])
def test_what_is_no_puzzle_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        solve(text)


@pytest.mark.parametrize(("prefix", "bits"), [("ü", 1), ("a", -1), ("a", 161)])
def test_what_is_no_stamp_is_refused(prefix: str, bits: int) -> None:
    with pytest.raises(ValueError, match=r"ASCII|0 to 160"):
        mint_counter(prefix, bits)


@pytest.mark.parametrize("threads", [-1, 257])
def test_a_number_of_threads_beyond_reason_is_refused(threads: int) -> None:
    with pytest.raises(ValueError, match="threads"):
        solve(puzzle(1), threads=threads)


@pytest.mark.skipif(not COMPILED, reason="installed without a compiler")
@pytest.mark.parametrize(
    "arguments",
    [
        ("scalar", b"short", 0, 1, 1, 1),
        ("scalar", SEED, -1, 1, 1, 1),
        ("scalar", SEED, 2**32, 1, 1, 1),
        ("scalar", SEED, 0, 0, 1, 1),
        ("scalar", SEED, 0, -1, 1, 1),
        ("scalar", SEED, 0, 1, -1, 1),
        ("scalar", SEED, 0, 2, LAST_COUNTER, 1),
        ("scalar", SEED, 0, 2**63 - 1, 2**63 - 1, 1),
        ("none", SEED, 0, 1, 1, 1),
    ],
)
def test_the_native_search_of_a_puzzle_refuses_what_is_out_of_bounds(
    arguments: tuple[str, bytes, int, int, int, int],
) -> None:
    from holdfast.work import _solver

    with pytest.raises(ValueError, match=r"bytes|counters|method"):
        _solver.search_sha256(*arguments)
    if arguments[0] == "scalar":
        with pytest.raises(ValueError, match=r"bytes|counters"):
            _solver.search_argon2id(*arguments[1:])


@pytest.mark.skipif(not COMPILED, reason="installed without a compiler")
@pytest.mark.parametrize(
    "arguments",
    [
        (b"abc", 20, 0, 64),
        (b"a" * 52, 20, 0, 64),
        (b"a" * (2**20 + 4), 20, 0, 64),
        (b"abcd", -1, 0, 64),
        (b"abcd", 161, 0, 64),
        (b"abcd", 20, 1, 64),
        (b"abcd", 20, 0, 65),
        (b"abcd", 20, -64, 64),
        (b"abcd", 20, 64, pure.WAYS),
    ],
)
def test_the_native_search_of_a_stamp_refuses_what_is_out_of_bounds(
    arguments: tuple[bytes, int, int, int],
) -> None:
    from holdfast.work import _solver

    with pytest.raises(ValueError, match=r"letters|bits|counters"):
        _solver.search_sha1("scalar", *arguments)


def test_every_method_has_a_speed_and_the_fastest_kind_is_chosen() -> None:
    rows = speed.measured(0.01)
    assert {row.algorithm for row in rows} == {algorithm.value for algorithm in Algorithm}
    assert [row.method for row in rows if row.algorithm == "sha256"] == list(SHA256_WAYS)
    assert all(row.hashes_per_s > 0 for row in rows)
    for methods in solver.methods():
        chosen = [row.method for row in rows if row.chosen and row.algorithm == methods.algorithm]
        assert chosen == [methods.chosen]
