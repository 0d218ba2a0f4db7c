"""What an application sends: one JSON object of texts, and nothing that two readers read apart."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from holdfast.accounts.texts import is_plain

MOST_FIELDS = 40


class Malformed(ValueError):
    """A body that is no flat JSON object of texts; says why."""


def fields(body: bytes) -> dict[str, str]:
    """Return the fields of a body; one that is empty has none. Raises Malformed."""
    if not body:
        return {}
    try:
        found = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_object,
            parse_int=_refused,
            parse_float=_refused,
            parse_constant=_refused,
        )
    except UnicodeDecodeError:
        raise Malformed("Write it in UTF-8.") from None
    except json.JSONDecodeError:
        raise Malformed("That is no JSON.") from None
    except RecursionError:
        raise Malformed("That is too deep.") from None
    if not isinstance(found, dict):
        raise Malformed("Send an object.")
    return found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, str]:
    if len(pairs) > MOST_FIELDS:
        raise Malformed("These are too many fields.")
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Malformed("A field is there twice.")
    for name, value in pairs:
        if not isinstance(value, str):
            raise Malformed("Each value is a text.")
        if not (is_plain(name) and is_plain(value)):
            raise Malformed("A text has characters that are none.")
    return found


def _refused(text: str) -> NoReturn:
    raise Malformed("Each value is a text.")
