"""The guard's few pages: something went wrong, this may not be, send it again.

They tell a visitor nothing about the inside: what happened stands in the log, under an id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from holdfast.guard.csrf import FIELD
from holdfast.guard.visitor import Html, Visitor

FIELD_OF_WORK = "work"
OURS = frozenset({FIELD, FIELD_OF_WORK})
HIDDEN = ("pass", "secret", "pin", "code")
"""Fields whose names hold one of these are not shown in clear."""


@dataclass(frozen=True)
class Words:
    """What the pages say; an application in another language brings its own."""

    language: str = "en"
    failed: str = "Something went wrong"
    failed_more: str = "It was noted, and will be looked into. Its number is {id}."
    refused: str = "This is not possible"
    refused_more: str = "It was not let through. Where that is wrong, tell its number: {id}."
    sign_in_first: str = "Sign in first"
    sign_in_more: str = (
        "Your sign-in has ended meanwhile. Sign in, in a page beside this one, and come back here. "
        "This is what you typed:"
    )
    sign_in: str = "Sign in"
    again: str = "Send it again"
    again_more: str = (
        "The page that you sent was open for long, or you have signed in anew since. "
        "Nothing has been changed yet. This is what you typed:"
    )
    busy: str = "Not yet"
    busy_more: str = "Much comes from your network at the moment. This is what you typed:"
    wait_more: str = "It can be sent in {seconds} seconds. This is what you typed:"
    file: str = "choose it again"


STYLE = (
    "body{font:1.05rem/1.5 system-ui,sans-serif;max-width:36rem;margin:12vh auto;padding:0 1rem;"
    "color-scheme:light dark}label{display:block;margin:.8rem 0}textarea,input{font:inherit;"
    "display:block;width:100%;box-sizing:border-box;padding:.4rem}button{font:inherit;"
    "padding:.5rem 1.2rem}"
)


def page(visitor: Visitor, words: Words, title: str, body: str) -> bytes:
    """Return a whole page; `body` is HTML."""
    return (
        f'<!doctype html><html lang="{escape(words.language)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><style nonce="{visitor.nonce}">{STYLE}</style></head>'
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    ).encode()


def told(visitor: Visitor, words: Words, title: str, text: str, log_id: str) -> bytes:
    """Return a page that says what is the matter, and the id of what the log says."""
    return page(visitor, words, title, f"<p>{escape(text.format(id=log_id))}</p>")


def again(visitor: Visitor, words: Words, title: str, text: str, more: Html) -> bytes:
    """Return the form of a request once more, with what was typed, to be sent by a person.

    `more` stands before its button: work to be done, or where to sign in first.
    """
    request = visitor.request
    fields = [pair for pair in request.fields if pair[0] not in OURS]
    kind = ' enctype="multipart/form-data"' if request.files else ""
    return page(
        visitor,
        words,
        title,
        f'<p>{escape(text)}</p><form method="post" action="{escape(request.target)}"{kind}>'
        f"{visitor.csrf_field}{_shown(fields)}{_files(request.files, words)}{more}"
        f"<button>{escape(words.again)}</button></form>",
    )


def signing_in(path: str, words: Words) -> Html:
    """Return a link that leads to sign-in beside this page, where what was typed stays."""
    at = escape(path)
    return Html(f'<p><a href="{at}" target="_blank" rel="noopener">{escape(words.sign_in)}</a></p>')


def work_asked(path: str, puzzle: str = "") -> Html:
    """Return the element that does the work of a form; see docs/widget.md."""
    solve = f' puzzle="{escape(puzzle)}"' if puzzle else ""
    return Html(
        f'<holdfast-work src="{escape(path)}" name="{FIELD_OF_WORK}" csrf-field="{FIELD}"{solve}>'
        "</holdfast-work>"
    )


def _shown(fields: Sequence[tuple[str, str]]) -> str:
    return "".join(f"<label>{escape(name)}{_field(name, value)}</label>" for name, value in fields)


def _field(name: str, value: str) -> str:
    if any(word in name.lower() for word in HIDDEN):
        return f'<input type="password" name="{escape(name)}" value="{escape(value)}">'
    text = f"\n{escape(value)}"  # a browser leaves the first line's end out
    return f'<textarea name="{escape(name)}" rows="{_rows(value)}">{text}</textarea>'


def _rows(value: str) -> int:
    return min(12, 1 + value.count("\n") + len(value) // 60)


def _files(names: Sequence[str], words: Words) -> str:
    return "".join(
        f"<label>{escape(name)} ({escape(words.file)})"
        f'<input type="file" name="{escape(name)}"></label>'
        for name in names
    )
