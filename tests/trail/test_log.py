"""Whatever is done to a trail is found, and the entry is named."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import settings as pace
from hypothesis import strategies as st

from holdfast.trail.log import Hashes, Record, Verdict, record, verify
from holdfast.trail.merkle import Frontier
from holdfast.trail.note import Checkpoint, Signer

SIGNER = Signer.new("holdfast/test")
OTHER = Signer.new("holdfast/test")


def made(size: int, signer: Signer = SIGNER) -> list[Record]:
    tree = Frontier()
    return [record(tree, b"entry %d" % number, signer) for number in range(size)]


RECORDS = made(200)
SEEN = [Checkpoint(SIGNER.verifier.name, n, Hashes(RECORDS[:n]).root) for n in range(201)]


def judged(records: list[Record], seen: Checkpoint | None = None) -> Verdict:
    return verify(Hashes(records), SIGNER.verifier, seen)


def test_what_was_not_touched_is_good() -> None:
    for size in range(0, 201, 7):
        verdict = judged(RECORDS[:size], SEEN[size])
        assert verdict.good
        assert verdict.checkpoint == SEEN[size]
    assert judged(RECORDS, SEEN[93]).good


@given(st.integers(1, 200), st.data())
@pace(max_examples=150, deadline=None)
def test_every_kind_of_tampering_is_found_and_the_first_entry_named(
    size: int, data: st.DataObject
) -> None:
    records = RECORDS[:size]
    place = data.draw(st.integers(0, size - 1))
    kind = data.draw(st.sampled_from(["edit", "insert", "remove", "swap", "forge", "truncate"]))
    touched = list(records)
    match kind:
        case "edit":
            touched[place] = replace(touched[place], data=b"another")
        case "forge":
            touched[place:] = made(size, OTHER)[place:]
        case "insert":
            touched.insert(place, Record(b"put in", touched[place].signature))
        case "remove":
            del touched[place]
        case "swap":
            after = data.draw(st.integers(0, size - 1))
            touched[place], touched[after] = touched[after], touched[place]
            place = min(place, after)
        case "truncate":
            touched = touched[:place]
    verdict = judged(touched, SEEN[size])
    if touched == records:
        assert verdict.good
    else:
        assert verdict.wrong == place


@given(st.integers(1, 200), st.data())
@pace(max_examples=60, deadline=None)
def test_several_edits_name_the_first(size: int, data: st.DataObject) -> None:
    places = data.draw(st.sets(st.integers(0, size - 1), min_size=1, max_size=10))
    touched = [
        replace(one, data=b"another") if place in places else one
        for place, one in enumerate(RECORDS[:size])
    ]
    assert judged(touched).wrong == min(places)


@given(st.integers(1, 200), st.data())
@pace(max_examples=60, deadline=None)
def test_with_signatures_damaged_too_a_touched_entry_is_named(
    size: int, data: st.DataObject
) -> None:
    edited = data.draw(st.integers(0, size - 1))
    damaged = data.draw(st.sets(st.integers(0, size - 1), max_size=10))
    touched = list(RECORDS[:size])
    touched[edited] = replace(touched[edited], data=b"another")
    for place in damaged:
        touched[place] = replace(touched[place], signature=b"short")
    assert judged(touched).wrong in {edited, *damaged}


def test_a_truncated_trail_is_missed_only_by_who_has_seen_more() -> None:
    assert judged(RECORDS[:150]).good
    verdict = judged(RECORDS[:150], SEEN[200])
    assert (verdict.wrong, verdict.why) == (150, "50 entries are missing from here on")


def test_whoever_has_the_key_is_caught_by_what_was_seen_before() -> None:
    tree = Frontier()
    rewritten = [record(tree, b"other %d" % number, SIGNER) for number in range(220)]
    assert judged(rewritten).good
    assert "seen before" in judged(rewritten, SEEN[200]).why


def test_roots_of_every_size_are_found_again() -> None:
    hashes = Hashes(made(5000))
    for size in (0, 1, 4095, 4096, 4097, 5000):
        assert hashes.is_signed(size, SIGNER.verifier)
