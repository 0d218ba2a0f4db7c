"""`[hosts.NAME]`: the servers, what each is for and how it is reached."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from holdfast.site.addresses import Address, PrivateAddress
from holdfast.site.errors import Refused, shown
from holdfast.site.names import HostName
from holdfast.site.table import Table, distinct, one_or_more, some, text_to, word_of

SIZE = re.compile(r"([1-9][0-9]{0,8}) ?(MB|GB|TB|MiB|GiB|TiB)")
UNITS = {
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}


class Role(StrEnum):
    """What a host is for."""

    APP = "app"
    DATABASE = "database"
    BACKUP = "backup"


def size(text: str) -> int:
    """Bytes of `200 GB` or `50 GiB`."""
    match = SIZE.fullmatch(text)
    if match is None:
        raise Refused(f"{shown(text)} is not a size", 'write one like "200 GB"')
    return int(match[1]) * UNITS[match[2]]


class Host(Table):
    """A server.

    `addresses` are where admins reach it (IP addresses or DNS names), `private_addresses` where
    the other hosts reach it (IP addresses). `through` names the host it is reached by.
    """

    name: HostName = Field(alias="\0name")
    roles: Annotated[
        tuple[Annotated[Role, word_of(Role, "a role")], ...],
        AfterValidator(some),
        AfterValidator(distinct),
    ]
    addresses: Annotated[
        tuple[Address, ...],
        BeforeValidator(one_or_more),
        Field(alias="address"),
        AfterValidator(some),
        AfterValidator(distinct),
    ]
    private_addresses: Annotated[
        tuple[PrivateAddress, ...],
        BeforeValidator(one_or_more),
        Field(alias="private_address"),
        AfterValidator(distinct),
    ] = ()
    through: HostName | None = None
    quota_bytes: Annotated[int, BeforeValidator(text_to(size))] | None = Field(
        default=None, alias="quota"
    )
