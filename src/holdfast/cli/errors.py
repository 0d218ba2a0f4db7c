"""Every error that a command can end with, its exit code and its line."""

from __future__ import annotations

from holdfast.report.recalled import NothingKept
from holdfast.servers.applications.connection import NoClient
from holdfast.servers.applications.http import Unanswered
from holdfast.servers.apply import Reverted, Unfinished
from holdfast.servers.plan import PlanConflict
from holdfast.servers.session_errors import HandFailed, SessionError
from holdfast.servers.snapshot import CannotJudge, SnapshotError
from holdfast.servers.undo import NothingToUndo
from holdfast.site import SiteError
from holdfast.trail.folder import TrailError
from holdfast.trail.note import NoteError

GOOD, FOUND, WRONG, UNREACHED, REVERTED = 0, 1, 2, 3, 4


class UsageError(Exception):
    """The command cannot be carried out as it was given; the message says the mend."""


_CODES: tuple[tuple[type[Exception], int], ...] = (
    (UsageError, WRONG),
    (SiteError, WRONG),
    (PlanConflict, WRONG),
    (NothingToUndo, WRONG),
    (NothingKept, WRONG),
    (TrailError, WRONG),
    (NoteError, WRONG),
    (NoClient, WRONG),
    (Unanswered, UNREACHED),
    (SnapshotError, UNREACHED),
    (CannotJudge, UNREACHED),
    (SessionError, UNREACHED),
    (Reverted, REVERTED),
    (Unfinished, FOUND),
)


def told(error: Exception) -> tuple[int, str]:
    """Return the exit code of an error and what to print about it."""
    if isinstance(error, ExceptionGroup):
        return told(error.exceptions[0])
    if isinstance(error, HandFailed) and error.kind == "moved":
        return FOUND, str(error)
    for kind, code in _CODES:
        if isinstance(error, kind):
            return code, str(error)
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return WRONG, f"{where}{error.strerror or error}"
    name = type(error).__name__
    return WRONG, f"a defect of Holdfast, please report it: {name}: {error}"
