"""`[admins.NAME]`: the people who may log in to hosts."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, InstanceOf, field_validator
from pydantic_core.core_schema import ValidationInfo

from holdfast.site.names import LinuxName
from holdfast.site.public_key import PublicKey
from holdfast.site.secrets import SecretRef
from holdfast.site.table import Table, distinct, some, text_to

Key = Annotated[InstanceOf[PublicKey], BeforeValidator(text_to(PublicKey.parse))]
Reference = Annotated[InstanceOf[SecretRef], BeforeValidator(text_to(SecretRef.parse))]


class Admin(Table):
    """A person who may log in to hosts, under an own name and with own keys.

    `sudo_password` and `totp` say where a password store keeps them; None means that they are
    asked in the terminal.
    """

    name: LinuxName = Field(alias="\0name")
    keys: Annotated[tuple[Key, ...], AfterValidator(some), AfterValidator(distinct)]
    sudo_password: Reference | None = None
    totp: Reference | None = None

    @field_validator("sudo_password", "totp")
    @classmethod
    def _knows_its_key(cls, ref: SecretRef | None, info: ValidationInfo) -> SecretRef | None:
        return ref and replace(ref, key=f"admins.{info.data.get('name', '')}.{info.field_name}")
