"""How an entry is added to a trail, and how all of them are verified.

Every entry carries the signature of the checkpoint of the tree that ends with it. The newest one
vouches for all; where it does not fit, the others tell which entry is the first that was touched.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from holdfast.trail.merkle import HASH_BYTES, Frontier, inclusion_proof, leaf_hash
from holdfast.trail.note import SIGNATURE_BYTES, Checkpoint, Signer, Verifier

KEPT_EVERY = 4096  # entries between the states that a search starts from


@dataclass(frozen=True)
class Record:
    """An entry as a trail keeps it."""

    data: bytes
    signature: bytes


def record(tree: Frontier, data: bytes, signer: Signer) -> Record:
    """Add an entry's bytes to the tree, and return what is kept of it."""
    tree.append(leaf_hash(data))
    checkpoint = signer.checkpoint(tree.size, tree.root())
    return Record(data, signer.signature(checkpoint))


@dataclass(frozen=True)
class Verdict:
    """What verifying has found."""

    checkpoint: Checkpoint
    """Of the entries that are there, whatever is wrong with them."""
    wrong: int | None = None
    """The number, from 0, of the first entry that was touched or is missing; None: none was."""
    why: str = ""

    @property
    def good(self) -> bool:
        return self.wrong is None


class Hashes:
    """The hashes and signatures of all entries: 96 bytes of memory for each."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._leaves, self._signatures = bytearray(), bytearray()
        self._states = [Frontier()]
        tree = Frontier()
        for one in records:
            leaf = leaf_hash(one.data)
            tree.append(leaf)
            self._leaves += leaf
            self._signatures += one.signature.ljust(SIGNATURE_BYTES, b"\0")[:SIGNATURE_BYTES]
            if tree.size % KEPT_EVERY == 0:
                self._states.append(Frontier(tree.size, tree.parts))
        self.size, self.root = tree.size, tree.root()

    def leaf(self, index: int) -> bytes:
        """Return the hash of an entry."""
        return bytes(self._leaves[index * HASH_BYTES : (index + 1) * HASH_BYTES])

    def root_at(self, size: int) -> bytes:
        """Return the root of the first `size` entries."""
        if size == self.size:
            return self.root
        state = self._states[size // KEPT_EVERY]
        tree = Frontier(state.size, state.parts)
        for index in range(tree.size, size):
            tree.append(self.leaf(index))
        return tree.root()

    def signature(self, size: int) -> bytes:
        """Return the signature of the tree of that size."""
        return bytes(self._signatures[(size - 1) * SIGNATURE_BYTES : size * SIGNATURE_BYTES])

    def is_signed(self, size: int, verifier: Verifier) -> bool:
        """Whether the first `size` entries are those that were signed; nothing always is."""
        if size == 0:
            return True
        checkpoint = Checkpoint(verifier.name, size, self.root_at(size))
        return verifier.verifies(checkpoint, self.signature(size))

    def proof(self, index: int, size: int) -> list[bytes]:
        """Return the proof that an entry is in the tree of that size. Raises IndexError."""
        return inclusion_proof(index, [self.leaf(number) for number in range(size)])


def verify(hashes: Hashes, verifier: Verifier, seen: Checkpoint | None = None) -> Verdict:
    """Say whether the entries are those that were written, and whether all are still there.

    `seen` is a checkpoint that was kept elsewhere: without one, entries that are missing from the
    end cannot be missed. All entries before the one that is named are as they were written.
    """
    checkpoint = Checkpoint(verifier.name, hashes.size, hashes.root)
    if not hashes.is_signed(hashes.size, verifier):
        wrong = _first_unsigned(hashes, verifier)
        why = "it was edited, put in, or moved, or one before it was removed"
        return Verdict(checkpoint, wrong, why)
    if seen is not None and hashes.size < seen.size:
        missing = seen.size - hashes.size
        return Verdict(checkpoint, hashes.size, f"{missing} entries are missing from here on")
    if seen is not None and seen.size and hashes.root_at(seen.size) != seen.root:
        return Verdict(checkpoint, 0, f"these are not the {seen.size} entries seen before")
    return Verdict(checkpoint)


def _first_unsigned(hashes: Hashes, verifier: Verifier) -> int:
    """Return an entry up to which everything is signed, and with which it is not."""
    good, bad = 0, hashes.size
    while bad - good > 1:
        middle = (good + bad) // 2
        if hashes.is_signed(middle, verifier):
            good = middle
        else:
            bad = middle
    return good
