"""`[apps.NAME]`: the applications, the account each runs as and how it is served."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    InstanceOf,
    Tag,
    field_validator,
    model_validator,
)
from pydantic_core.core_schema import ValidationInfo

from holdfast.site.addresses import ListenAddress
from holdfast.site.errors import Refused, shown
from holdfast.site.names import DatabaseName, DnsName, HostName, HostPath, LinuxName
from holdfast.site.secrets import SecretRef
from holdfast.site.table import NAME, Table, distinct, some, text_to, word_of

TARGET = re.compile(r"/[\x21\x24-\x7e]{0,500}")


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


def target(text: str) -> str:
    """An address within an application: `/`, `/todos?sort=title`."""
    if not TARGET.fullmatch(text) or text.startswith("//"):
        raise Refused(
            f"{shown(text)} is not an address within the application", 'write one like "/todos"'
        )
    return text


Target = Annotated[str, AfterValidator(target)]
Source = Annotated[InstanceOf[SecretRef], BeforeValidator(text_to(SecretRef.parse))]
SOURCES = ("first", "second", "roleless", "token", "expired", "foreign", "keys", "password")


class Trial(Table):
    """`[apps.NAME.trial]`: throw-away people of the application, for `prove --app`.

    `first`, `second` and `roleless` (who may not write) print one header line that signs them in,
    `Cookie: …` or `Authorization: Bearer …`; `token`, `expired` and `foreign` print bearer tokens
    of `first`: a good one, one that has run out, one for another application; `keys` prints the
    issuer's key set, in one line. What is at `shared` is meant for others' eyes. `known_as` is
    what the application calls `first`, as in its addresses. `name` and `password` are for the form
    at `sign_in`. The crawl begins at `start`, whose first page shows who is signed in.
    """

    app: HostName = Field(alias="\0name")
    first: Source | None = None
    second: Source | None = None
    roleless: Source | None = None
    token: Source | None = None
    expired: Source | None = None
    foreign: Source | None = None
    keys: Source | None = None
    shared: Annotated[tuple[Target, ...], AfterValidator(distinct)] = ()
    known_as: tuple[str, ...] = Field(default=(), max_length=10)
    role: str = Field(default="admin", max_length=100)
    start: Annotated[tuple[Target, ...], AfterValidator(some), AfterValidator(distinct)] = ("/",)
    sign_in: Target | None = None
    sign_out: Target | None = None
    name: str | None = Field(default=None, max_length=200)
    password: Source | None = None

    @field_validator(*SOURCES)
    @classmethod
    def _knows_its_key(cls, ref: SecretRef | None, info: ValidationInfo) -> SecretRef | None:
        key = f"apps.{info.data.get('app', '')}.trial.{info.field_name}"
        return ref and replace(ref, key=key)

    @model_validator(mode="after")
    def _signs_in_whole(self) -> Self:
        if len({self.sign_in is None, self.name is None, self.password is None}) > 1:
            raise Refused(
                "sign_in, name and password belong together",
                "name the page of the form, and who signs in there; or leave out all three",
            )
        return self


def _told_its_application(value: object, info: ValidationInfo) -> object:
    return {**value, NAME: info.data.get("name")} if isinstance(value, Mapping) else value


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
    trial: Annotated[Trial, BeforeValidator(_told_its_application)] | None = None
