"""The searches, each by the method that is named: the native ones, or Python's."""

from __future__ import annotations

from enum import StrEnum

from holdfast.work import pure

try:
    from holdfast.work import _solver as native
except ImportError:  # installed where no compiler was; `ways` says so
    COMPILED = False
else:
    COMPILED = True

PYTHON = "python"
NATIVE = "native"
"""Argon2id's one native method: it is the memory that takes the time."""


class Algorithm(StrEnum):
    """What is hashed."""

    SHA1 = "sha1"
    SHA256 = "sha256"
    ARGON2ID = "argon2id"


def ways(algorithm: Algorithm) -> tuple[str, ...]:
    """Return the methods that this machine has, fastest first; the last is always `python`.

    The others are `avx512`, `sha-ni`, `avx2` and `scalar`, by what the processor says it can, and
    for Argon2id `native`; there is none of them where the package was installed without a compiler.
    """
    if not COMPILED:
        return (PYTHON,)
    if algorithm is Algorithm.ARGON2ID:
        return (NATIVE, PYTHON)
    return (*native.methods(), PYTHON)


def puzzle_part(
    algorithm: Algorithm, method: str, seed: bytes, part: int, start: int, count: int, target: int
) -> int:
    """Return the first counter from `start` on, of `count`, that solves the part; or 0.

    Raises ValueError where this machine has no such method.
    """
    place = (seed, part, start, count, target)
    argon2id = algorithm is Algorithm.ARGON2ID
    _check(algorithm, method)
    if method == PYTHON:
        return pure.search_argon2id(*place) if argon2id else pure.search_sha256(*place)
    return native.search_argon2id(*place) if argon2id else native.search_sha256(method, *place)


def stamp_letters(method: str, text: bytes, bits: int, start: int, count: int) -> str | None:
    """Return the four letters that complete a stamp, as `pure.search_sha1` does, or None.

    Raises ValueError where this machine has no such method.
    """
    _check(Algorithm.SHA1, method)
    if method == PYTHON:
        return pure.search_sha1(text, bits, start, count)
    return native.search_sha1(method, text, bits, start, count)


def _check(algorithm: Algorithm, method: str) -> None:
    if method not in ways(algorithm):
        there = ", ".join(ways(algorithm))
        raise ValueError(f"{algorithm}: no method {method!r} here; there is {there}")
