"""Answers that somebody made up: each is refused, with the reason that is true of it."""

from __future__ import annotations

import base64
import hashlib
import itertools
from collections.abc import Callable

import pytest

from holdfast.work.puzzle import LONGEST, Desk, Kind, Reason, parse
from work.solving import answer, counters, hashed, reaches
from work.test_puzzle import DESK, NOW, SITE, issued, refusal, taken

FIELDS = ("version", "kind", "parts", "cost", "expires", "name", "scope", "signature")
COST = 2**14
"""That a counter of another puzzle is good here by luck happens once in so many."""


@pytest.fixture(scope="module")
def line() -> str:
    return issued(cost=COST)


@pytest.fixture(scope="module")
def found(line: str) -> list[int]:
    return counters(line)


def spelled(line: str, *counters: object) -> str:
    return f"{line}:{'.'.join(map(str, counters))}"


def with_field(line: str, field: str, value: str) -> str:
    fields = line.split(":")
    fields[FIELDS.index(field)] = value
    return ":".join(fields)


# Counters


def test_the_right_counters_are_taken(line: str, found: list[int]) -> None:
    assert taken(spelled(line, *found))


def test_counters_of_another_puzzle_are_none_of_this(found: list[int]) -> None:
    other = issued(cost=COST)
    if not all(reaches(other, part, counter) for part, counter in enumerate(found)):
        assert refusal(spelled(other, *found)) is Reason.UNSOLVED


def test_counters_in_another_order_are_none(line: str, found: list[int]) -> None:
    swapped = found[::-1]
    if not all(reaches(line, part, counter) for part, counter in enumerate(swapped)):
        assert refusal(spelled(line, *swapped)) is Reason.UNSOLVED


def test_work_that_ignores_the_puzzle_is_none() -> None:
    """Counters that are good behind a prefix of one's own, or behind none, are good for nothing."""
    line, below = issued(parts=1, cost=COST), 2**256 // COST

    def number(prefix: bytes, counter: int) -> int:
        told = prefix + bytes(4) + counter.to_bytes(4, "big")
        return int.from_bytes(hashlib.sha256(told).digest(), "big")

    for prefix in (b"", bytes(32), b"mine" * 8, line.encode()):
        counter = next(n for n in itertools.count(1) if number(prefix, n) < below)
        if not reaches(line, 0, counter):
            assert refusal(spelled(line, counter)) is Reason.UNSOLVED


def test_one_part_that_is_not_done_spoils_the_rest(line: str, found: list[int]) -> None:
    undone = next(n for n in itertools.count(1) if not reaches(line, 1, n))
    assert refusal(spelled(line, found[0], undone)) is Reason.UNSOLVED


def test_a_hash_that_is_as_high_as_the_target_does_not_reach_it() -> None:
    """The nearest to the target that can be looked for: below at one price, not at the next."""
    line = issued(parts=1, cost=COST)
    counter = counters(line)[0]
    dearest = (2**256 - 1) // hashed(line, 0, counter)
    assert reaches(line, 0, counter)
    assert dearest >= COST
    below = 2**256 // (dearest + 1)
    assert hashed(line, 0, counter) >= below


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "0",
        "0.0",
        "1",
        "1.0",
        "0.1",
        "1.2.3",
        "1.2.",
        ".1.2",
        "1..2",
        "1,2",
        "1:2",
        "1 .2",
        " 1.2",
        "1.2\n",
        "1.2 ",
        "+1.2",
        "-1.2",
        "1_0.2",
        "01.2",
        "1.02",
        "1e1.2",
        "0x1.2",
        "4294967296.1",
        "1.4294967297",
        "9999999999.1",
        "18446744073709551617.1",
        f"1.{'9' * 100}",
        "١.٢",
        "1.²",
        "１.２",
        "1.2\0",
        "\0",
        "1.\ud800",
        ".".join(["1"] * 64),
        ".".join(["1"] * 65),
    ],
)
def test_counters_that_are_spelled_wrong_are_refused(line: str, wrong: str) -> None:
    assert refusal(f"{line}:{wrong}") is Reason.MALFORMED


# The line


@pytest.mark.parametrize("field", FIELDS[2:])
def test_a_field_of_another_good_puzzle_is_forged(field: str) -> None:
    """Each is signed with all others, so none can be carried over, however it was issued."""
    mine = issued(parts=2, cost=16, expires=NOW + 300)
    other = issued("reset", "bob", parts=3, cost=4, expires=NOW + 600)
    theirs = other.split(":")[FIELDS.index(field)]
    spliced = with_field(mine, field, theirs)
    assert refusal(answer(spliced)) is Reason.FORGED
    assert refusal(answer(spliced), "reset", "bob") is Reason.FORGED


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cost", "1"),
        ("cost", "15"),
        ("parts", "1"),
        ("parts", "3"),
        ("expires", str(int(NOW) + 301)),
        ("expires", str(int(NOW) + 86_400)),
        ("name", "A" * 22),
        ("signature", "A" * 43),
    ],
)
def test_a_field_that_is_changed_is_forged(field: str, value: str) -> None:
    assert refusal(answer(with_field(issued(), field, value))) is Reason.FORGED


def test_another_kind_than_was_issued_is_forged() -> None:
    changed = with_field(issued(kind=Kind.ARGON2ID, parts=1, cost=2), "kind", "sha256")
    assert refusal(answer(changed)) is Reason.FORGED


