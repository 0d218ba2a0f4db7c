"""Mail reaches a server, also one that is away at first, and no page waits for it."""

from __future__ import annotations

import socketserver
import threading
import time
from pathlib import Path

import pytest

from accounts.service import Browser, free_port, serving, wait_for
from holdfast.accounts.people import sessions

SLOW_S = 1.0


class Sink(socketserver.StreamRequestHandler):
    """As much of SMTP (RFC 5321) as it takes to be given a mail; slowly."""

    def handle(self) -> None:
        server = self.server
        assert isinstance(server, MailServer)
        time.sleep(SLOW_S)  # as real ones are
        self.wfile.write(b"220 sink\r\n")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                text = b""
                while (part := self.rfile.readline()) not in (b".\r\n", b""):
                    text += part
                server.taken.append(text.decode())
            if verb == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            self.wfile.write(b"250 fine\r\n")


class MailServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), Sink)
        self.taken: list[str] = []
        self.thread = threading.Thread(target=self.serve_forever)
        self.thread.start()

    def end(self) -> None:
        self.shutdown()
        self.thread.join()
        self.server_close()


@pytest.fixture
def port() -> int:
    return free_port()


def test_a_mail_is_taken_to_the_server_and_no_page_waits(tmp_path: Path, port: int) -> None:
    server = MailServer(port)
    try:
        with serving(tmp_path, f'mail = "smtp://127.0.0.1:{port}"') as service:
            began = time.monotonic()
            Browser(service).sign_up("ada@example.org")
            assert time.monotonic() - began < SLOW_S
            wait_for(lambda: len(server.taken) == 1)
            assert "To: ada@example.org" in server.taken[0]
            assert Browser(service).get("/outbox/").status == 404
    finally:
        server.end()


@pytest.mark.every
def test_a_mail_waits_for_a_server_that_is_away(tmp_path: Path, port: int) -> None:
    with serving(tmp_path, f'mail = "smtp://127.0.0.1:{port}"') as service:
        Browser(service).sign_up("ada@example.org")
        wait_for(lambda: "mail not sent" in service.log, 20)
        assert "ada@example.org" not in service.log
        server = MailServer(port)
        try:
            wait_for(lambda: len(server.taken) == 1, 60)
        finally:
            server.end()


@pytest.mark.usefixtures("database")
def test_what_is_left_of_ended_sessions_is_removed() -> None:
    from allauth.usersessions.models import UserSession
    from django.contrib.sessions.models import Session
    from django.utils import timezone

    from holdfast.accounts.people.flows import creation

    person = creation.create("ada@example.org", None)
    now = timezone.now()
    long_ago = now - sessions.SURELY_WRITTEN * 2
    later = now + sessions.SURELY_WRITTEN
    Session.objects.create(session_key="lives", session_data="", expire_date=later)
    Session.objects.create(session_key="over", session_data="", expire_date=long_ago)
    for key, began in (("lives", long_ago), ("over", long_ago), ("new", now)):
        UserSession.objects.create(
            user=person, session_key=key, ip="127.0.0.1", user_agent="x", created_at=began
        )
    assert sessions.forget_ended() == 1
    assert set(UserSession.objects.values_list("session_key", flat=True)) == {"lives", "new"}
