"""Hashes and proofs: those that others have published, and every altered one refused.

The eight leaves, their roots and the proofs are those of the tests of Certificate Transparency and
of transparency-dev/merkle (`proof/verify_test.go`); the way proofs are altered follows the latter.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import settings as pace
from hypothesis import strategies as st

from holdfast.trail.merkle import (
    EMPTY,
    Frontier,
    consistency_proof,
    grew,
    includes,
    inclusion_proof,
    leaf_hash,
    root,
)

LEAVES = [
    leaf_hash(bytes.fromhex(text))
    for text in (
        *("", "00", "10", "2021", "3031", "40414243", "5051525354555657"),
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    bytes.fromhex(text)
    for text in (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    )
]
A = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
B = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
C = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
D = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
E = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
F = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
G = "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f"
FOUR, TWO, ONE = ROOTS[3].hex(), ROOTS[1].hex(), ROOTS[0].hex()

INCLUSIONS = [
    (0, 8, (D, A, E)),
    (5, 8, (B, C, FOUR)),
    (2, 3, (TWO,)),
    (1, 5, (ONE, A, B)),
]
CONSISTENCIES = [
    (1, 8, (D, A, E)),
    (6, 8, (F, C, FOUR)),
    (2, 5, (A, B)),
    (6, 7, (F, G, FOUR)),
]
SOME = bytes.fromhex("abacaba000000000000000000000000000000000000000000060061e00123456")


def published(proof: tuple[str, ...]) -> list[bytes]:
    return [bytes.fromhex(text) for text in proof]


def altered(proof: list[bytes]) -> Iterator[list[bytes]]:
    """Every way in which a proof is not that proof any more."""
    yield [*proof, b""]
    yield [*proof, SOME]
    yield [b"", *proof]
    yield [SOME, *proof]
    if proof:
        yield proof[:-1]
        yield proof[1:]
        yield []
    for place, one in enumerate(proof):
        yield [*proof[:place], bytes([one[0] ^ 8]) + one[1:], *proof[place + 1 :]]
        yield [*proof[:place], SOME, *proof[place:]]


def test_the_published_roots() -> None:
    assert root([]) == EMPTY
    tree = Frontier()
    for size, leaf in enumerate(LEAVES, 1):
        tree.append(leaf)
        assert tree.root() == root(LEAVES[:size]) == ROOTS[size - 1]


@pytest.mark.parametrize(("index", "size", "proof"), INCLUSIONS)
def test_published_proofs_of_inclusion(index: int, size: int, proof: tuple[str, ...]) -> None:
    leaf, wanted, hashes = LEAVES[index], ROOTS[size - 1], published(proof)
    assert inclusion_proof(index, LEAVES[:size]) == hashes
    assert includes(index, size, leaf, hashes, wanted)
    for other in (index - 1, index + 1, index ^ 2):
        assert not includes(other, size, leaf, hashes, wanted)
    for other in (size * 2, size // 2):
        assert not includes(index, other, leaf, hashes, wanted)
    assert not includes(index, size, SOME, hashes, wanted)
    assert not includes(index, size, leaf, hashes, EMPTY)
    for wrong in altered(hashes):
        assert not includes(index, size, leaf, wrong, wanted)


@pytest.mark.parametrize(("first", "size", "proof"), CONSISTENCIES)
def test_published_proofs_of_consistency(first: int, size: int, proof: tuple[str, ...]) -> None:
    old, new, hashes = ROOTS[first - 1], ROOTS[size - 1], published(proof)
    assert consistency_proof(first, LEAVES[:size]) == hashes
    assert grew(first, old, size, new, hashes)
    for other in (first - 1, first + 1, first ^ 2):
        assert not grew(other, old, size, new, hashes)
    for other in (size * 2, size // 2):
        assert not grew(first, old, other, new, hashes)
    assert not grew(first, new, size, old, hashes)
    assert not grew(first, SOME, size, new, hashes)
    assert not grew(first, old, size, SOME, hashes)
    for wrong in altered(hashes):
        assert not grew(first, old, size, new, wrong)


def test_what_is_no_tree_is_refused() -> None:
    for size, parts in ((1, []), (0, [SOME]), (3, [SOME]), (-1, []), (1, [b"short"])):
        with pytest.raises(ValueError, match="no parts"):
            Frontier(size, parts)
    for index in (-1, 8):
        with pytest.raises(IndexError):
            inclusion_proof(index, LEAVES)
    for first in (0, 9):
        with pytest.raises(IndexError):
            consistency_proof(first, LEAVES)
    assert not includes(0, 0, SOME, [], EMPTY)
    assert not grew(0, EMPTY, 1, ROOTS[0], [])
    assert not grew(2, ROOTS[1], 1, ROOTS[0], [])
    assert not grew(1, SOME, 1, ROOTS[0], [])
    assert not grew(1, ROOTS[0], 1, ROOTS[0], [SOME])


@given(st.integers(1, 300), st.data())
@pace(max_examples=80, deadline=None)
def test_every_proof_of_every_tree_holds_and_no_other(size: int, data: st.DataObject) -> None:
    leaves = [leaf_hash(b"%d" % number) for number in range(size)]
    whole = root(leaves)
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, leaves)
    assert includes(index, size, leaves[index], proof, whole)
    assert not any(includes(index, size, leaves[index], wrong, whole) for wrong in altered(proof))
    first = data.draw(st.integers(1, size))
    old, grown = root(leaves[:first]), consistency_proof(first, leaves)
    assert grew(first, old, size, whole, grown)
    assert not any(grew(first, old, size, whole, wrong) for wrong in altered(grown) if first < size)
