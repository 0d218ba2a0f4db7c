"""`[apps.NAME]`: the applications, the account each runs as and how it is served."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Discriminator, Field, Tag

from holdfast.site.addresses import ListenAddress
from holdfast.site.names import DatabaseName, DnsName, HostName, HostPath, LinuxName
from holdfast.site.table import Table, distinct, some, word_of


class Serve(StrEnum):
    """How visitors reach an application."""

    PROXY = "proxy"
    STATIC = "static"
    DIRECT = "direct"


class Authority(StrEnum):
    """Where a certificate comes from, where it does not exist yet."""

    ACME = "acme"
    APACHE = "apache"


class OwnCertificate(Table):
    """A certificate that exists: the files on the host."""

    cert: HostPath
    key: HostPath


def _certificate_tag(value: object) -> str:
    return "<own>" if isinstance(value, Mapping | OwnCertificate) else "<authority>"


Certificate = Annotated[
    Annotated[Authority, word_of(Authority, "a source of certificates"), Tag("<authority>")]
    | Annotated[OwnCertificate, Tag("<own>")],
    Discriminator(_certificate_tag),
]


class App(Table):
    """An application on one host.

    `proxy` has a web server in front of `listen`, `static` has files only, `direct` terminates TLS
    itself behind a redirect of ports. `config` is the folder of its production configuration.
    """

    name: HostName = Field(alias="\0name")
    host: HostName
    user: LinuxName
    config: HostPath | None = None
    listen: ListenAddress | None = None
    names: Annotated[tuple[DnsName, ...], AfterValidator(some), AfterValidator(distinct)]
    serve: Annotated[Serve, word_of(Serve, "a way to serve")] = Serve.PROXY
    certificate: Certificate = Authority.ACME
    database: DatabaseName | None = None
