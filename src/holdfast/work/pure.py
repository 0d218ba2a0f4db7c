"""The searches of native/solver.c in Python: what solves where there was no compiler.

Each takes and gives what the native one does. Argon2id is argon2-cffi's, which is native too.
"""

from __future__ import annotations

import hashlib

from holdfast.work.puzzle import MEMORY_KIB, PASSES

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
WAYS = len(LETTERS) ** 4
"""As many ways there are to choose the four letters that a stamp lacks."""
STEP = len(LETTERS)
_COUNTERS = 2**32
_SALT_BYTES = 16


def search_sha256(seed: bytes, part: int, start: int, count: int, target: int) -> int:
    """Return the first counter from `start` on, of `count`, that solves the part; or 0.

    `target` is what the first 64 bits of the digest have to stay below.
    """
    _check(start, count, _COUNTERS)
    begun = hashlib.sha256(seed + part.to_bytes(4))
    below = target.to_bytes(8)
    for counter in range(start, start + count):
        hashed = begun.copy()
        hashed.update(counter.to_bytes(4))
        if hashed.digest() < below:  # equal first bytes make the longer one greater
            return counter
    return 0


def search_argon2id(seed: bytes, part: int, start: int, count: int, target: int) -> int:
    """Return what `search_sha256` does, by Argon2id. Raises ImportError without argon2-cffi."""
    from argon2.low_level import Type, hash_secret_raw

    _check(start, count, _COUNTERS)
    salt, below = seed[:_SALT_BYTES], target.to_bytes(8)
    for counter in range(start, start + count):
        secret = part.to_bytes(4) + counter.to_bytes(4)
        digest = hash_secret_raw(secret, salt, PASSES, MEMORY_KIB, 1, 32, Type.ID)
        if digest < below:
            return counter
    return 0


def search_sha1(text: bytes, bits: int, start: int, count: int) -> str | None:
    """Return the four letters that give the text's SHA-1 so many zero bits in front, or None.

    The ways to choose them are numbered, the last letter being the lowest digit; `start` and
    `count` are multiples of 64, the ways that share three letters.
    """
    _check(start, count, WAYS)
    digits = 20 * 8 - bits
    begun = hashlib.sha1(text, usedforsecurity=False)
    for number in range(start, start + count, STEP):
        three = "".join(LETTERS[number >> shift & 63] for shift in (18, 12, 6))
        shared = begun.copy()
        shared.update(three.encode())
        for last in LETTERS:
            hashed = shared.copy()
            hashed.update(last.encode())
            if int.from_bytes(hashed.digest()) >> digits == 0:
                return three + last
    return None


def _check(start: int, count: int, most: int) -> None:
    if not 0 <= start <= start + count <= most:
        raise ValueError("start and count lie outside the counters there are")
