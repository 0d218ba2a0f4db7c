"""The puzzles put to the GPU, and the check of what it says it found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

TEXT = (
    "1:sha256:21:4194304:1795000000:YXR0YWNrZXItb24tYS1ncA:c2NvcGUtb2YtYS1iZW5jaA:"
    "bm90LXNpZ25lZC1ub3QtY2hlY2tlZC1ieS1hbnlib2R"
)
SEED = sha256(TEXT.encode("ascii")).digest()
SHA256_COST, ARGON2ID_COST = 1 << 22, 1 << 12
SHORT_PART, SHORT_COST, SHORT_RANGE = 7, 1000, 1_000_000  # as in attacker.cu
COUNTERS = (1 << 32) - 1
SPREAD = 5  # standard deviations that a number of hits may be off


class WrongAnswer(Exception):
    """The GPU said something that is not so: its rates mean nothing."""


def check(raw: Mapping[str, Any]) -> dict[str, int]:
    """Check all that was found, by hashlib and argon2-cffi; return how much that was.

    Raises WrongAnswer.
    """
    return {
        "sha256_hits": _sha256_hits(raw["sha256"]["found"]),
        "sha256_hits_of_a_million": _sha256_million(raw["sha256"]["million"]),
        "argon2id_tags": _argon2id_tags(raw["argon2id"]["tags"]),
        "argon2id_hits": _argon2id_hits(raw["argon2id"]["found"], raw["argon2id"]["tried"]),
    }


def _sha256_hits(found: Sequence[Sequence[int]]) -> int:
    for part, counters in enumerate(found):
        _likely(f"part {part}", len(counters), COUNTERS / SHA256_COST)
        for counter in counters:
            if _sha256(part, counter) >= 2**256 // SHA256_COST:
                raise WrongAnswer(f"sha256, part {part}: counter {counter} is no answer")
    return sum(map(len, found))


def _sha256_million(found: Sequence[Sequence[int]]) -> int:
    """Each kernel found each answer among the first million counters, and no other."""
    answers = [
        counter
        for counter in range(1, SHORT_RANGE + 1)
        if _sha256(SHORT_PART, counter) < 2**256 // SHORT_COST
    ]
    for kernel, counters in enumerate(found):
        if list(counters) != answers:
            raise WrongAnswer(f"sha256, kernel {kernel}: {len(counters)} hits, not those there are")
    return len(answers)


def _argon2id_tags(tags: Mapping[str, str]) -> int:
    for counter, tag in tags.items():
        if _argon2id(0, int(counter)).hex() != tag:
            raise WrongAnswer(f"argon2id: another tag than argon2-cffi's for counter {counter}")
    return len(tags)


def _argon2id_hits(found: Sequence[int], tried: int) -> int:
    _likely("argon2id", len(found), tried / ARGON2ID_COST)
    for counter in found:
        if int.from_bytes(_argon2id(0, counter), "big") >= 2**256 // ARGON2ID_COST:
            raise WrongAnswer(f"argon2id: counter {counter} is no answer")
    return len(found)


def _likely(what: str, hits: int, expected: float) -> None:
    """Raise WrongAnswer when hashes were skipped or made up, going by the number of hits."""
    if abs(hits - expected) > SPREAD * expected**0.5:
        raise WrongAnswer(f"{what}: {hits} hits where about {expected:.0f} are to be expected")


def _sha256(part: int, counter: int) -> int:
    message = SEED + part.to_bytes(4, "big") + counter.to_bytes(4, "big")
    return int.from_bytes(sha256(message).digest(), "big")


def _argon2id(part: int, counter: int) -> bytes:
    from argon2.low_level import Type, hash_secret_raw  # where there is a GPU it may be missing

    return hash_secret_raw(
        part.to_bytes(4, "big") + counter.to_bytes(4, "big"),
        SEED[:16],
        time_cost=2,
        memory_cost=19456,
        parallelism=1,
        hash_len=32,
        type=Type.ID,
    )