def test_a_signature_by_a_key_of_ones_own_is_forged() -> None:
    mine = issued(desk=Desk(b"m" * 32, SITE), cost=1)
    unsigned = with_field(with_field(mine, "scope", parse(issued()).scope), "cost", "1")
    own = with_field(unsigned, "signature", mine.rpartition(":")[2])
    assert refusal(answer(own)) is Reason.FORGED


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("version", "0"),
        ("version", "2"),
        ("version", ""),
        ("version", "01"),
        ("kind", "sha1"),
        ("kind", "SHA256"),
        ("kind", "argon2i"),
        ("kind", ""),
        ("parts", "0"),
        ("parts", "65"),
        ("parts", "02"),
        ("parts", "-2"),
        ("parts", "9999999999"),
        ("cost", "0"),
        ("cost", "016"),
        ("cost", "1073741825"),
        ("cost", "16.0"),
        ("cost", "٣"),
        ("expires", "0"),
        ("expires", "-1"),
        ("expires", "1e12"),
        ("expires", "9" * 13),
        ("expires", "nan"),
        ("name", ""),
        ("name", "A" * 21),
        ("name", "A" * 23),
        ("name", "A" * 21 + "="),
        ("name", "A" * 20 + "=="),
        ("name", "+" * 22),
        ("name", "/" * 22),
        ("name", "é" * 22),
        ("name", "A" * 21 + "\0"),
        ("name", "A" * 21 + "\udc80"),
        ("scope", "A" * 21 + "\n"),
        ("scope", "A" * 24),
        ("signature", "A" * 42),
        ("signature", "A" * 44),
        ("signature", "A" * 43 + "="),
        ("signature", "A" * 42 + " "),
    ],
)
def test_a_field_that_is_spelled_wrong_is_refused(
    line: str, found: list[int], field: str, value: str
) -> None:
    assert refusal(spelled(with_field(line, field, value), *found)) is Reason.MALFORMED


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(lambda text: "", id="nothing"),
        pytest.param(lambda text: ":" * 8, id="nothing but colons"),
        pytest.param(lambda text: f" {text}", id="a blank before it"),
        pytest.param(lambda text: f"{text} ", id="a blank after it"),
        pytest.param(lambda text: f"{text}\n", id="a line end after it"),
        pytest.param(lambda text: f"{text}\r\n", id="the line end of a form"),
        pytest.param(lambda text: f"\ufeff{text}", id="a byte order mark"),
        pytest.param(lambda text: f"{text}\0", id="a NUL after it"),
        pytest.param(lambda text: text.replace(":", "::", 1), id="an empty field"),
        pytest.param(lambda text: f"{text}:1", id="a field more"),
        pytest.param(lambda text: text.partition(":")[2], id="a field less"),
        pytest.param(lambda text: text.rpartition(":")[0], id="no counters"),
        pytest.param(lambda text: text.upper(), id="large letters"),
        pytest.param(lambda text: text.replace(":", "%3A"), id="encoded for an address"),
        pytest.param(lambda text: base64.b64encode(text.encode()).decode(), id="base64 of it"),
        pytest.param(lambda text: text + " " * LONGEST, id="longer than anything"),
        pytest.param(lambda text: text + "\ud800", id="half a character"),
        pytest.param(lambda text: text * 2, id="twice itself"),
        pytest.param(lambda text: text + ".1" * 10_000_000, id="20 MB"),
    ],
)
def test_a_text_that_is_nearly_an_answer_is_refused(
    line: str, found: list[int], changed: Callable[[str], str]
) -> None:
    assert refusal(changed(spelled(line, *found))) is Reason.MALFORMED


@pytest.mark.parametrize("field", ["name", "scope", "signature"])
def test_letters_of_another_case_are_forged(field: str) -> None:
    line = issued(cost=1)
    value = line.split(":")[FIELDS.index(field)]
    other = with_field(line, field, value.swapcase())
    assert refusal(answer(other)) is Reason.FORGED


def test_another_spelling_of_the_same_bytes_is_forged() -> None:
    """The last of 22 letters has bits that nothing needs; nor are those free to choose."""
    line = issued(cost=1)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for field in ("name", "scope", "signature"):
        value = line.split(":")[FIELDS.index(field)]
        last = letters[letters.index(value[-1]) ^ 1]
        assert refusal(answer(with_field(line, field, value[:-1] + last))) is Reason.FORGED


def test_nothing_is_verified_of_an_answer_that_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """A memory-hard hash costs the server as much as its guest: what is cheap comes first."""
    hashed_so_far: list[bytes] = []
    monkeypatch.setattr("holdfast.work.puzzle._argon2id", hashed_so_far.append)
    forged = spelled(issued(desk=Desk(b"l" * 32, SITE), kind=Kind.ARGON2ID, parts=1), 1)
    assert refusal(forged) is Reason.FORGED
    late = spelled(issued(kind=Kind.ARGON2ID, parts=1, expires=NOW - 1), 1)
    assert refusal(late) is Reason.EXPIRED
    assert DESK.opened(spelled(issued(kind=Kind.ARGON2ID, parts=1), 1), "sign-in", "alice", NOW)
    assert hashed_so_far == []
