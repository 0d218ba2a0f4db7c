"""The accounts service as it really runs, and a browser without a screen to use it by."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import psycopg
import pymysql
from django.contrib.sessions.serializers import JSONSerializer
from django.core import signing

from holdfast.accounts.secret_key import secret_key

CHEAP = "[passwords.argon2]\nmemory_kib = 7168\npasses = 1\n"
GOOD = "magenta otter paddles north"
GENEROUS = "[gate]\ngenerous = 1000\n"
"""Where a test is about something else, the gate never closes."""
STARTS_WITHIN_S = 30.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Service:
    """A running service: where it is, what it keeps, what it has said."""

    port: int
    data: Path
    process: subprocess.Popen[bytes]
    said: Path
    database: str | None = None
    """The URL of its database; None is SQLite in `data`."""

    def rows(self, statement: str, *values: str, commit: bool = False) -> list[tuple[Any, ...]]:
        """What a statement yields, with %s for values and names in double quotes."""
        with closing(self._connected()) as connection, closing(connection.cursor()) as cursor:
            if self.database is None:
                statement = statement.replace("%s", "?")
            cursor.execute(statement, values)
            found = [tuple(row) for row in cursor.fetchall()] if cursor.description else []
            if commit:
                connection.commit()
            return found

    def _connected(self) -> Any:
        if self.database is None:
            return sqlite3.connect(self.data / "accounts.sqlite3", timeout=20)
        if self.database.startswith("postgresql:"):
            return psycopg.connect(self.database)
        at = urlsplit(self.database)
        return pymysql.connect(
            host=at.hostname,
            port=at.port or 0,
            user=at.username,
            password=at.password or "",
            database=at.path.strip("/"),
            sql_mode="ANSI_QUOTES",
        )

    @property
    def origin(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def log(self) -> str:
        return self.said.read_text(errors="replace")

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What was logged, each line as an object."""
        return [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]

    def first_link(self) -> str:
        found = re.search(rf"{self.origin}/first/\S+", self.log)
        assert found is not None, self.log
        return found[0]

    def mails(self, to: str) -> list[str]:
        """The mails to an address, the oldest first."""
        files = sorted((self.data / "outbox").glob("*"), key=lambda path: path.stat().st_mtime_ns)
        texts = [path.read_text() for path in files]
        return [text for text in texts if re.search(rf"^To: {re.escape(to)}$", text, re.M)]

    def without_password(self, email: str) -> None:
        """Let somebody have none, as whoever comes by mailed codes or a provider alone."""
        change = "UPDATE people_person SET password = %s WHERE email = %s"
        self.rows(change, "!", email, commit=True)

    def workers(self) -> list[int]:
        found = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in found.split()]


