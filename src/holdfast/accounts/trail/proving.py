"""Proofs of entries without hashing the whole trail for each.

The tree is looked at in stretches of 4,096 entries, each a whole subtree of it. The root of a
stretch that is full never changes, so each process reckons it once.
"""

from __future__ import annotations

import threading

from holdfast.accounts.trail import store
from holdfast.trail import proof
from holdfast.trail.merkle import inclusion_proof, leaf_hash, root
from holdfast.trail.note import opened

STRETCH = 4096  # a power of two, so that a stretch is a subtree (RFC 9162, 2.1.1)
_roots: list[bytes] = []
_one_at_a_time = threading.Lock()


def prove(number: int) -> str | None:
    """Return the proof that an entry is in the trail now; None where there is none."""
    with _one_at_a_time:  # entries never change: this needs no transaction
        note = store.newest()
        size = opened(note, store.signer().verifier).size if note else 0
        if not 0 <= number < size:
            return None
        full, place = size // STRETCH, number // STRETCH
        for stretch in range(len(_roots), full):
            _roots.append(root(_leaves(_stretch(stretch, size))))
        rest = [root(_leaves(_stretch(full, size)))] if size % STRETCH else []
        entries, inside = _stretch(place, size), number % STRETCH
        path = inclusion_proof(inside, _leaves(entries))
        path += inclusion_proof(place, _roots[:full] + rest)
        return proof.written(number, entries[inside], path, note)


def _stretch(place: int, size: int) -> list[bytes]:
    """Return the entries of a stretch of a trail of that size."""
    first = place * STRETCH
    return store.written(first, min(STRETCH, size - first))


def _leaves(entries: list[bytes]) -> list[bytes]:
    return [leaf_hash(one) for one in entries]
