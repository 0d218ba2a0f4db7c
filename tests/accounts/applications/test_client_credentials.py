"""The header that an application names itself in, as lenient and strict clients write it."""

from __future__ import annotations

import base64

import pytest

from holdfast.accounts.applications.client_credentials import plain


def encoded(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("todo:a%2Db%5Fc", "todo:a-b_c"),
        ("my%2Dapp:a%2Bb%2F", "my-app:a+b/"),
        ("todo:a%2Bb+c", "todo:a+b c"),
        ("todo:a%3Ab", "todo:a:b"),
        ("todo:a+b/c==", "todo:a+b/c=="),
        ("todo:a-b_c", "todo:a-b_c"),
    ],
)
def test_credentials_are_what_the_client_meant(written: str, meant: str) -> None:
    assert base64.b64decode(plain(encoded(written))).decode() == meant


@pytest.mark.parametrize(
    "header",
    ["", "%", "a b", encoded("no colon %41"), encoded(b"\xff%41:x"), encoded("a%3Ab:c"), "é" * 9],
)
def test_what_is_no_credentials_is_left_alone(header: str) -> None:
    assert plain(header) == header
