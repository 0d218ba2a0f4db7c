"""The mail filter of `examples/mail`, in front of a real Postfix."""

from __future__ import annotations

import shutil
import smtplib
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from holdfast.work.stamp import mint
from work.mail_server import MailServer, mail_server

pytestmark = [
    pytest.mark.every,
    pytest.mark.usefixtures("needs_root"),
    pytest.mark.skipif(shutil.which("postfix") is None, reason="needs Debian's package postfix"),
]
ALICE, CAROL = "alice@example.com", "carol@example.com"
BITS = 12
numbers = iter(range(1, 1000))


@pytest.fixture(scope="module")
def server(needs_root: None) -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


@pytest.fixture
def spent(tmp_path: Path) -> str:
    return f"--spent={tmp_path / 'spent'}"


@pytest.fixture
def tagging(server: MailServer, spent: str) -> Iterator[MailServer]:
    with server.filtering(spent, f"--bits={BITS}"):
        yield server


@pytest.fixture
def rejecting(server: MailServer, spent: str) -> Iterator[MailServer]:
    with server.filtering(spent, f"--bits={BITS}", "--without=reject", "--refused=reject"):
        yield server


def stamped(resource: str = ALICE, bits: int = BITS) -> str:
    return f"X-Hashcash: {mint(resource, bits)}"


def sent(server: MailServer, *headers: str, to: str = ALICE, body: str = "hello") -> str:
    """Hand a mail over; its subject."""
    subject = f"mail {next(numbers)}"
    head = "".join(f"{line}\r\n" for line in (*headers, f"Subject: {subject}", f"To: {to}"))
    server.send(to, content=f"{head}\r\n{body}\r\n")
    return subject


def tags(server: MailServer, *headers: str, to: str = ALICE) -> list[str]:
    """What stands in the mail that arrives, in every header of the name."""
    return server.arrived(sent(server, *headers, to=to)).get_all("X-Holdfast-Stamp", [])


