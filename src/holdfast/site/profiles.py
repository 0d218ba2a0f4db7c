"""`[profiles]`: choices between the secure ways."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from holdfast.site.addresses import LARGEST_PORT
from holdfast.site.hosts import Role
from holdfast.site.table import Frozen, Table, distinct, word_of


class PasswordProfile(StrEnum):
    """The rule for passwords: NIST SP 800-63B-4, or classes of characters."""

    NIST = "nist"
    COMPLIANCE = "compliance"


Port = Annotated[int, Field(ge=1, le=LARGEST_PORT)]


class Profiles(Table):
    """The rule for passwords, and further ports that hosts of a role may have open."""

    passwords: Annotated[PasswordProfile, word_of(PasswordProfile, "a profile of passwords")] = (
        PasswordProfile.NIST
    )
    ports: Frozen[
        Annotated[Role, word_of(Role, "a role")],
        Annotated[tuple[Port, ...], AfterValidator(distinct)],
    ] = Field(default_factory=dict)

    def ports_of(self, role: Role) -> tuple[int, ...]:
        """The further ports that a host of this role may have open."""
        return self.ports.get(role, ())
