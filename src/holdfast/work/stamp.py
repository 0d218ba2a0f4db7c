"""Hashcash stamps, version 1: work done for one recipient, worth something once.

A stamp is one line, `1:bits:date:resource:ext:rand:counter`, whose SHA-1 begins with so many zero
bits. For mail the resource is the recipient's address. The form is that of the `hashcash` program
(its manual, "stamp format (version 1)"); where that is lenient about the same number spelled twice,
or about further fields, this is not.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, StrEnum

from holdfast.work.solver import mint_counter
from holdfast.work.spent import Spent

LONGEST = 900
"""A stamp and the name of its header fit into one line of a mail (RFC 5322: 998 characters)."""
MOST_BITS = 160
USUAL_BITS = 20
EXPIRY = timedelta(days=28)
GRACE = timedelta(days=2)
"""How wrong a clock may be, to either side."""
_RANDOM_BYTES = 12
_LONGEST_COUNTER = "A" * 64
"""More than a counter takes."""
_FIELDS = 7
_BITS = re.compile(r"0|[1-9][0-9]{0,2}")
_DATE = re.compile(r"[0-9]{6}(?:[0-9]{4}(?:[0-9]{2})?)?")
_RESOURCE = re.compile(r"[!-9;-~]+")
_EXT = re.compile(r"[!-9;-~]*")
_RAND = re.compile(r"[A-Za-z0-9+/=]*")
_COUNTER = re.compile(r"[A-Za-z0-9+/=]+")


class StampError(Exception):
    """That is no stamp; the message says why."""


class Reason(StrEnum):
    """Why a stamp is refused."""

    MALFORMED = "malformed"
    ELSEWHERE = "elsewhere"
    """It was made for another resource."""
    TOO_LITTLE = "too-little"
    """It claims fewer bits than are asked for."""
    EXPIRED = "expired"
    AHEAD = "ahead"
    """Its date is in the future."""
    UNWORKED = "unworked"
    """It has fewer bits than it claims."""
    SPENT = "spent"


class Refused(Exception):
    """A stamp is not accepted: `reason` for programs, the message for people."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Precision(Enum):
    """How exactly a stamp says when it was made; times are of UTC."""

    DAY = "%y%m%d"
    MINUTE = "%y%m%d%H%M"
    SECOND = "%y%m%d%H%M%S"


@dataclass(frozen=True)
class Stamp:
    """The fields of a stamp, as they are spelled; nothing of it is believed yet."""

    bits: int
    date: str
    resource: str
    ext: str
    rand: str
    counter: str

    def __post_init__(self) -> None:
        """Raises StampError for what can be in no stamp."""
        if not 0 <= self.bits <= MOST_BITS:
            raise StampError(f"bits are a number from 0 to {MOST_BITS}")
        if _RESOURCE.fullmatch(self.resource) is None:
            raise StampError('the resource is printable ASCII without ":" and spaces, not empty')
        if _EXT.fullmatch(self.ext) is None:
            raise StampError('the extension is printable ASCII without ":" and spaces')
        if _RAND.fullmatch(self.rand) is None or _COUNTER.fullmatch(self.counter) is None:
            raise StampError("the last two fields are of A-Z a-z 0-9 + / =")
        if len(str(self)) > LONGEST:
            raise StampError(f"a stamp has at most {LONGEST} characters")
        _moment(self.date)

    @property
    def made_at(self) -> datetime:
        """The beginning of the day, minute or second that the date names."""
        return _moment(self.date)

    def __str__(self) -> str:
        fields = (self.date, self.resource, self.ext, self.rand, self.counter)
        return f"1:{self.bits}:{':'.join(fields)}"


