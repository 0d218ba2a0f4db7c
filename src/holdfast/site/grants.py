"""What a database user may be granted, by engine: what an application needs, never the server."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from holdfast.site.databases import Engine
from holdfast.site.errors import KeyPath, Refused, closest, shown

WHOLE_DATABASE = "*"
SQL_TABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
REDIS_PATTERN = re.compile(r"[!-~]{1,200}")
REDIS_COMMAND = re.compile(r"@?[A-Z][A-Z0-9-]*(\|[A-Z][A-Z0-9-]*)?")

MYSQL_TABLE = frozenset(
    {"SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "ALTER", "INDEX", "REFERENCES"}
    | {"TRIGGER", "CREATE VIEW", "SHOW VIEW"}
)
MYSQL_DATABASE = MYSQL_TABLE | {
    "CREATE TEMPORARY TABLES",
    "LOCK TABLES",
    "EXECUTE",
    "EVENT",
    "CREATE ROUTINE",
    "ALTER ROUTINE",
}
POSTGRESQL_TABLE = frozenset(
    {"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"}
)
POSTGRESQL_DATABASE = POSTGRESQL_TABLE | {"CREATE", "TEMPORARY", "USAGE", "EXECUTE"}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Commands and categories by which a user of redis would rule the server or other users' data.
REDIS_DANGEROUS = _words(
    """
    @ALL @DANGEROUS @ADMIN ACL BGREWRITEAOF BGSAVE CLIENT CLUSTER CONFIG DEBUG FAILOVER
    FLUSHALL FLUSHDB KEYS LATENCY MIGRATE MODULE MONITOR PFDEBUG PSYNC REPLCONF REPLICAOF
    RESTORE ROLE SAVE SHUTDOWN SLAVEOF SLOWLOG SWAPDB SYNC
    """
)
NAME_EACH = 'name each: ["SELECT", "INSERT", "UPDATE", "DELETE"]'


def refused_grants(
    engine: Engine, grants: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[KeyPath, Refused]]:
    """The grants that cannot be given there, each with its place in `grants`.

    The keys are `*` (all tables), a table's name or, with redis, a pattern of keys.
    """
    for table, privileges in grants.items():
        try:
            _check_table(engine, table)
        except Refused as refused:
            yield (table,), refused
        for index, privilege in enumerate(privileges):
            try:
                if engine is Engine.REDIS:
                    _check_redis(privilege)
                else:
                    _check_sql(engine, table, privilege)
            except Refused as refused:
                yield (table, index), refused


def _check_table(engine: Engine, table: str) -> None:
    if engine is Engine.REDIS:
        if not REDIS_PATTERN.fullmatch(table):
            raise Refused(f"{shown(table)} is not a pattern of keys", 'write one like "todo:*"')
    elif table != WHOLE_DATABASE and not SQL_TABLE.fullmatch(table):
        raise Refused(f"{shown(table)} is not a table's name", 'write a name, or "*" for all')


def _check_sql(engine: Engine, table: str, privilege: str) -> None:
    if privilege in {"ALL", "ALL PRIVILEGES"}:
        raise Refused("all privileges are more than an application needs", NAME_EACH)
    if engine is Engine.POSTGRESQL:
        on_table, on_database = POSTGRESQL_TABLE, POSTGRESQL_DATABASE
    else:
        on_table, on_database = MYSQL_TABLE, MYSQL_DATABASE
    if privilege not in on_database:
        raise Refused(
            f"{shown(privilege)} is not a privilege on a database of {engine}",
            closest(privilege, sorted(on_database), otherwise=NAME_EACH),
        )
    if table != WHOLE_DATABASE and privilege not in on_table:
        raise Refused(f"{privilege} is granted on a whole database only", 'grant it on "*"')


def _check_redis(privilege: str) -> None:
    if not REDIS_COMMAND.fullmatch(privilege):
        raise Refused(
            f"{shown(privilege)} is not a command or category of redis",
            'write names like "GET" or "@read"',
        )
    if privilege in REDIS_DANGEROUS or privilege.partition("|")[0] in REDIS_DANGEROUS:
        raise Refused(
            f"{privilege} reaches beyond the application's own keys",
            'name what it needs: ["@read", "@write"]',
        )
