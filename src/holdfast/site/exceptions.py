"""`[exceptions]`: controls that someone chose to go without, shown in every report."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, Field

from holdfast.site.errors import Refused
from holdfast.site.names import ControlId, HostName
from holdfast.site.table import Table, distinct, some


def reason(text: str) -> str:
    """Why the control is gone without."""
    if not text.strip():
        raise Refused("the reason is empty", "say why, for whoever reads the report")
    return text.strip()


class ControlException(Table):
    """A control that some hosts, or with `hosts` None all of them, go without, and why.

    `until` is the last day it counts; None means that it does not end.
    """

    control: ControlId = Field(alias="\0name")
    hosts: (
        Annotated[tuple[HostName, ...], AfterValidator(some), AfterValidator(distinct)] | None
    ) = None
    because: Annotated[str, AfterValidator(reason)]
    until: date | None = None

    def covers(self, host: str) -> bool:
        """Whether it is about this host."""
        return self.hosts is None or host in self.hosts

    def expired(self, today: date) -> bool:
        """Whether its last day has passed."""
        return self.until is not None and today > self.until
