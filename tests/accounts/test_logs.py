"""Each record is one object on one line, whatever is in it."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

from holdfast.accounts.logs import Line


def line(message: str, *arguments: Any, **extra: Any) -> str:
    record = logging.getLogger("some.part").makeRecord(
        "some.part", logging.WARNING, __file__, 1, message, arguments, None, extra=extra
    )
    return Line().format(record)


def test_a_record_says_when_who_and_what() -> None:
    said = json.loads(line("%s went", "it", route="home", ms=1.5, where=object))
    assert list(said) == ["at", "level", "logger", "message", "route", "ms", "where"]
    assert (said["level"], said["logger"], said["message"]) == ("WARNING", "some.part", "it went")
    assert (said["route"], said["ms"]) == ("home", 1.5)


def test_what_is_written_into_a_message_begins_no_line() -> None:
    text = line("%s", 'x\n{"level": "FORGED"}\u2028', name_of="\r\n\x1b[2J")
    assert text.isascii()
    assert text.isprintable()


def test_an_error_is_told_with_where_it_was() -> None:
    record = logging.makeLogRecord({"msg": "failed", "levelname": "ERROR"})
    try:
        raise ValueError("wrong")
    except ValueError:
        record.exc_info = sys.exc_info()
    said = json.loads(Line().format(record))
    assert said["exc_info"].splitlines()[-1] == "ValueError: wrong"
