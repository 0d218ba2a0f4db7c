"""Mail is queued in the database, and taken to the mail server by a thread of each worker."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Sequence
from datetime import timedelta
from email import message_from_bytes, policy

from django.conf import settings
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend
from django.core.mail.message import EmailMessage
from django.utils import timezone

from holdfast.accounts import background
from holdfast.accounts.mail.models import QueuedMail
from holdfast.accounts.mail.servers import Server
from holdfast.accounts.trail import tally

log = logging.getLogger(__name__)
LOOKS_EVERY_S = 1.0
FIRST_RETRY = timedelta(seconds=20)
LAST_RETRY = timedelta(hours=1)
GIVEN_UP_AFTER = timedelta(days=2)
AT_ONCE = 50

_wake = threading.Event()


class QueueBackend(BaseEmailBackend):
    """Django's mail backend: writes to the queue, in the transaction of the request."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            QueuedMail.objects.create(
                message=message.message().as_bytes(),
                recipient=json.dumps(message.recipients()),
            )
        _wake.set()
        return len(email_messages)


def deliver_due() -> int:
    """Send what is due; return how many messages the mail server took."""
    taken = 0
    now = timezone.now()
    due = list(QueuedMail.objects.filter(due__lte=now).order_by("due")[:AT_ONCE])
    if not due:
        return 0
    server = Server.parse(settings.HOLDFAST.mail.get_secret_value())
    for mail in due:
        wait = min(FIRST_RETRY * 2 ** min(mail.attempts, 12), LAST_RETRY)
        mine = QueuedMail.objects.filter(pk=mail.pk, due=mail.due)
        if mine.update(due=now + wait, attempts=mail.attempts + 1) == 1 and _send(server, mail):
            QueuedMail.objects.filter(pk=mail.pk).delete()
            tally.add("mail.sent")
            taken += 1
    return taken


def _send(server: Server, mail: QueuedMail) -> bool:
    connection = server.connection()
    if not isinstance(connection, EmailBackend):
        raise TypeError("a mail server is spoken to by SMTP")
    try:
        connection.open()
        if connection.connection is None:
            raise OSError("no connection")
        message = message_from_bytes(bytes(mail.message), policy=policy.SMTP)
        connection.connection.send_message(
            message, settings.DEFAULT_FROM_EMAIL, json.loads(mail.recipient)
        )
    except OSError as error:  # smtplib's errors are among them
        late = timezone.now() - mail.created > GIVEN_UP_AFTER
        if late:
            tally.add("mail.given-up")
            QueuedMail.objects.filter(pk=mail.pk).delete()
        log.warning(
            "mail not sent",
            extra={"mail": mail.pk, "reason": type(error).__name__, "given_up": late},
        )
        return False
    finally:
        connection.close()
    return True


def courier() -> None:
    """Deliver what is due, as long as the process runs."""
    while True:
        if not background.attempt(deliver_due, "the mail queue cannot be read"):
            _wake.wait(LOOKS_EVERY_S)
            _wake.clear()
