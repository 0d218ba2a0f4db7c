"""Events reach programs: those that are well, slow, dead, that lead elsewhere or talk too much."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from accounts.api.asking import Program, program
from accounts.engines import EACH, serving_on
from accounts.security import weakened
from accounts.service import Service, serving, wait_for
from holdfast.accounts.api.keys import SCOPES

SETTINGS = """
proxies = 1
[webhooks]
allow = ["127.0.0.1/32"]
attempts = 3
first_retry_s = 0.3
"""
_numbers = iter(range(1, 60000))


class Receiver(ThreadingHTTPServer):
    """Keeps what comes; `mood` says how it answers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.mood = "well"
        self.got: list[tuple[dict[str, str], str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/events"

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        mood = self.server.mood
        if mood == "well":
            self.server.got.append((dict(self.headers.items()), body))
        with contextlib.suppress(OSError):
            getattr(self, mood)()

    def well(self) -> None:
        self.send_response(204)
        self.end_headers()

    def tardy(self) -> None:
        time.sleep(1.5)
        self.server.got.append((dict(self.headers.items()), ""))
        self.well()

    def broken(self) -> None:
        self.send_response(500)
        self.end_headers()

    def elsewhere(self) -> None:
        self.send_response(307)
        self.send_header("Location", self.server.url.replace("/events", "/inside"))
        self.end_headers()

    def endless(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(100 * 1024 * 1024))
        self.end_headers()
        for _ in range(100):
            self.wfile.write(b"x" * 1024 * 1024)

    def headers_without_end(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for number in range(10**6):
            self.wfile.write(b"X-%d: %s\r\n" % (number, b"x" * 1000))

    def slow(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for _ in range(600):
            self.wfile.write(b"X: y\r\n")
            self.wfile.flush()
            time.sleep(0.2)

    def do_GET(self) -> None:
        self.server.got.append(({}, "{}"))
        self.well()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.shutdown()
        receiver.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture(scope="module", params=EACH)
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    with serving_on(request.param, tmp_path_factory.mktemp("a"), SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def full(service: Service) -> Program:
    return program(service, "full", *SCOPES)


def hook(full: Program, url: str, *events: str) -> dict[str, Any]:
    said = full("POST", "/webhooks", {"name": f"w{next(_numbers)}", "url": url, "events": events})
    assert said.status == 201, said.text
    made: dict[str, Any] = said.data
    return made


def somebody(full: Program) -> str:
    person: str = full("POST", "/people", {"email": f"w{next(_numbers)}@example.org"}).data["id"]
    return person


def deliveries(full: Program, made: dict[str, Any], state: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = full(
        "GET", f"/webhooks/{made['id']}/deliveries?limit=1000{state and f'&state={state}'}"
    ).data
    return found


def test_what_happens_is_sent_signed_to_who_wants_it(full: Program, receiver: Receiver) -> None:
    made = hook(full, receiver.url, "person")
    person = somebody(full)
    full("POST", f"/people/{person}/sign-out")  # which nobody asked for
    full("PATCH", f"/people/{person}", {"name": "Ada"})
    wait_for(lambda: len(receiver.got) == 2)
    assert [event["type"] for event in receiver.events] == ["person.created", "person.changed"]
    assert receiver.events[0]["data"]["on"] == person
    headers, body = receiver.got[0]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body}".encode()
    key = base64.b64decode(made["secret"].removeprefix("whsec_"))
    wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{wanted}"
    assert abs(time.time() - int(headers["webhook-timestamp"])) < 30
    assert made["secret"] not in full("GET", "/webhooks").text
    full("DELETE", f"/webhooks/{made['id']}")


def test_events_of_one_person_come_in_their_order(full: Program, receiver: Receiver) -> None:
    receiver.mood = "broken"
    made = hook(full, receiver.url, "person")
    person = somebody(full)
    for number in range(5):
        full("PATCH", f"/people/{person}", {"name": f"n{number}"})
    wait_for(lambda: any(one["attempts"] for one in deliveries(full, made, "waiting")))
    receiver.mood = "well"
    wait_for(lambda: len(receiver.got) == 6, 30)
    numbers = [event["number"] for event in receiver.events]
    assert numbers == sorted(numbers)
    full("DELETE", f"/webhooks/{made['id']}")


MOODS = {
    "broken": "it refused: 500",
    "elsewhere": "leads elsewhere, which is not followed: 307",
    "headers_without_end": "did not answer",
}


@pytest.mark.parametrize("mood", MOODS)
def test_one_that_is_not_well_is_tried_again_and_then_dead_and_can_be_replayed(
    full: Program, receiver: Receiver, mood: str
) -> None:
    receiver.mood = mood
    made = hook(full, receiver.url, "person.created")
    somebody(full)
    wait_for(lambda: bool(deliveries(full, made, "dead")), 30)
    (dead,) = deliveries(full, made, "dead")
    assert (dead["attempts"], MOODS[mood] in dead["answer"]) == (3, True)
    assert receiver.got == []
    receiver.mood = "well"
    assert full("POST", f"/webhooks/{made['id']}/replay").data == {"count": 1}
    wait_for(lambda: len(receiver.got) == 1)
    wait_for(lambda: len(deliveries(full, made, "sent")) == 1)
    again = full("POST", f"/webhooks/{made['id']}/replay?delivery={dead['id']}")
    assert again.data == {"count": 1}
    wait_for(lambda: len(receiver.got) == 2)
    assert receiver.got[0][0]["webhook-id"] == receiver.got[1][0]["webhook-id"]
    full("DELETE", f"/webhooks/{made['id']}")


def test_one_that_is_gone_is_tried_again(full: Program) -> None:
    with receiving() as receiver:
        url = receiver.url
    made = hook(full, url, "person.created")
    somebody(full)
    wait_for(lambda: bool(deliveries(full, made, "dead")), 30)
    assert "ConnectionRefusedError" in deliveries(full, made, "dead")[0]["answer"]
    full("DELETE", f"/webhooks/{made['id']}")


def test_a_hundred_megabytes_are_not_read(full: Program, receiver: Receiver) -> None:
    receiver.mood = "endless"
    made = hook(full, receiver.url, "person.created")
    began = time.monotonic()
    somebody(full)
    wait_for(lambda: bool(deliveries(full, made, "sent")), 15)
    assert time.monotonic() - began < 10
    full("DELETE", f"/webhooks/{made['id']}")


def test_one_that_is_slow_is_cut_and_holds_nobody_up(full: Program) -> None:
    with receiving() as slow, receiving() as well:
        slow.mood = "slow"
        first, second = hook(full, slow.url, "person"), hook(full, well.url, "person")
        for _ in range(3):
            somebody(full)
        wait_for(lambda: len(well.got) == 3, 45)
        wait_for(lambda: any("10 s" in one["answer"] for one in deliveries(full, first, "")), 45)
        for made in (first, second):
            full("DELETE", f"/webhooks/{made['id']}")


def test_two_that_are_slow_hold_no_third_up(full: Program) -> None:
    with receiving() as one, receiving() as other, receiving() as well:
        one.mood = other.mood = "tardy"
        made = [hook(full, place.url, "person") for place in (one, other, well)]
        for _ in range(8):
            somebody(full)
        wait_for(lambda: len(well.got) == 8, 60)
        assert len(one.got) < 8
        for each in made:
            full("DELETE", f"/webhooks/{each['id']}")


def test_a_secret_that_cannot_be_read_stops_nobody_else(
    service: Service, full: Program, receiver: Receiver
) -> None:
    broken, well = hook(full, receiver.url, "person"), hook(full, receiver.url, "person")
    change = "UPDATE webhooks_webhook SET secret = 'x' WHERE id = %s"
    service.rows(change, str(broken["id"]), commit=True)
    before = len(receiver.got)
    somebody(full)
    wait_for(lambda: len(receiver.got) > before, 20)
    wait_for(lambda: len(deliveries(full, broken, "dead")) == 1, 20)
    somebody(full)
    wait_for(lambda: len(deliveries(full, well, "sent")) == 2, 20)
    for made in (broken, well):
        full("DELETE", f"/webhooks/{made['id']}")


def test_webhooks_come_and_go_while_everybody_is_told(full: Program, receiver: Receiver) -> None:
    def come_and_go(_: int) -> list[int]:
        made = hook(full, receiver.url, "person")
        said = full("POST", "/people", {"email": f"w{next(_numbers)}@example.org"})
        return [said.status, full("DELETE", f"/webhooks/{made['id']}").status]

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(come_and_go, range(40)))
    assert {tuple(one) for one in found} == {(201, 204)}


WRONG = ["http://example.org/", "https://u:p@example.org/", "nonsense", "https://exämple.org/"]


def test_what_is_no_url_is_refused_at_once(tmp_path: Path) -> None:
    with serving(tmp_path, "proxies = 1") as strict:
        full = program(strict, "full", *SCOPES)
        for url in WRONG:
            said = full("POST", "/webhooks", {"name": "x", "url": url, "events": ["*"]})
            assert (said.status, said.data["status"]) == (422, 422)


# Forged on the server's side


def reached_inside(service: Service) -> bool:
    """Have the service send events to its own machine."""
    full = program(service, "full", *SCOPES)
    with receiving() as inside:
        for host in ("127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"):
            url = f"http://{host}:{inside.server_port}/"
            said = full("POST", "/webhooks", {"name": host, "url": url, "events": ["*"]})
            if said.status == 422:  # in clear
                url = url.replace("http:", "https:")
                full("POST", "/webhooks", {"name": host, "url": url, "events": ["*"]})
        somebody(full)
        time.sleep(3.0)
        hooks = full("GET", "/webhooks").data
        assert len(hooks) == 4
        answers = [one["answer"] for made in hooks for one in deliveries(full, made, "waiting")]
        assert all("not public" in one or "cannot be found" in one for one in answers) or inside.got
        return bool(inside.got)


def test_nothing_is_sent_inside(tmp_path: Path) -> None:
    with serving(tmp_path, "proxies = 1") as strict:
        assert not reached_inside(strict)


def test_it_would_be_without_the_judgement(tmp_path: Path) -> None:
    argv = (str(Path(weakened.__file__)), "events_anywhere")
    with serving(tmp_path, "proxies = 1", program=argv) as weak:
        assert reached_inside(weak)
