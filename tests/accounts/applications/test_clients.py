"""The header that an application names itself in, as lenient and strict clients write it."""

from __future__ import annotations

import base64

import pytest
from django.test import RequestFactory

from holdfast.accounts.applications.clients import _basic


def read(written: str | bytes, scheme: str = "Basic") -> tuple[str | None, str]:
    coded = base64.b64encode(written.encode() if isinstance(written, str) else written).decode()
    request = RequestFactory().post("/openid/token", HTTP_AUTHORIZATION=f"{scheme} {coded}")
    return _basic(request)


@pytest.mark.parametrize(
    ("written", "name", "secret"),
    [
        ("todo:a%2Db%5Fc", "todo", "a-b_c"),
        ("my%2Dapp:a%2Bb%2F", "my-app", "a+b/"),
        ("todo:a%2Bb+c", "todo", "a+b c"),
        ("todo:a%3Ab", "todo", "a:b"),
        ("todo:a+b/c==", "todo", "a+b/c=="),
        ("todo:a-b_c", "todo", "a-b_c"),
        ("todo:a:b", "todo", "a:b"),
    ],
)
def test_credentials_are_what_the_client_meant(written: str, name: str, secret: str) -> None:
    assert read(written) == (name, secret)
    assert read(written, "bAsIc") == (name, secret)


def test_what_is_no_credentials_is_nobody() -> None:
    assert read(b"\xff%41:x") == ("", "")
    assert read("no colon") == ("no colon", "")
    assert read("todo:x", "Bearer") == (None, "")
