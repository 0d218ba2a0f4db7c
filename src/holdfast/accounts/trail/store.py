"""The trail in the database: each entry is one small transaction, or part of the one it belongs to.

Whoever appends holds the head's row until its transaction ends, so there is one order, whichever
worker writes. So that no two wait for one another, the head is taken **after** the rows of whatever
is recorded; rows of webhooks alone, which an entry may be queued for, are taken after the head.
Statements are written out: an entry is part of every sign-in.
"""

from __future__ import annotations

import base64
import functools
import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from holdfast.accounts.databases import together
from holdfast.accounts.trail import tally
from holdfast.accounts.trail.models import LONGEST_WHAT, LONGEST_WHO, TrailEntry, TrailHead
from holdfast.trail.entry import Entry, EntryError, decoded, harmless
from holdfast.trail.folder import TrailError, key_in
from holdfast.trail.log import Record, record
from holdfast.trail.merkle import Frontier
from holdfast.trail.note import Checkpoint, Signer, opened, signed

log = logging.getLogger(__name__)
listeners: list[Callable[[int, Entry], None]] = []
"""What else is done with each entry, in its transaction, once somebody wants to `listen`."""
KEY, SEEN = "trail-key", "trail-checkpoint"
_HEAD = "SELECT size, parts, listened FROM trail_trailhead WHERE id = 1"
_INSERT = (
    "INSERT INTO trail_trailentry (number, data, signature, at, what, who, object) "
    "VALUES (%s, %s, %s, %s, %s, %s, %s)"
)
_UPDATE = "UPDATE trail_trailhead SET size = %s, parts = %s WHERE id = 1"
READ_AT_ONCE = 2000


@functools.cache
def signer() -> Signer:
    """Return the key of this service's trail, made once. Raises TrailError."""
    return key_in(settings.HOLDFAST.data / KEY, f"holdfast/{settings.HOLDFAST.hostname}")


def append(entry: Entry) -> int:
    """Add an entry; return its number. Raises TrailError where the head is gone or damaged."""
    data = entry.encoded()
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        locked = "" if connection.vendor == "sqlite" else " FOR UPDATE"
        cursor.execute(_HEAD + locked)
        tree, listened = _head(cursor.fetchone())
        kept = record(tree, data, signer())
        at = connection.ops.adapt_datetimefield_value(datetime.fromisoformat(entry.at))
        signature = base64.b64encode(kept.signature).decode()
        copies = (entry.what[:LONGEST_WHAT], *(_short(one) for one in (entry.who, entry.on)))
        parts = " ".join(base64.b64encode(part).decode() for part in tree.parts)
        together(
            (_INSERT, [tree.size - 1, data.decode(), signature, at, *copies]),
            (_UPDATE, [tree.size, parts]),
            tally.one_more(entry.what, entry.at[:10]),
        )
        for told in listeners if listened else ():
            told(tree.size - 1, entry)
        return tree.size - 1


def hold() -> TrailHead:
    """Take the head, and have whoever appends wait, until the transaction ends."""
    return TrailHead.objects.select_for_update().get(pk=1)


def listen(anybody: Callable[[], bool]) -> None:
    """Have the listeners told from now on, if there is anybody who wants to know."""
    with transaction.atomic():
        head = hold()
        head.listened = anybody()
        head.save(update_fields=["listened"])


def _short(text: str) -> str:
    return harmless(text)[:LONGEST_WHO]


def _head(row: tuple[int, str, bool] | None) -> tuple[Frontier, bool]:
    if row is None:
        raise TrailError("the head of the trail is gone: bring the database back from a backup")
    size, parts, listened = row
    try:
        return Frontier(size, [base64.b64decode(part) for part in parts.split()]), bool(listened)
    except ValueError:
        raise TrailError(
            "the head of the trail is damaged: bring the database back from a backup"
        ) from None


def newest() -> str:
    """Return the newest checkpoint, signed; "" where nothing was written."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_HEAD)
        tree, _ = _head(cursor.fetchone())
        cursor.execute("SELECT signature FROM trail_trailentry WHERE number = %s", [tree.size - 1])
        row = cursor.fetchone()
    if row is None:
        return ""
    own = signer()
    return signed(own.checkpoint(tree.size, tree.root()), _decoded(row[0]), own.verifier)


def seen() -> Checkpoint | None:
    """Return the checkpoint that is kept beside the database. Raises NoteError where it is none."""
    try:
        text = (settings.HOLDFAST.data / SEEN).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    return opened(text, signer().verifier)


def keep_seen() -> None:
    """Keep the newest checkpoint outside the database, so that entries that vanish are missed.

    Where there are fewer than before, the old one stays, and that is logged. Raises NoteError.
    """
    text, before = newest(), seen()
    now = opened(text, signer().verifier) if text else None
    if before is not None and (now is None or now.size < before.size):
        log.error("entries of the trail are missing: run `holdfast trail verify --service`")
    elif text and now != before:
        path = settings.HOLDFAST.data / SEEN
        draft = path.with_suffix(".draft")
        draft.write_text(text, encoding="utf-8")
        draft.rename(path)


def records() -> Iterator[Record]:
    """Yield every entry in order; where a number is missing, what follows moves up."""
    for _, data, signature in _rows("data", "signature"):
        yield Record(data.encode(errors="surrogatepass"), _decoded(signature))


def written(first: int, count: int) -> list[bytes]:
    """Return the bytes of some entries in order."""
    rows = TrailEntry.objects.filter(number__gte=first).order_by("number")
    some = rows.values_list("data", flat=True)[:count]
    return [data.encode(errors="surrogatepass") for data in some]


def first_miscopied() -> int | None:
    """Return the first entry whose copies, which lists and filters show, are not what was written.

    Of the entries themselves, `records` tells.
    """
    for place, (number, data, *copies) in enumerate(_rows("data", "at", "what", "who", "on")):
        try:
            entry = decoded(data.encode(errors="surrogatepass"))
            at = datetime.fromisoformat(entry.at)
        except (EntryError, ValueError):
            return place
        written = [at, entry.what[:LONGEST_WHAT], _short(entry.who), _short(entry.on)]
        if number != place or copies != written:
            return place
    return None


def _rows(*columns: str) -> Iterator[tuple[Any, ...]]:
    """Yield the number and other columns of all entries, some thousand at a time."""
    after = -1
    while True:
        rows = TrailEntry.objects.filter(number__gt=after).order_by("number")
        some = list(rows.values_list("number", *columns)[:READ_AT_ONCE])
        yield from some
        if len(some) < READ_AT_ONCE:
            return
        after = some[-1][0]


def _decoded(signature: str) -> bytes:
    try:
        return base64.b64decode(signature, validate=True)
    except ValueError:
        return b""
