"""The outbox: the mails of a place to try things out, as a page; there is none anywhere else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.mail.backends.filebased import EmailBackend
from django.core.mail.message import EmailMessage as EmailMessageOfDjango
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from holdfast.accounts.people.look import look
from holdfast.accounts.people.models import Role
from holdfast.accounts.trail import tally

SHOWN = 50
LARGEST = 200_000


@dataclass(frozen=True)
class Letter:
    """A mail as the outbox shows it."""

    to: str
    subject: str
    date: str
    text: str


class OutboxBackend(EmailBackend):
    """Django's mail backend that writes files; what it wrote counts as sent."""

    def send_messages(self, email_messages: Sequence[EmailMessageOfDjango]) -> int:
        written = super().send_messages(email_messages) or 0
        for _ in range(written):
            tally.add("mail.sent")
        return written


def letters(folder: Path) -> list[Letter]:
    """Return the newest mails first, of those that Django's file backend wrote."""
    files = sorted(folder.glob("*.log"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    found: list[Letter] = []
    for path in files[:SHOWN]:
        with path.open("rb") as file:
            content = file.read(LARGEST)
        for part in reversed(content.split(b"\n" + b"-" * 79 + b"\n")):
            if part.strip():
                found.append(_letter(part))
    return found[:SHOWN]


def _letter(content: bytes) -> Letter:
    message = message_from_bytes(content.lstrip(), policy=policy.default)
    if not isinstance(message, EmailMessage):
        raise TypeError("the default policy makes EmailMessages")
    body = message.get_body(("plain",))
    return Letter(
        str(message["to"] or ""),
        str(message["subject"] or ""),
        str(message["date"] or ""),
        body.get_content() if body is not None else "",
    )


def outbox(request: HttpRequest) -> HttpResponse:
    """Show the outbox, to this machine's own browsers only, and to no agent of the support desk."""
    if not look(request)["outbox"]:
        raise Http404
    if getattr(request.user, "role", "") == Role.SUPPORT:
        raise PermissionDenied
    folder = Path(settings.EMAIL_FILE_PATH)
    return render(request, "mail/outbox.html", {"letters": letters(folder)})
