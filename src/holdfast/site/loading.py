"""`holdfast.toml` → `Site`. Nothing is contacted and no secret is fetched."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError

from holdfast.site.errors import (
    KeyPath,
    Problem,
    Refused,
    SiteError,
    bounded,
    is_control,
    key_text,
    shown,
)
from holdfast.site.places import line_of, places
from holdfast.site.references import disagreements
from holdfast.site.site import PATH, Site
from holdfast.site.toml_text import raw_tables
from holdfast.site.wording import found_by_pydantic

LARGEST_FILE = 1024 * 1024  # bytes
LONGEST_LINE = 4096  # characters
PRIVATE_KEY = re.compile(r"-----BEGIN[A-Z ]* PRIVATE KEY|AGE-SECRET-KEY-", re.IGNORECASE)


def load_site(path: Path) -> Site:
    """Reads and checks a site file; raises `SiteError` with one line for each problem."""
    return parse_site(_read(path), path=path)


def parse_site(text: str, *, path: Path) -> Site:
    """Checks the text of a site file that is, or will be, at `path`; raises `SiteError`."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    file = str(path)
    _refuse_at_lines(file, text)
    raw = raw_tables(file, text)
    lines = places(text)

    def at(found: Iterable[tuple[KeyPath, Refused]]) -> Iterator[Problem]:
        for key, refused in found:
            if isinstance(key[-1], int) and key not in lines:
                key = key[:-1]  # a single text stands for a list of one
            line = line_of(key, lines)
            yield Problem(file, line, key_text(key), refused.what, refused.mend)

    _raise_any(at(_unshowable((), raw)))
    _raise_any(at(_unquoted_ids(raw)))
    try:
        site = Site.model_validate({**_lists_as_tuples(raw), PATH: path})
    except ValidationError as error:
        _raise_any(sorted(at(found_by_pydantic(error, raw)), key=lambda found: found.line or 0))
        raise AssertionError("pydantic refused the file without an error") from None
    _raise_any(at(disagreements(site)))
    return site


def _read(path: Path) -> str:
    file = str(path)
    try:
        # Without O_NONBLOCK a named pipe would wait for its writer for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        _fail(file, None, "there is no such file", "holdfast init makes one")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        _fail(file, None, f"it cannot be read ({reason})", "mend its place or its rights")
    try:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            _fail(file, None, "it is not a regular file", "name the site file")
        if state.st_mode & stat.S_IWOTH:
            _fail(file, None, "everybody may write it, commands in it included", "chmod o-w it")
        with os.fdopen(descriptor, "rb", closefd=False) as opened:
            content = opened.read(LARGEST_FILE + 1)
    finally:
        os.close(descriptor)
    if len(content) > LARGEST_FILE:
        _fail(file, None, f"it is larger than {LARGEST_FILE} bytes", "name the site file")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        _fail(file, line, "it is not UTF-8", "save it as UTF-8")


def _refuse_at_lines(file: str, text: str) -> None:
    """What is refused wherever it stands, in comments too, before the text is parsed."""
    for number, line in enumerate(text.split("\n"), start=1):
        if PRIVATE_KEY.search(line):
            _fail(
                file,
                number,
                "a private key stands here, which must not be in this file nor on any server",
                "remove it and write the public key; if others could read it, make a new one",
            )
        if len(line) > LONGEST_LINE:
            _fail(
                file,
                number,
                f"the line is longer than {LONGEST_LINE} characters",
                "break the list into lines",
            )


def _unshowable(path: KeyPath, value: object) -> Iterator[tuple[KeyPath, Refused]]:
    """Keys and texts with control characters; neither a terminal nor a report may get them."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if any(map(is_control, key)):
                yield (*path, key), Refused("the key holds a control character", "remove it")
            yield from _unshowable((*path, key), item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unshowable((*path, index), item)
    elif isinstance(value, str) and any(map(is_control, value)):
        what = "the text holds a line break or another control character"
        yield path, Refused(what, "write one line")


def _unquoted_ids(raw: Mapping[str, Any]) -> Iterator[tuple[KeyPath, Refused]]:
    """Controls whose id stands without quotes: TOML reads `ssh.jump` as a table in a table."""
    exceptions = raw.get("exceptions")
    if not isinstance(exceptions, Mapping):
        return
    for family, tables in exceptions.items():
        if "." in family or not isinstance(tables, Mapping):
            continue
        for name, table in tables.items():
            if isinstance(table, Mapping):
                yield (
                    ("exceptions", family, name),
                    Refused(
                        "a control's id needs quotes",
                        f"write {shown(f'{family}.{name}')} = {{ … }}",
                    ),
                )


def _lists_as_tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _lists_as_tuples(item) for key, item in value.items()}
    if isinstance(value, list):
        return tuple(_lists_as_tuples(item) for item in value)
    return value


def _raise_any(problems: Iterable[Problem]) -> None:
    if found := bounded(problems):
        raise SiteError(found)


def _fail(file: str, line: int | None, what: str, mend: str) -> NoReturn:
    raise SiteError([Problem(file, line, "", what, mend)]) from None
