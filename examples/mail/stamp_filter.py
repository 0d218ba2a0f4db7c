"""A filter for Postfix that looks for Hashcash stamps before a mail is taken.

    python stamp_filter.py --spent /var/lib/holdfast-stamps/spent --bits 20

Postfix hands it each mail while the sender is still connected (`smtpd_proxy_filter`, see master.cf
beside this file). It looks at the `X-Hashcash` headers, writes `X-Holdfast-Stamp: good`, `none` or
`refused; REASON` on top, and hands the mail back to Postfix. With `--without reject` and
`--refused reject` the sender is told at once that the mail is not taken, so nothing bounces.
Whatever has the name `X-Holdfast-Stamp` when it comes from outside is removed.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import logging
import re
import signal
import smtplib
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from holdfast.work.spent import Spent, SqliteFile, StoreDown
from holdfast.work.stamp import Reason, Refused, check

LARGEST = 25 * 1024 * 1024
LONGEST_HEADERS = 256 * 1024
MOST_STAMPS = 20
"""Of one mail; there is one for each recipient, and what is beyond is not looked at."""
NEXT_S = 60.0
_TAG = re.compile(rb"x-holdfast-stamp[ \t]*:", re.IGNORECASE)
_STAMP = re.compile(rb"x-hashcash[ \t]*:(.*)", re.IGNORECASE | re.DOTALL)
_LINE_END = re.compile(rb"\r\n|\n|\r")
_FIELD_END = re.compile(rb"(?>\r\n|\n|\r)(?![ \t])")
_HEADERS_END = re.compile(rb"(?:\A|(?>\r\n|\n|\r))(?>\r\n|\n|\r)")

log = logging.getLogger("stamp_filter")


class TooLong(Exception):
    """The headers of a mail are longer than anybody's."""


class Policy(Enum):
    """What happens to a mail whose stamp is not good."""

    TAG = "tag"
    REJECT = "reject"


@dataclass(frozen=True)
class Rules:
    bits: int
    without: Policy
    refused: Policy


@dataclass(frozen=True)
class Mail:
    """A mail in which nobody else has written what we write."""

    fields: tuple[bytes, ...]
    """The headers, each with its further lines, without the end of the line."""
    body: bytes

    @classmethod
    def read(cls, content: bytes) -> Mail:
        """Raises TooLong."""
        end = _HEADERS_END.search(content, 0, LONGEST_HEADERS)
        if end is None and len(content) > LONGEST_HEADERS:
            raise TooLong
        head, body = content, b""
        if end is not None:
            head, body = content[: end.start()], content[end.end() :]
        # a first line that begins with a space would go on what is written above it
        fields = _FIELD_END.split(head.strip()) if head.strip() else []
        kept = (_LINE_END.sub(b"\r\n", field) for field in fields if not _TAG.match(field))
        return cls(tuple(kept), body)

    def stamps(self) -> list[str]:
        found = (_STAMP.match(field) for field in self.fields)
        values = [b"".join(one[1].split()).decode("latin-1") for one in found if one]
        return values[:MOST_STAMPS]

    def tagged(self, verdict: str) -> bytes:
        top = b"X-Holdfast-Stamp: " + verdict.encode("ascii")
        return b"\r\n".join((top, *self.fields, b"", self.body))


def judged(mail: Mail, recipient: str, bits: int, at: datetime, spent: Spent) -> Reason | str:
    """Return "good", "none", or why the stamps were refused. Raises StoreDown."""
    verdict: Reason | str = "none"
    for text in mail.stamps():
        try:
            check(text, recipient, bits, at, spent)
        except Refused as refused:
            if verdict in ("none", Reason.ELSEWHERE):  # those of other recipients say the least
                verdict = refused.reason
        else:
            return "good"
    return verdict


class Listening(SMTP):
    """The server's side; some programs write a paragraph as one long line."""

    line_length_limit = 1024 * 1024


