"""How the application is run: a TOML file outside of its source, secrets in files of their own."""

from __future__ import annotations

import stat
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

LEAST_BYTES = 32


class Unusable(Exception):
    """The application cannot be run as it is set up; the message says what, where and the mend."""


@dataclass(frozen=True)
class Settings:
    """`origin` is where browsers reach it. Secrets are paths of files that nobody else may read."""

    origin: str
    issuer: str
    client_id: str
    key: bytes = field(repr=False)
    client_secret: str = field(default="", repr=False)
    database: str = "sqlite:///todo.sqlite3"
    listen: str = "127.0.0.1:3000"
    proxies: int = 0


def read(path: Path) -> Settings:
    """Return the settings of a file. Raises Unusable."""
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
        key = _secret(path.parent / said.pop("key"), LEAST_BYTES)
        secret = (
            _secret(path.parent / said.pop("client_secret")) if "client_secret" in said else b""
        )
        return Settings(key=key, client_secret=secret.decode(), **said)
    except OSError as error:
        raise Unusable(f"{error.filename}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, KeyError, TypeError, UnicodeError) as error:
        raise Unusable(f"{path}: {error}: see README.md for what it holds") from None


def _secret(path: Path, least: int = 1) -> bytes:
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise Unusable(f"{path}: others may read it: chmod 0400 {path}")
    secret = path.read_bytes().strip()
    if len(secret) < least:
        raise Unusable(f"{path}: too short: openssl rand -base64 48 > {path}")
    return secret