def _moment(date: str) -> datetime:
    """Read `YYMMDD[hhmm[ss]]`, of this century. Raises StampError."""
    if _DATE.fullmatch(date) is None:
        raise StampError("the date is YYMMDD, YYMMDDhhmm or YYMMDDhhmmss")
    whole = date.ljust(12, "0")
    year, month, day, hour, minute, second = (int(whole[at : at + 2]) for at in range(0, 12, 2))
    try:
        return datetime(2000 + year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise StampError("the date is no day or time that there is") from None


def parse(text: str) -> Stamp:
    """Read a stamp; `str` of it is the same text again. Raises StampError."""
    if len(text) > LONGEST:
        raise StampError(f"a stamp has at most {LONGEST} characters")
    version, *fields = text.split(":")
    if version == "0":
        raise StampError("a stamp of version 0 is not accepted: mint one of version 1")
    if version != "1":
        raise StampError('a stamp begins with its version, "1:"')
    if len(fields) != _FIELDS - 1:
        raise StampError(f'a stamp has {_FIELDS} fields with ":" between them')
    bits, date, resource, ext, rand, counter = fields
    if _BITS.fullmatch(bits) is None:
        raise StampError(f"bits are a number from 0 to {MOST_BITS}")
    return Stamp(int(bits), date, resource, ext, rand, counter)


def zeros(text: str) -> int:
    """Return with how many zero bits the SHA-1 of a text begins."""
    digest = hashlib.sha1(text.encode(), usedforsecurity=False).digest()
    return 8 * len(digest) - int.from_bytes(digest).bit_length()


def same_resource(one: str, other: str) -> bool:
    """Whether two resources are the same: letters may be large or small, as in `hashcash`."""
    return _small(one) == _small(other)


def _small(text: str) -> str:
    """Write ASCII small; beyond it other letters become these (the Kelvin sign a k)."""
    return text.lower() if text.isascii() else text


def mint(
    resource: str,
    bits: int = USUAL_BITS,
    *,
    ext: str = "",
    at: datetime | None = None,
    precision: Precision = Precision.DAY,
    threads: int | None = None,
    stop: threading.Event | None = None,
    progress: Callable[[int], None] | None = None,
) -> Stamp:
    """Do the work for a resource, which is written small: 2^bits hashes on average.

    `at` is now, unless it is given. Raises StampError for what can be in no stamp, before any work,
    and what `mint_counter` raises.
    """
    date = (at or datetime.now(UTC)).astimezone(UTC).strftime(precision.value)
    rand = base64.b64encode(secrets.token_bytes(_RANDOM_BYTES)).decode()
    blank = Stamp(bits, date, _small(resource), ext, rand, _LONGEST_COUNTER)
    prefix = str(blank).removesuffix(_LONGEST_COUNTER)
    return parse(prefix + mint_counter(prefix, bits, threads=threads, stop=stop, progress=progress))


def check(
    text: str,
    resource: str,
    bits: int,
    at: datetime,
    spent: Spent,
    *,
    expiry: timedelta = EXPIRY,
    grace: timedelta = GRACE,
) -> None:
    """Accept a stamp, once: from then on it is spent.

    What it claims is what it is worth, so that no luck is worth anything. Raises Refused, and
    StoreDown where it cannot be known whether it was spent before.
    """
    try:
        stamp = parse(text)
    except StampError as error:
        raise Refused(Reason.MALFORMED, str(error)) from None
    if not same_resource(stamp.resource, resource):
        raise Refused(Reason.ELSEWHERE, f"it was made for {stamp.resource}")
    if stamp.bits < bits:
        raise Refused(Reason.TOO_LITTLE, f"it claims {stamp.bits} bits, {bits} are asked for")
    if stamp.made_at > at + grace:
        raise Refused(Reason.AHEAD, f"its date, {stamp.date}, is in the future")
    until = stamp.made_at + expiry + grace
    if until < at:
        raise Refused(Reason.EXPIRED, f"its date, {stamp.date}, is too long ago")
    if (found := zeros(text)) < stamp.bits:
        raise Refused(Reason.UNWORKED, f"it claims {stamp.bits} bits and has {found}")
    if not spent.spend(hashlib.sha256(text.encode()).hexdigest(), until.timestamp()):
        raise Refused(Reason.SPENT, "it was used before")