def refusal(send: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(smtplib.SMTPDataError) as refused:
        send()
    text = refused.value.smtp_error
    return refused.value.smtp_code, text.decode() if isinstance(text, bytes) else text


# Tagging


def test_a_good_stamp_is_tagged_so(tagging: MailServer) -> None:
    assert tags(tagging, stamped()) == ["good"]


def test_a_stamp_of_the_hashcash_program_is_as_good(tagging: MailServer) -> None:
    made = ["hashcash", "-mqX", "-b", str(BITS), ALICE]
    line = subprocess.run(made, capture_output=True, text=True, check=True, timeout=60).stdout
    assert tags(tagging, line.strip()) == ["good"]


def test_a_mail_without_a_stamp_is_tagged_so(tagging: MailServer) -> None:
    assert tags(tagging) == ["none"]


def test_a_stamp_is_good_once(tagging: MailServer) -> None:
    header = stamped()
    assert [tags(tagging, header) for _ in range(2)] == [["good"], ["refused; spent"]]


BAD: dict[str, Callable[[], str]] = {
    "refused; elsewhere": lambda: stamped(CAROL),
    "refused; too-little": lambda: stamped(bits=BITS - 1),
    "refused; unworked": lambda: f"X-Hashcash: 1:60:{datetime.now(UTC):%y%m%d}:{ALICE}::a:a",
    "refused; ahead": lambda: f"X-Hashcash: 1:60:990101:{ALICE}::a:a",
    "refused; expired": lambda: f"X-Hashcash: 1:60:200101:{ALICE}::a:a",
    "refused; malformed": lambda: f"X-Hashcash: {'1:' * 5000}",
}


@pytest.mark.parametrize("tag", BAD)
def test_a_stamp_that_is_not_good_is_tagged_with_the_reason(tagging: MailServer, tag: str) -> None:
    assert tags(tagging, BAD[tag]()) == [tag]


def test_a_header_without_a_stamp_is_none_that_is_good(tagging: MailServer) -> None:
    assert tags(tagging, "X-Hashcash:") == ["refused; malformed"]


def test_each_recipient_is_paid_for(tagging: MailServer) -> None:
    both = (stamped(ALICE), stamped(CAROL))
    assert [tags(tagging, *both, to=to) for to in (ALICE, CAROL)] == [["good"], ["good"]]


def test_a_stamp_may_go_over_several_lines(tagging: MailServer) -> None:
    header = stamped()
    assert tags(tagging, f"{header[:30]}\r\n {header[30:]}") == ["good"]


@pytest.mark.parametrize(
    "forged",
    [
        "X-Holdfast-Stamp: good",
        "x-holdfast-STAMP: good",
        "X-Holdfast-Stamp : good",
        "X-Holdfast-Stamp:\r\n good",
        "A: b\nX-Holdfast-Stamp: good",
        "A: b\rX-Holdfast-Stamp: good",
        "X-Holdfast-Stamp: good\r\nX-Holdfast-Stamp: good",
    ],
)
def test_what_others_write_under_the_name_is_removed(tagging: MailServer, forged: str) -> None:
    assert tags(tagging, forged) == ["none"]


def test_a_mail_arrives_as_it_was_sent(tagging: MailServer) -> None:
    body = f"Grüße\r\n.\r\n..\r\n{'x' * 5000}\r\nX-Holdfast-Stamp: good"
    subject = sent(tagging, "Content-Type: text/plain; charset=utf-8", body=body)
    arrived = tagging.arrived(subject)
    assert arrived.get_payload(decode=True) == f"{body}\n".replace("\r", "").encode()


def test_headers_without_end_are_refused(tagging: MailServer) -> None:
    code, said = refusal(lambda: sent(tagging, *("A: b",) * 60_000))
    assert (code, "too long" in said or "longer than" in said) == (552, True)


def test_other_recipients_are_asked_for_later(tagging: MailServer) -> None:
    with smtplib.SMTP("127.0.0.1", tagging.places.outside, timeout=30) as client:
        later = client.sendmail("bob@example.net", [ALICE, CAROL], b"Subject: two\r\n\r\nhello\r\n")
    assert {name: code for name, (code, _) in later.items()} == {CAROL: 452}


# Rejecting


def test_a_good_stamp_is_let_in(rejecting: MailServer) -> None:
    assert tags(rejecting, stamped()) == ["good"]


def test_a_mail_without_a_stamp_is_not_taken(rejecting: MailServer) -> None:
    code, said = refusal(lambda: sent(rejecting, "Subject: unwanted"))
    assert (code, "needs an X-Hashcash stamp of 12 bits" in said) == (550, True)
    assert not rejecting.has("unwanted")


def test_a_stamp_of_another_mail_is_not_taken(rejecting: MailServer) -> None:
    header = stamped()
    assert tags(rejecting, header) == ["good"]
    code, said = refusal(lambda: sent(rejecting, header))
    assert (code, "refused: spent" in said) == (550, True)


def test_of_many_mails_with_one_stamp_one_is_taken(rejecting: MailServer) -> None:
    header = stamped()

    def taken(_: int) -> bool:
        try:
            sent(rejecting, header)
        except smtplib.SMTPDataError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(taken, range(8))) == 1


# What is away


def test_where_spent_ones_cannot_be_kept_the_sender_comes_again(
    server: MailServer, tmp_path: Path
) -> None:
    folder, header = tmp_path / "later", stamped()
    with server.filtering(f"--spent={folder / 'spent'}", f"--bits={BITS}"):
        assert refusal(lambda: sent(server, header))[0] == 451
        folder.mkdir()
        assert tags(server, header) == ["good"]


def test_where_the_filter_is_away_the_sender_comes_again(server: MailServer) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        sent(server, stamped())
    ((code, _),) = refused.value.recipients.values()
    assert code == 451
