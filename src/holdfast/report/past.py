"""The past of a site: the runs of its history, read back from what the verbs kept.

A kept run is as trustworthy as any file: it may be cut short, edited or hold a host's hostile
words. What does not fit is named in `Past.damaged` and left out; nothing else is lost with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from holdfast.servers.attack import Outcome
from holdfast.servers.audit import Status
from holdfast.servers.history import Kept, NotKept
from holdfast.site.errors import escaped

LARGEST_RUN = 16 * 1024 * 1024  # bytes; fifty hosts have about 300 kB
MOST_BYTES = 256 * 1024 * 1024  # of all runs together, the newest first

Name = Annotated[str, Field(max_length=256)]


class Shape(BaseModel):
    """Keys that a later Holdfast has added are left aside."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class KeptFinding(Shape):
    """`evidence`: one line per gap, `WHAT (SEEN): MEND`, and the reason if there is one."""

    control: Name
    status: Status
    evidence: tuple[str, ...] = ()


class KeptHost(Shape):
    name: Name
    release: str = ""
    findings: tuple[KeptFinding, ...]

    @property
    def unreached(self) -> bool:
        """Whether nothing at all was known of it."""
        unknown = all(finding.status is Status.UNKNOWN for finding in self.findings)
        return self.release == "unknown" and unknown

    @property
    def reason(self) -> str:
        """Why it was not reached."""
        said = next((f.evidence[0] for f in self.findings if f.evidence), "it was not read")
        return said.removeprefix(f"{self.name}: ")


class KeptAudit(Shape):
    hosts: tuple[KeptHost, ...]


class KeptAttempt(Shape):
    attack: Name
    control: Name
    host: Name
    vantage: str
    outcome: Outcome
    evidence: str
    app: Name = ""

    @property
    def target(self) -> str:
        """What was attacked, in words: as `Attempt.target`."""
        return f"{escaped(self.app)} on {self.host}" if self.app else self.host


class KeptProve(Shape):
    attacks: tuple[KeptAttempt, ...]


class KeptApplied(Shape):
    """What `apply` did to one host; `error` is "" where it went well."""

    name: Name
    error: str = ""
    transactions: tuple[str, ...] = ()
    changes: int = 0


class KeptApply(Shape):
    hosts: tuple[KeptApplied, ...]


class KeptUndo(Shape):
    host: Name
    undone: str


Run = KeptAudit | KeptProve | KeptApply | KeptUndo
SHAPES: dict[str, type[Run]] = {
    "audit": KeptAudit,
    "prove": KeptProve,
    "apply": KeptApply,
    "undo": KeptUndo,
}


@dataclass(frozen=True)
class Dated:
    """A run and when it started."""

    at: datetime
    run: Run


@dataclass(frozen=True)
class Past:
    """Every run that could be read, the oldest first, and a line per file that could not."""

    runs: tuple[Dated, ...] = ()
    damaged: tuple[str, ...] = ()


def read_past(kept: Iterable[Kept]) -> Past:
    """Read runs, newest first, until `MOST_BYTES`; verbs that say nothing here are left aside."""
    left = MOST_BYTES
    runs: list[Dated] = []
    damaged: list[str] = []
    for file in sorted(kept, reverse=True):
        if file.verb not in SHAPES:
            continue
        if left <= 0:
            damaged.append(f"the runs until {file.at:%Y-%m-%d} were left out: there are too many")
            break
        try:
            data = file.read(LARGEST_RUN)
            left -= len(data)
            runs.append(Dated(file.at, SHAPES[file.verb].model_validate_json(data)))
        except NotKept as error:
            damaged.append(str(error))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])[:200]
            damaged.append(f"{file.path} is damaged: {where or 'its JSON'}: {first['msg']}")
    return Past(tuple(reversed(runs)), tuple(damaged))
