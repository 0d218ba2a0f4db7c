"""Stamps: those of the `hashcash` program's manual, ours, and whatever is none refused."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.work.spent import LONGER_S, Memory, StoreDown
from holdfast.work.stamp import (
    LONGEST,
    Precision,
    Reason,
    Refused,
    Stamp,
    StampError,
    check,
    mint,
    parse,
    zeros,
)

# of hashcash(1) and hashcash.org: the stamp, what it claims, what it has
PUBLISHED = [
    ("1:20:040806:foo::65f460d0726f420d:13a6b8", 20, 20),
    ("1:24:040806:foo::511801694b4cd6b0:1e7297a", 24, 24),
    ("1:40:051222:foo@bar.org::Cu2iqc4SmotZ7MRR:0000214c3J", 40, 40),
    ("1:44:070217:foo::xSi0bPjoswUh6h1Y:TMNI7", 44, 45),
]
TEXTS = [text for text, _, _ in PUBLISHED]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
RESOURCES = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), min_size=1).map(
    lambda text: text.replace(":", "") or "x"
)


def worked(prefix: str, bits: int = 8) -> str:
    """Finish a stamp by hand, whatever it says of itself."""
    return next(text for n in itertools.count() if zeros(text := f"{prefix}{n}") >= bits)


def outcome(text: str, resource: str = "foo", bits: int = 8, at: datetime = NOON) -> Reason | None:
    """What a stamp that nobody has spent is judged as."""
    try:
        check(text, resource, bits, at, Memory(clock=at.timestamp))
    except Refused as refused:
        return refused.reason
    return None


# Published stamps


@pytest.mark.parametrize(("text", "claimed", "found"), PUBLISHED)
def test_a_published_stamp_is_worth_what_it_says(text: str, claimed: int, found: int) -> None:
    stamp = parse(text)
    assert (stamp.bits, zeros(text), str(stamp)) == (claimed, found, text)
    assert outcome(text, stamp.resource, claimed, stamp.made_at + DAY) is None
    assert outcome(text, stamp.resource, claimed + 1, stamp.made_at + DAY) is Reason.TOO_LITTLE


def _one_byte_away(text: str) -> Iterator[str]:
    for place in range(len(text) + 1):
        before, after = text[:place], text[place:]
        yield from (before + chr(byte) + after for byte in range(256))
        yield from (before + chr(byte) + after[1:] for byte in range(256))
        yield before + after[1:]


@pytest.mark.parametrize("text", TEXTS[1:])  # the first has so few bits that luck helps sometimes
def test_no_byte_of_a_published_stamp_can_be_changed(text: str) -> None:
    """All of them are tried, so that nothing here depends on chance."""
    stamp = parse(text)
    for other in set(_one_byte_away(text)) - {text}:
        assert outcome(other, stamp.resource, stamp.bits, stamp.made_at + DAY) is not None, other


# What is minted


@settings(deadline=None, max_examples=40)
@given(
    resource=RESOURCES,
    bits=st.integers(0, 10),
    ext=st.sampled_from(["", "name", "a=1,2;b;c=d=e"]),
    precision=st.sampled_from(Precision),
)
def test_what_is_minted_is_accepted_once(
    resource: str, bits: int, ext: str, precision: Precision
) -> None:
    stamp = mint(resource, bits, ext=ext, at=NOON, precision=precision)
    spent = Memory(clock=NOON.timestamp)
    assert (parse(str(stamp)), stamp.ext) == (stamp, ext)
    check(str(stamp), resource, bits, NOON, spent)
    with pytest.raises(Refused, match="used before") as refused:
        check(str(stamp), resource, bits, NOON, spent)
    assert refused.value.reason is Reason.SPENT


def test_the_date_is_as_exact_as_was_asked_for() -> None:
    at = datetime(2026, 3, 1, 1, 30, 20, tzinfo=UTC).astimezone(datetime.now().astimezone().tzinfo)
    dates = [mint("foo", 1, at=at, precision=precision).date for precision in Precision]
    assert dates == ["260301", "2603010130", "260301013020"]


def test_two_stamps_are_never_the_same() -> None:
    assert len({str(mint("foo", 1, at=NOON)) for _ in range(50)}) == 50


def test_each_stamp_of_a_resource_is_accepted() -> None:
    spent = Memory(clock=NOON.timestamp)
    for _ in range(10):
        check(str(mint("foo", 8, at=NOON)), "foo", 8, NOON, spent)


def test_letters_of_a_resource_may_be_large_or_small() -> None:
    text = str(mint("Foo@Bar.ORG", 8, at=NOON))
    assert ":foo@bar.org:" in text
    assert outcome(text, "FOO@bar.org") is None
    assert outcome(worked("1:8:260301:FOO::a:"), "foo") is None


@pytest.mark.parametrize("resource", ["", "two words", "a:b", "zoë", "\u212aelvin", "x" * 900])
def test_what_can_be_in_no_stamp_is_refused_before_any_work(resource: str) -> None:
    with pytest.raises(StampError):
        mint(resource, 120)


# What is refused

REFUSED = [
    ("", Reason.MALFORMED),
    ("0:260301:foo:1", Reason.MALFORMED),
    ("2:8:260301:foo::a:", Reason.MALFORMED),
    ("01:8:260301:foo::a:", Reason.MALFORMED),
    ("1:8:260301:foo::a", Reason.MALFORMED),
    ("1:8:260301:foo::a:b:", Reason.MALFORMED),
    ("1:08:260301:foo::a:", Reason.MALFORMED),
    ("1:+8:260301:foo::a:", Reason.MALFORMED),
    ("1: 8:260301:foo::a:", Reason.MALFORMED),
    ("1:-8:260301:foo::a:", Reason.MALFORMED),
    ("1:161:260301:foo::a:", Reason.MALFORMED),
    ("1:\u0668:260301:foo::a:", Reason.MALFORMED),
    ("1::260301:foo::a:", Reason.MALFORMED),
    ("1:8::foo::a:", Reason.MALFORMED),
    ("1:8:2603:foo::a:", Reason.MALFORMED),
    ("1:8:26030112:foo::a:", Reason.MALFORMED),
    ("1:8:2603011260:foo::a:", Reason.MALFORMED),
    ("1:8:260230:foo::a:", Reason.MALFORMED),
    ("1:8:260301:::a:", Reason.MALFORMED),
    ("1:8:260301:fo o::a:", Reason.MALFORMED),
    ("1:8:260301:foo:\t:a:", Reason.MALFORMED),
    ("1:8:260301:foo::a_b:", Reason.MALFORMED),
    ("1:8:260301:foo::a:-", Reason.MALFORMED),
    (f"1:8:260301:foo:{'x' * LONGEST}:a:", Reason.MALFORMED),
    ("1:8:260301:bar::a:", Reason.ELSEWHERE),
    ("1:8:260301:foobar::a:", Reason.ELSEWHERE),
    ("1:7:260301:foo::a:", Reason.TOO_LITTLE),
    ("1:0:260301:foo::a:", Reason.TOO_LITTLE),
    ("1:160:260301:foo::a:", Reason.UNWORKED),
    ("1:8:260304:foo::a:", Reason.AHEAD),
    ("1:8:990301:foo::a:", Reason.AHEAD),
    ("1:8:260129:foo::a:", Reason.EXPIRED),
    ("1:8:040806:foo::a:", Reason.EXPIRED),
]


@pytest.mark.parametrize(("prefix", "reason"), REFUSED)
def test_however_much_work_is_in_it(prefix: str, reason: Reason) -> None:
    assert outcome(worked(prefix)) is reason


@pytest.mark.parametrize("around", ["{} ", " {}", "{}\n", "{}\0", "X-Hashcash: {}"])
def test_nothing_may_stand_around_a_stamp(around: str) -> None:
    text = worked("1:8:260301:foo::a:")
    assert outcome(text) is None
    assert outcome(around.format(text)) is Reason.MALFORMED


def test_luck_is_worth_nothing() -> None:
    assert outcome(worked("1:8:260301:foo::a:", 12), bits=12) is Reason.TOO_LITTLE


def test_a_claim_without_the_work_is_refused() -> None:
    short = next(text for n in itertools.count() if zeros(text := f"1:9:260301:foo::a:{n}") == 8)
    assert outcome(short, bits=8) is Reason.UNWORKED


MARGINS = [
    (timedelta(days=-2), None),
    (timedelta(days=-2, seconds=-1), Reason.AHEAD),
    (timedelta(days=30), None),
    (timedelta(days=30, seconds=1), Reason.EXPIRED),
]


@pytest.mark.parametrize(("later", "reason"), MARGINS)
def test_clocks_may_be_two_days_wrong(later: timedelta, reason: Reason | None) -> None:
    text = worked("1:8:260301:foo::a:")
    assert outcome(text, at=parse(text).made_at + later) is reason


def test_a_shorter_life_can_be_asked_for() -> None:
    text, spent = worked("1:8:260301120000:foo::a:"), Memory(clock=NOON.timestamp)
    minute = timedelta(minutes=1)
    with pytest.raises(Refused, match="too long ago"):
        check(text, "foo", 8, NOON + 4 * minute, spent, expiry=2 * minute, grace=minute)
    check(text, "foo", 8, NOON + 3 * minute, spent, expiry=2 * minute, grace=minute)


def test_a_stamp_is_remembered_as_long_as_it_is_good() -> None:
    text = worked("1:8:260301:foo::a:")
    at = parse(text).made_at + timedelta(days=30)
    clock = iter([NOON.timestamp(), at.timestamp(), at.timestamp() + LONGER_S + 1])
    spent = Memory(clock=lambda: next(clock))
    check(text, "foo", 8, NOON, spent)
    with pytest.raises(Refused, match="used before"):
        check(text, "foo", 8, at, spent)
    with pytest.raises(Refused, match="too long ago"):
        check(text, "foo", 8, at + timedelta(seconds=1), spent)


def test_what_is_refused_is_not_spent() -> None:
    text, spent = worked("1:8:260301:foo::a:"), Memory(clock=NOON.timestamp)
    for resource, bits, at in (("bar", 8, NOON), ("foo", 9, NOON), ("foo", 8, NOON - 9 * DAY)):
        with pytest.raises(Refused):
            check(text, resource, bits, at, spent)
    check(text, "foo", 8, NOON, spent)


def test_a_store_that_is_down_accepts_nothing() -> None:
    with pytest.raises(StoreDown):
        check(worked("1:8:260301:foo::a:"), "foo", 8, NOON, Memory(most=0))


def test_a_huge_text_is_refused_at_once() -> None:
    begun = time.process_time()
    for text in (":" * 10**7, "1:" * 10**6, "1" * 10**7):
        assert outcome(text) is Reason.MALFORMED
    assert time.process_time() - begun < 0.5


@given(st.text() | st.from_regex(r"1:[0-9]{1,3}:[0-9]{6}:[^:]+:[^:]*:[^:]*:[^:]+", fullmatch=True))
def test_any_text_is_a_stamp_or_refused(text: str) -> None:
    with contextlib.suppress(StampError):
        assert str(parse(text)) == text


@given(
    bits=st.integers(-5, 200),
    date=st.text("0123456789", max_size=12),
    resource=st.text(max_size=5),
    ext=st.text(max_size=5),
    rand=st.text(max_size=5),
    counter=st.text(max_size=5),
)
def test_the_fields_of_a_stamp_are_read_as_they_were_written(
    bits: int, date: str, resource: str, ext: str, rand: str, counter: str
) -> None:
    try:
        stamp = Stamp(bits, date, resource, ext, rand, counter)
    except StampError:
        return
    assert parse(str(stamp)) == stamp
