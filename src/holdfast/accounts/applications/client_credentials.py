"""The name and the secret of an application in the header of a request, as RFC 6749 writes them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from urllib.parse import unquote_plus

from django.http import HttpRequest, HttpResponse

PATHS = "/openid/"
SCHEME = "basic"


class ClientCredentials:
    """Decodes what is percent-encoded there (RFC 6749, 2.3.1), which allauth takes as it comes.

    Strict clients encode even `-` and `_`, others nothing: what holds no `%` is left alone.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(PATHS):
            given = request.META.get("HTTP_AUTHORIZATION", "")
            scheme, _, encoded = given.partition(" ")
            if scheme.lower() == SCHEME:
                request.META["HTTP_AUTHORIZATION"] = f"{scheme} {plain(encoded)}"
        return self.get_response(request)


def plain(encoded: str) -> str:
    """Return credentials in Base64 without percent-encoding; what is none is left as it is."""
    try:
        credentials = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeError, ValueError):
        return encoded
    name, colon, secret = credentials.partition(":")
    if "%" not in credentials or not colon:
        return encoded
    decoded = unquote_plus(name), unquote_plus(secret)
    if ":" in decoded[0]:
        return encoded
    return base64.b64encode(":".join(decoded).encode()).decode()
