"""Which passwords are good enough, and what is said of those that are not."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError

from holdfast.accounts.configuration import Configuration, Look, Passwords
from holdfast.accounts.passwords import breached, known, policy
from holdfast.accounts.people.models import Person

GOOD = "magenta otter paddles north"


def refused(password: str, names: tuple[str, ...], user: Person | None = None) -> set[str]:
    codes = set()
    for name in names:
        try:
            getattr(policy, name)().validate(password, user)
        except ValidationError as error:
            codes.add(str(error.code))
    return codes


NIST = ("Text", "Length", "NotPersonal", "NotGuessed")
COMPLIANCE = ("Text", "Composition", "NotPersonal", "NotGuessed")

CASES = [
    (GOOD, set()),
    ("exactly fifteen", set()),
    ("only fourteen!", {"too_short"}),
    ("ünïcödé wörks too", set()),
    ("口令口令口令甲乙丙丁戊己庚辛壬", set()),
    ("a" * 20, {"pattern"}),
    ("abcdefghijklmnopqrst", {"pattern"}),
    ("passwordpassword", {"known"}),
    ("123412341234123412", {"pattern"}),
    ("qwert7qwert7qwert7", {"known"}),
    ("good enough\0 but a NUL", {"no_text"}),
    ("good enough \ud800 but no text", {"no_text"}),
    ("many words " * 30, {"too_long"}),
    ("passwordpassword1", {"guessable"}),
    ("password12345678", {"guessable"}),
    ("qwertyuiopasdfgh", {"guessable"}),
    ("qwertyuiop123456", {"guessable"}),
    ("ｐａｓｓｗｏｒｄｐａｓｓｗｏｒｄ", {"known"}),
    ("ｐａｓｓｗｏｒｄ１２３４５６７８", {"guessable"}),
    ("\ufdfaabcd", {"too_short"}),
]


@pytest.mark.parametrize(("password", "codes"), CASES)
def test_nist(password: str, codes: set[str]) -> None:
    assert refused(password, NIST) == codes


COMPLIANT = [
    ("Magenta-ott", set()),
    ("magenta-otter", {"too_simple"}),
    ("MAGENTA-OTTER", {"too_simple"}),
    ("MagentaOtter", {"too_simple"}),
    ("Mxg4nt-ot", {"too_simple"}),
]


@pytest.mark.parametrize(("password", "codes"), COMPLIANT)
def test_compliance(password: str, codes: set[str]) -> None:
    assert refused(password, COMPLIANCE) == codes


@pytest.mark.parametrize("password", ["wunderbar@example", "wunderbar12345", "Wunderbar!"])
def test_ones_own_name_or_address_is_not_enough(password: str) -> None:
    person = Person(email="wunderbar@example.org", name="Wunderbar")
    assert "personal" in refused(password, NIST, person)


def test_ones_name_among_enough_else_is_fine() -> None:
    person = Person(email="wunderbar@example.org")
    assert refused("wunderbar, with much else to say", NIST, person) == set()


@pytest.mark.parametrize("password", ["jane doe jane doe", "JaneDoe12!JaneD"])
def test_ones_name_turned_about_is_guessed(password: str) -> None:
    person = Person(email="jd@example.org", name="Jane Doe")
    assert refused(password, NIST, person) & {"personal", "guessable"}


@pytest.mark.parametrize("length", [32, 33, 256])
def test_the_worst_password_is_judged_soon(length: int) -> None:
    began = time.process_time()
    refused("1!+(9$@3" * 32, NIST)
    refused(("+1!+(9+(|(16(%8!{8{|<3" * 12)[:length], NIST)
    assert time.process_time() - began < 1.0  # seconds; some 0.1 where the machine is free


def test_a_known_password_is_found_and_another_is_not() -> None:
    assert breached.shipped().holds("iloveyou1")
    assert breached.shipped().holds("ILoveYou1")
    assert not breached.shipped().holds(GOOD)


def test_the_list_has_what_it_was_built_of() -> None:
    words = [f"word number {n}" for n in range(1000)]
    built = breached.Filter(breached.build(words))
    assert len(built) == 1000
    assert all(built.holds(word) for word in words)
    assert not any(built.holds(f"other {n}") for n in range(1000))


def test_a_damaged_list_is_refused() -> None:
    with pytest.raises(ValueError, match="is damaged"):
        breached.Filter(b"123456")


def test_by_default_passwords_of_eight_need_a_second_factor() -> None:
    assert policy.stands_alone("x" * 15)
    assert not policy.stands_alone("x" * 14)


# The service


class Ranges(BaseHTTPRequestHandler):
    """A range service as Have I Been Pwned has one, for one password."""

    asked: ClassVar[list[str]] = []
    status: ClassVar[int] = 200
    drips: ClassVar[bool] = False

    def do_GET(self) -> None:
        self.asked.append(self.path)
        whole = hashlib.sha1(GOOD.encode()).hexdigest().upper()  # noqa: S324
        if self.status == 0:
            self.wfile.write(b"no HTTP at all\r\n\r\n")
            return
        self.send_response(self.status)
        self.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(100 if self.drips else 0):
                self.wfile.write(b"0")
                time.sleep(0.1)
        self.wfile.write(f"{'0' * 35}:3\r\n{whole[5:]}:7\r\n{'F' * 35}:0\r\n".encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Ranges]]:
    Ranges.asked, Ranges.status, Ranges.drips = [], 200, False
    server = HTTPServer(("127.0.0.1", 0), Ranges)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/range"
    chosen = Configuration(passwords=Passwords(breach_range_url=url), look=Look(name="Otherwise"))
    monkeypatch.setattr(settings, "HOLDFAST", chosen)
    try:
        yield Ranges
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_service_is_asked_by_five_digits_only(service: type[Ranges]) -> None:
    assert breached.is_known(GOOD)
    (path,) = service.asked
    assert path == f"/range/{hashlib.sha1(GOOD.encode()).hexdigest()[:5].upper()}"  # noqa: S324


def test_what_the_service_does_not_know_is_fine(service: type[Ranges]) -> None:
    assert not breached.is_known(GOOD + "!")


def test_a_service_that_fails_holds_nothing_against_a_password(service: type[Ranges]) -> None:
    service.status = 503
    assert not breached.is_known(GOOD)
    chosen = Passwords(breach_range_url="http://127.0.0.1:1/")
    settings.HOLDFAST = Configuration(passwords=chosen)
    assert not breached.is_known(GOOD)


def test_an_answer_that_is_no_http_holds_nothing_against_a_password(service: type[Ranges]) -> None:
    service.status = 0
    assert not breached.is_known(GOOD)


def test_an_answer_that_drips_is_not_waited_for(service: type[Ranges]) -> None:
    service.drips = True
    began = time.monotonic()
    assert not breached.is_known(GOOD)
    assert time.monotonic() - began < 2 * breached.TIMEOUT_S


def test_every_long_common_password_of_django_is_held() -> None:
    assert all(
        breached.shipped().holds(password)
        for password in itertools.islice(known.passwords(), 20_000)
    )
