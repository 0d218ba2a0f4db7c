"""`[web]`: the web server and the authority that issues certificates."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

from holdfast.site.errors import Refused
from holdfast.site.names import Email
from holdfast.site.table import Table, word_of

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"


class WebServer(StrEnum):
    """The web server in front of applications."""

    APACHE = "apache"
    NGINX = "nginx"


def directory_url(text: str) -> str:
    """The https address of an ACME directory; it is not repeated, since it may hold a token."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or " " in text or not text.isascii():
        raise Refused("this is not an https address", f'write one like "{LETS_ENCRYPT}"')
    if parts.username is not None or parts.password is not None:
        raise Refused("a password must not stand in an address", "remove it")
    return text


class Web(Table):
    """How applications are served; `email` is where the authority writes to."""

    server: Annotated[WebServer, word_of(WebServer, "a web server")] = WebServer.APACHE
    acme: Annotated[str, AfterValidator(directory_url)] = LETS_ENCRYPT
    email: Email | None = None
