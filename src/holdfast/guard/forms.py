"""Forms of requests, read for their fields: bounded, and handed on to the application unread."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import parse_qsl

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, FormParser, parse_options_header

from holdfast.guard.answers import Refusal
from holdfast.guard.csrf import HEADER
from holdfast.guard.request import Request

MOST_BYTES = 1_048_576
MOST_FIELDS = 1_000
Fields = tuple[tuple[str, str], ...]


def is_read(request: Request, *, costly: bool) -> bool:
    """Whether the guard has to look into the body of a request."""
    if not (request.changes and request.is_form):
        return False
    return costly or (request.bearer is None and HEADER not in request.headers)


def too_long(length: int | None) -> bool:
    """Whether a body is longer than one that is read; of None its length is not known."""
    return length is not None and length > MOST_BYTES


def refusal() -> Refusal:
    """What is raised for a form that is too long: such are sent with the token in a header."""
    return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "form-too-long")


def cut_short() -> Refusal:
    """What is raised for a form whose end never came: half of it may mean something else."""
    return Refusal(HTTPStatus.BAD_REQUEST, "form-cut-short")


def fields_of(request: Request, body: bytes) -> tuple[Fields, tuple[str, ...]]:
    """Return the fields of a form with their values, and the names of its files. Raises Refusal."""
    try:
        if request.headers["content-type"].lower().startswith("multipart/"):
            return _multipart(request.headers["content-type"], body)
        text = body.decode("ascii")
        return tuple(
            parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="replace")
        ), ()
    except (ValueError, FormParserError) as error:
        raise Refusal(HTTPStatus.BAD_REQUEST, "form-malformed") from error


def _multipart(kind: str, body: bytes) -> tuple[Fields, tuple[str, ...]]:
    found: list[tuple[str, str]] = []
    files: list[str] = []

    def field(part: Field) -> None:
        _bounded(len(found) + len(files))
        found.append((_text(part.field_name), _text(part.value)))

    def file(part: File) -> None:
        _bounded(len(found) + len(files))
        files.append(_text(part.field_name))
        part.close()

    _, options = parse_options_header(kind)
    boundary = options.get(b"boundary")
    if not boundary:
        raise ValueError("no boundary")
    parser = FormParser(
        "multipart/form-data",
        field,
        file,
        boundary=boundary,
        config={"MAX_MEMORY_FILE_SIZE": MOST_BYTES},
    )
    try:
        parser.write(body)
    finally:
        parser.finalize()
        parser.close()
    return tuple(found), tuple(files)


def _bounded(so_far: int) -> None:
    if so_far >= MOST_FIELDS:
        raise ValueError("too many fields")


def _text(data: bytes | None) -> str:
    return (data or b"").decode("utf-8", "replace")
