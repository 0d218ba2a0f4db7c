"""`[databases.NAME]`: the databases, their users and what each user may do."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from holdfast.site.names import DatabaseName, DatabaseUserName, HostName
from holdfast.site.table import Frozen, Named, Table, distinct, some, word_of


class Engine(StrEnum):
    """The database server's kind."""

    MARIADB = "mariadb"
    MYSQL = "mysql"
    POSTGRESQL = "postgresql"
    REDIS = "redis"

    @property
    def port(self) -> int:
        """The TCP port its server listens on."""
        return PORTS[self]


PORTS = {
    Engine.MARIADB: 3306,
    Engine.MYSQL: 3306,
    Engine.POSTGRESQL: 5432,
    Engine.REDIS: 6379,
}


def _canonical(privilege: str) -> str:
    return " ".join(privilege.upper().split())


Privilege = Annotated[str, AfterValidator(_canonical)]


class DatabaseUser(Table):
    """A user of one database, for each host it comes from.

    `grants` holds what it may do, by table, `*` meaning every table: privileges in capitals. With
    redis the keys are patterns of keys, the privileges are commands or categories (`@READ`).
    """

    name: DatabaseUserName = Field(alias="\0name")
    from_hosts: Annotated[
        tuple[HostName, ...], Field(alias="from"), AfterValidator(some), AfterValidator(distinct)
    ]
    grants: Annotated[
        Frozen[
            str, Annotated[tuple[Privilege, ...], AfterValidator(some), AfterValidator(distinct)]
        ],
        AfterValidator(some),
    ]


class Database(Table):
    """A database on one host."""

    name: DatabaseName = Field(alias="\0name")
    host: HostName
    engine: Annotated[Engine, word_of(Engine, "an engine")]
    users: Named[DatabaseUser] = Field(default_factory=dict)
