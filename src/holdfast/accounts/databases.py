"""Which database and which cache Django uses, from the two URLs of the configuration."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
import pymysql

from holdfast.accounts.configuration import Configuration, ConfigurationError

KEPT_OPEN_S = 60
SQLITE = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-16384;"
ENGINES = {
    "postgresql": "postgresql",
    "postgres": "postgresql",
    "mysql": "mysql",
    "mariadb": "mysql",
}


def database(configuration: Configuration) -> dict[str, Any]:
    """Return Django's settings of the one database. Raises ConfigurationError."""
    url = configuration.database.get_secret_value()
    if not url:
        return _sqlite(configuration.data / "accounts.sqlite3")
    scheme, _, rest = url.partition("://")
    if scheme not in ENGINES or not urlsplit(url).path.strip("/"):
        raise ConfigurationError(
            f"database: {scheme[:20]!r} is no database that is known, or its name is missing: "
            "write postgresql://USER@HOST/NAME or mysql://USER@HOST/NAME"
        )
    settings: dict[str, Any] = dict(
        dj_database_url.parse(
            f"{ENGINES[scheme]}://{rest}", conn_max_age=KEPT_OPEN_S, conn_health_checks=True
        )
    )
    if ENGINES[scheme] == "postgresql":
        settings["ENGINE"] = "holdfast.accounts.postgresql"
    if ENGINES[scheme] == "mysql":
        pymysql.install_as_MySQLdb()  # Django asks for the driver that needs a compiler
        settings["OPTIONS"] = settings.get("OPTIONS", {}) | {
            "charset": "utf8mb4",
            "isolation_level": "read committed",
        }
    return settings


def _sqlite(path: Path) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "CONN_MAX_AGE": None,
        "OPTIONS": {"init_command": SQLITE, "transaction_mode": "IMMEDIATE", "timeout": 20},
    }


def expect_many_rows() -> None:
    """Have SQLite keep more in memory and copy its log more seldom, while this process runs."""
    from django.db import connection

    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA cache_size=-262144")  # 256 MB
            cursor.execute("PRAGMA wal_autocheckpoint=10000")  # pages of 4 KB


def together(*statements: tuple[str, Sequence[Any]]) -> list[int]:
    """Execute statements in one transaction; return how many rows each has changed.

    PostgreSQL gets them as one message, which is a transaction: it is another process, and each
    message to it takes longer than what it is asked.
    """
    from django.db import connection, transaction

    if connection.vendor == "postgresql":
        texts, values = zip(*statements, strict=True)
        with connection.cursor() as cursor:
            cursor.execute("; ".join(texts), list(chain.from_iterable(values)))
            changed = [cursor.rowcount]
            while cursor.nextset():
                changed.append(cursor.rowcount)
        return changed
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        changed = []
        for text, some in statements:
            cursor.execute(text, some)
            changed.append(cursor.rowcount)
    return changed


def cache(configuration: Configuration) -> dict[str, Any]:
    """Return Django's settings of the one cache. Raises ConfigurationError."""
    url = configuration.cache.get_secret_value()
    if not url:
        return {"BACKEND": "holdfast.accounts.people.embedded_cache.EmbeddedCache"}
    if urlsplit(url).scheme not in ("redis", "rediss", "unix"):
        raise ConfigurationError("cache: write redis://HOST:PORT/NUMBER")
    return {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url}
