"""`[backups]`: where backups go, who can open them and how long they are kept."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, Field

from holdfast.site.age_recipient import recipient
from holdfast.site.names import HostName, HostPath
from holdfast.site.table import Table, distinct, some

Count = Annotated[int, Field(ge=0, le=1000)]


class Keep(Table):
    """How many backups are kept: one for each of the last days, weeks and months."""

    daily: Annotated[int, Field(ge=1, le=1000)] = 7
    weekly: Count = 4
    monthly: Count = 12


class Backups(Table):
    """Backups of every database, and of the folders in `also`, to the host `to`.

    `recipients` are public keys of age; whoever has a private one can open the backups.
    """

    to: HostName
    recipients: Annotated[
        tuple[Annotated[str, AfterValidator(recipient)], ...],
        AfterValidator(some),
        AfterValidator(distinct),
    ]
    also: Annotated[tuple[HostPath, ...], AfterValidator(distinct)] = (PurePosixPath("/etc"),)
    keep: Keep = Field(default_factory=Keep)