class Filter:
    """What is answered to Postfix, by aiosmtpd's names."""

    def __init__(self, rules: Rules, spent: Spent, next_hop: tuple[str, int]) -> None:
        self._rules, self._spent, self._next_hop = rules, spent, next_hop

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take one recipient at a time: a stamp is for one, and so is what is said about it."""
        if envelope.rcpt_tos:
            return "452 4.5.3 one recipient at a time: send it to the others next"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 ok"

    async def handle_exception(self, error: Exception) -> str:
        """Lose no mail by a defect of this filter."""
        log.error("a defect: %r", error, exc_info=error)
        return "451 4.3.0 the filter has a defect, try again later"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        try:
            return await asyncio.to_thread(self._taken, envelope)
        except TooLong:
            return f"552 5.3.4 the headers are longer than {LONGEST_HEADERS} bytes"
        except StoreDown as error:
            log.error("%s", error)
            return "451 4.3.0 stamps cannot be checked for the moment, try again later"
        except smtplib.SMTPResponseException as error:
            text = error.smtp_error
            said = text.decode("ascii", "replace") if isinstance(text, bytes) else text
            return f"{error.smtp_code} {said.splitlines()[0] if said else 'not taken'}"
        except (OSError, smtplib.SMTPException) as error:
            log.error("%s:%d: %s", *self._next_hop, error)
            return "451 4.3.0 cannot be handed on for the moment, try again later"

    def _taken(self, envelope: Envelope) -> str:
        """Judge a mail and hand it on; the stamp is spent when it is clear that it can be."""
        mail, recipient = Mail.read(envelope.original_content or b""), envelope.rcpt_tos[0]
        with smtplib.SMTP(*self._next_hop, timeout=NEXT_S) as hop:
            hop.ehlo_or_helo_if_needed()
            body = [one for one in envelope.mail_options if one.upper().startswith("BODY=")]
            _accepted(*hop.mail(envelope.mail_from or "", body))
            _accepted(*hop.rcpt(recipient))
            verdict = judged(mail, recipient, self._rules.bits, datetime.now(UTC), self._spent)
            log.info("%s: %s", verdict, recipient)
            if verdict == "none" and self._rules.without is Policy.REJECT:
                return f"550 5.7.1 needs an X-Hashcash stamp of {self._rules.bits} bits"
            if isinstance(verdict, Reason):
                if self._rules.refused is Policy.REJECT:
                    return f"550 5.7.1 the X-Hashcash stamp is refused: {verdict}"
                verdict = f"refused; {verdict}"
            code, said = hop.data(mail.tagged(verdict))
            return f"{code} {said.decode('ascii', 'replace').splitlines()[0]}"


def _accepted(code: int, said: bytes) -> None:
    if code // 100 != 2:
        raise smtplib.SMTPResponseException(code, said)


def _place(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port[:6]) < 65536:
        raise argparse.ArgumentTypeError("is HOST:PORT")
    return host, int(port)


async def serve(filter_: Filter, listen: tuple[str, int]) -> None:
    """Listen until it is told to end."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    smtp = functools.partial(
        Listening, filter_, data_size_limit=LARGEST, hostname="localhost", ident="stamps", loop=loop
    )
    async with await loop.create_server(smtp, *listen):
        log.info("listening on %s:%d", *listen)
        await ended.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description="Look for Hashcash stamps in mail, for Postfix.")
    parser.add_argument("--listen", type=_place, default=("127.0.0.1", 10025), metavar="HOST:PORT")
    parser.add_argument("--next", type=_place, default=("127.0.0.1", 10026), metavar="HOST:PORT")
    parser.add_argument("--bits", type=int, choices=range(161), default=20, metavar="BITS")
    parser.add_argument("--without", type=Policy, default=Policy.TAG, metavar="tag|reject")
    parser.add_argument("--refused", type=Policy, default=Policy.TAG, metavar="tag|reject")
    parser.add_argument("--spent", type=Path, required=True, metavar="FILE")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    rules = Rules(given.bits, given.without, given.refused)
    asyncio.run(serve(Filter(rules, SqliteFile(given.spent), given.next), given.listen))


if __name__ == "__main__":
    main()