@contextmanager
def serving(
    folder: Path,
    settings: str = "",
    *,
    program: tuple[str, ...] = ("-m", "holdfast.cli.main"),
    workers: int = 2,
) -> Iterator[Service]:
    """Run the service in a folder of its own; `settings` go on in its file."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "accounts.toml"
    gate = "" if "[gate]" in settings else GENEROUS
    config.write_text(f"{settings}\n{gate}{CHEAP}")
    said = folder / "said"
    argv = [sys.executable, *program, "serve", "--config", str(config)]
    argv += ["--data", str(folder / "data"), "--listen", f"127.0.0.1:{port}"]
    argv += ["--origin", f"http://localhost:{port}", "--workers", str(workers)]
    with said.open("wb") as output:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    service = Service(port, folder / "data", process, said)
    try:
        wait_until_ready(service)
        yield service
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def wait_for(condition: Callable[[], bool], within_s: float = 10.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def wait_until_ready(service: Service) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_S
    while True:
        assert service.process.poll() is None, service.log
        try:
            if Browser(service).get("/readyz").status == 200:
                return
        except OSError:
            pass
        assert time.monotonic() < deadline, service.log
        time.sleep(0.05)


@dataclass
class Page:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: str
    url: str
    cookies: list[str]

    def form(self, action: str = "") -> dict[str, str]:
        """The fields of the form in the content whose action ends so, as a browser would send."""
        _, _, content = self.body.partition("<main")
        for match in re.finditer(r"<form([^>]*)>(.*?)</form>", content or self.body, re.S):
            where = re.search(r'action="([^"]*)"', match[1])
            if not action or (where is not None and unescape(where[1]).endswith(action)):
                return dict(_fields(match[2]))
        raise AssertionError(f"no form {action!r} in {self.body[:3000]}")


def _fields(html: str) -> Iterator[tuple[str, str]]:
    for tag in re.findall(r"<input\b[^>]*>", html):
        name = re.search(r'\bname="([^"]*)"', tag)
        value = re.search(r'\bvalue="([^"]*)"', tag)
        off = 'type="checkbox"' in tag and " checked" not in tag
        if name is not None and not off and not ('type="radio"' in tag and " checked" not in tag):
            yield unescape(name[1]), unescape(value[1]) if value else ""


@dataclass
class Browser:
    """Keeps cookies, follows nothing by itself."""

    service: Service
    address: str = ""
    jar: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **headers: str) -> Page:
        return self.send("GET", path, None, headers)

    def post(self, path: str, data: Mapping[str, str], **headers: str) -> Page:
        body = urlencode(data).encode()
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.send("POST", path, body, {**kind, "Origin": self.service.origin, **headers})

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Page:
        parts = urlsplit(urljoin(f"{self.service.origin}/", path))
        sent = {"Host": f"localhost:{self.service.port}", "User-Agent": "test", **headers}
        if self.jar:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        if self.address:
            sent["X-Forwarded-For"] = self.address
        connection = http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=30)
        try:
            target = parts.path + (f"?{parts.query}" if parts.query else "")
            connection.request(method, target, body, sent)
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        finally:
            connection.close()
        cookies = answer.headers.get_all("Set-Cookie") or []
        for cookie in cookies:
            name, _, value = cookie.partition(";")[0].strip().partition("=")
            if value in ("", '""'):
                self.jar.pop(name, None)
            else:
                self.jar[name] = value
        return Page(answer.status, dict(answer.headers.items()), text, path, cookies)

    def follow(self, page: Page) -> Page:
        """Go where a page leads, until one is shown."""
        for _ in range(6):
            if page.status not in (301, 302, 303):
                return page
            page = self.get(page.headers["Location"])
        raise AssertionError("it leads in circles")

    def submit(self, path: str, action: str = "", **given: str) -> Page:
        """Open a page, fill in its form, send it, and go where that leads."""
        page = self.get(path)
        return self.follow(self.post(path, {**page.form(action), **given}))

    # The stories that every test begins with

    def sign_up(self, email: str, password: str = GOOD, **fields: str) -> Page:
        """As far as the page that asks for the mailed code."""
        return self.submit("/signup/", email=email, password1=password, **fields)

    def join(self, email: str, password: str = GOOD, **fields: str) -> Page:
        """Sign up and give the code."""
        page = self.sign_up(email, password, **fields)
        assert "confirm-email" in page.url, page.body
        return self.submit("/confirm-email/", code=code_in(self.service.mails(email)[-1]))

    def sign_in(self, login: str, password: str = GOOD, **fields: str) -> Page:
        return self.submit("/login/", "/login/", login=login, password=password, **fields)

    def enrol(self) -> tuple[str, list[str]]:
        """Set a second factor up; return its secret and the recovery codes."""
        self.confirm()
        for _ in range(3):  # a code may end on its way
            page = self.get("/2fa/totp/activate/")
            secret = re.search(r'id="authenticator_secret"[^>]*value="([A-Z2-7]+)"', page.body)
            assert secret is not None, page.body
            filled = {**page.form(), "code": totp(secret[1])}
            page = self.follow(self.post("/2fa/totp/activate/", filled))
            shown = re.search(r"<textarea[^>]*>([^<]*)</textarea>", page.body)
            if shown is not None:
                return secret[1], shown[1].split()
        raise AssertionError(page.body)

    def confirm(self, password: str = GOOD) -> Page:
        """Show once more that it is really them."""
        return self.submit("/reauthenticate/", password=password)

    def by_mailed_code(self, email: str) -> Page:
        """Sign in by a code that is mailed."""
        self.submit("/login/code/", email=email)
        return self.submit("/login/code/confirm/", code=code_in(self.service.mails(email)[-1]))

    def token(self) -> str:
        """What every form of somebody who is signed in holds."""
        return self.get("/logout/").form()["csrfmiddlewaretoken"]

    def who(self) -> str | None:
        """Who is signed in."""
        page = self.get("/account/session/")
        found = json.loads(page.body)
        person: str | None = found.get("person")
        assert (page.status == 200) == (person is not None)
        return person


def late(service: Service) -> None:
    """Let everybody have shown ten minutes ago who they are."""
    key, salt = secret_key(service.data), "django.contrib.sessions.SessionStore"
    for name, data in service.rows("SELECT session_key, session_data FROM django_session"):
        kept = signing.loads(data, key=key, salt=salt, serializer=JSONSerializer)
        kept["began"] = kept.get("began", 0) - 600
        for record in kept.get("account_authentication_methods", []):
            record["at"] -= 600
        data = signing.dumps(kept, key=key, salt=salt, serializer=JSONSerializer, compress=True)
        change = "UPDATE django_session SET session_data = %s WHERE session_key = %s"
        service.rows(change, data, name, commit=True)


def visitors(network: int) -> Callable[[Service], Browser]:
    """Return what makes browsers; each has an address of its own, so that no limit of another
    counts, from 10.NETWORK.0.0 on."""
    numbers = itertools.count(1)

    def fresh(service: Service) -> Browser:
        high, low = divmod(next(numbers), 250)
        return Browser(service, f"10.{network + high // 250}.{high % 250}.{low + 1}")

    return fresh


@contextmanager
def signing_up(fresh: Callable[[], Browser], numbers: Iterator[int]) -> Iterator[list[str]]:
    """Have people sign up all the time; yield the addresses whose sign-up was answered."""
    answered: list[str] = []
    stop = threading.Event()

    def sign_up() -> None:
        while not stop.is_set():
            email = f"kill{next(numbers)}@example.org"
            try:
                page = fresh().sign_up(email)
            except (OSError, http.client.HTTPException, AssertionError):
                continue  # whatever is killed meanwhile
            if "confirm-email" in page.url:
                answered.append(email)

    threads = [threading.Thread(target=sign_up) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        yield answered
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def totp(secret: str, later_s: int = 0) -> str:
    """The code of an authenticator (RFC 6238), by allauth's own arithmetic."""
    from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value

    return str(format_hotp_value(hotp_value(secret, int(time.time() + later_s) // 30)))


def code_in(mail: str) -> str:
    found = re.search(r"^([A-Z0-9]{4}-[A-Z0-9]{4})\s*$", mail, re.M)
    assert found is not None, mail
    return found[1]


def link_in(mail: str) -> str:
    found = re.search(r"https?://\S+", mail.replace("=\n", "").replace("=3D", "="))
    assert found is not None, mail
    return found[0]
