"""What can go wrong between this machine and a host; every message is one line with the mend."""

from __future__ import annotations

from holdfast.site.errors import escaped

LONGEST_QUOTE = 300  # characters of a host's own words in a message


class SessionError(Exception):
    """A host could not be reached or used; the message says what, where and the mend."""


class Unreachable(SessionError):
    """No address of the host led to an SSH server that answered."""


class LoginRefused(SessionError):
    """The host answered and let this user not in."""


class HostKeyUnknown(SessionError):
    """The host showed a key that nobody has accepted yet."""


class HostKeyChanged(SessionError):
    """The host showed another key than the one that is pinned."""


class SudoRefused(SessionError):
    """sudo did not run the hand: wrong password, no right to it, or no sudo."""


class SudoLogsInput(SessionError):
    """sudo keeps what is sent through it, so nothing secret may be."""


class NoPython(SessionError):
    """The host has no python3 that the hand can run on."""


class HandFailed(SessionError):
    """The hand could not do what was asked; `kind` says why in one word."""

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


class HandLost(SessionError):
    """The hand stopped answering, or answered nonsense, before it was done."""


class TooSlow(SessionError):
    """The host was not done within the time that a run gives each host."""


def quoted(text: str | bytes) -> str:
    """A host's own words, fit for a message: one line, escaped, bounded."""
    if isinstance(text, bytes):
        text = text[: 8 * LONGEST_QUOTE].decode("utf-8", "backslashreplace")
    words = " ".join(text[: 8 * LONGEST_QUOTE].split())
    cut = words if len(words) <= LONGEST_QUOTE else words[: LONGEST_QUOTE - 1] + "…"
    return escaped(cut)
