"""Merkle trees of SHA-256 as RFC 9162 (section 2.1) has them; a leaf is given by its hash."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

HASH_BYTES = 32
EMPTY = hashlib.sha256(b"").digest()
"""The root of a tree without a leaf."""


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf: of one byte 0 and its data."""
    return hashlib.sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node: of one byte 1 and its children."""
    return hashlib.sha256(b"\1" + left + right).digest()


class Frontier:
    """A tree that grows: its size, and the roots of its largest whole parts, left to right.

    There is one part for each bit of the size that is 1, so a leaf is added, and the root is found,
    with as many hashes as the size has bits.
    """

    def __init__(self, size: int = 0, parts: Sequence[bytes] = ()) -> None:
        """Raises ValueError where the parts are none of a tree of that size."""
        wrong = any(len(part) != HASH_BYTES for part in parts)
        if size < 0 or len(parts) != size.bit_count() or wrong:
            raise ValueError("these are no parts of a tree of that size")
        self.size = size
        self.parts = list(parts)

    def append(self, leaf: bytes) -> None:
        """Add a leaf, given by its hash."""
        size, parts = self.size, self.parts
        while size & 1:
            leaf = node_hash(parts.pop(), leaf)
            size >>= 1
        parts.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """Return the root of the tree."""
        if not self.parts:
            return EMPTY
        found = self.parts[-1]
        for part in self.parts[-2::-1]:
            found = node_hash(part, found)
        return found


def root(leaves: Sequence[bytes]) -> bytes:
    """Return the root over the hashes of leaves."""
    tree = Frontier()
    for leaf in leaves:
        tree.append(leaf)
    return tree.root()


def _split(size: int) -> int:
    """Return the largest power of two that is smaller than the size."""
    return 1 << ((size - 1).bit_length() - 1)


def inclusion_proof(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Return the proof that a leaf is in the tree (2.1.3.1). Raises IndexError."""
    if not 0 <= index < len(leaves):
        raise IndexError("the tree has no such leaf")
    start, stop, others = 0, len(leaves), []
    while stop - start > 1:
        middle = start + _split(stop - start)
        if index < middle:
            others.append(root(leaves[middle:stop]))
            stop = middle
        else:
            others.append(root(leaves[start:middle]))
            start = middle
    return others[::-1]


def includes(index: int, size: int, leaf: bytes, proof: Sequence[bytes], wanted: bytes) -> bool:
    """Whether a proof shows that a tree of that size and root has the leaf there (2.1.3.2)."""
    if not 0 <= index < size or len(proof) > size.bit_length():
        return False
    place, last, found = index, size - 1, leaf
    for other in proof:
        if last == 0 or len(other) != HASH_BYTES:
            return False
        if place & 1 or place == last:
            found = node_hash(other, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, other)
        place, last = place >> 1, last >> 1
    return last == 0 and found == wanted


def consistency_proof(first: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Return the proof that a tree grew out of its first `first` leaves (2.1.4.1).

    Raises IndexError where there are not so many.
    """
    if not 0 < first <= len(leaves):
        raise IndexError("the tree has not so many leaves")
    start, stop, others, whole = 0, len(leaves), [], True
    while first != stop:
        middle = start + _split(stop - start)
        if first <= middle:
            others.append(root(leaves[middle:stop]))
            stop = middle
        else:
            others.append(root(leaves[start:middle]))
            start, whole = middle, False
    if not whole:
        others.append(root(leaves[start:stop]))
    return others[::-1]


def grew(
    first: int, first_root: bytes, size: int, second_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether a proof shows that the second tree has the first one at its start (2.1.4.2)."""
    if not 0 < first <= size or len(proof) > 2 * size.bit_length():
        return False
    if first == size:
        return not proof and first_root == second_root
    hashes = list(proof) if first & (first - 1) else [first_root, *proof]
    if not hashes:
        return False
    place, last = first - 1, size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = hashes[0]
    for other in hashes[1:]:
        if last == 0 or len(other) != HASH_BYTES:
            return False
        if place & 1 or place == last:
            old, new = node_hash(other, old), node_hash(other, new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, other)
        place, last = place >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root
