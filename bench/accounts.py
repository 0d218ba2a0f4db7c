"""The accounts service: sign-ins beside the machine's own rate of hashing, and what it takes."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import argon2

from bench.figures import Better, Figure, Peer
from bench.running import TURNS, BenchError, Report, run

PORT = 8499
PASSWORD = "magenta otter paddles north"  # noqa: S105 - of people who exist for a minute
MEMORY_KIB, PASSES = 19 * 1024, 2
PEOPLE = 50
IMPORTED = 20_000
TURN_S = 3.0
CLIENTS = 6
STARTS_WITHIN_S = 30.0
MEGABYTE = 1e6

SIGN_IN_SHARE = 0.85
CHECK_MS, IDLE_MB, START_S, IMPORT_PER_S = 1.5, 150.0, 2.5, 10_000.0


def measure(report: Report) -> list[Figure]:
    """Measure everything on a service of its own. Raises BenchError."""
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder:
        data = Path(folder) / "data"
        _people(Path(folder), data)
        report("starting and ending the service")
        starts = tuple(_start_seconds(data) for _ in range(TURNS))
        with _serving(data) as pid:
            idle = tuple(_worker_megabytes(pid) for _ in range(TURNS))
            report("signing in, and hashing beside it, in turn")
            signed_in, hashed = _in_turn()
            checks = tuple(_check_ms() for _ in range(TURNS))
        report(f"importing {IMPORTED} people")
        imports = tuple(_import_rate(Path(folder) / f"import-{turn}") for turn in range(TURNS))
    raw = Peer("argon2-cffi on every core", hashed)
    return [
        Figure("full sign-ins", "1/s", signed_in, raw, goal=SIGN_IN_SHARE, better=Better.HIGHER),
        Figure("session check over HTTP", "ms", checks, limit=CHECK_MS),
        Figure("memory of an idle worker", "MB", idle, limit=IDLE_MB),
        Figure("cold start to the first answer", "s", starts, limit=START_S),
        Figure("people imported", "1/s", imports, limit=IMPORT_PER_S, better=Better.HIGHER),
    ]


def _holdfast(*words: str) -> list[str]:
    return [sys.executable, "-m", "holdfast.cli.main", *words]


def _people(folder: Path, data: Path) -> None:
    hashed = "argon2id$" + argon2.PasswordHasher(PASSES, MEMORY_KIB, 1).hash(PASSWORD)
    people = folder / "people.jsonl"
    lines = ({"email": f"p{n}@example.org", "password_hash": hashed} for n in range(PEOPLE))
    people.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "accounts.toml").write_text("proxies = 1\n")
    run(_holdfast("people", "import", str(people), "--data", str(data)))


def _import_rate(folder: Path) -> float:
    """People a second, without the start of the interpreter: what an empty import takes."""
    folder.mkdir()
    many, none = folder / "many.jsonl", folder / "none.jsonl"
    hashed = "$2b$12$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
    none.write_text("")
    with many.open("w") as file:
        for n in range(IMPORTED):
            one = {"id": f"u{n}", "email": f"p{n}@example.org", "name": f"Person {n}"}
            file.write(json.dumps({**one, "password_hash": hashed}) + "\n")
    data = ("--data", str(folder / "data"))
    run(_holdfast("people", "import", str(none), *data))
    start = run(_holdfast("people", "import", str(none), *data)).seconds
    whole = run(_holdfast("people", "import", str(many), *data)).seconds
    return IMPORTED / max(whole - start, 0.001)


@contextmanager
def _serving(data: Path) -> Iterator[int]:
    argv = _holdfast("serve", "--data", str(data), "--listen", f"127.0.0.1:{PORT}")
    argv += ["--origin", f"http://localhost:{PORT}", "--config", str(data.parent / "accounts.toml")]
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _until_ready(process)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _until_ready(process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with _connected() as line:
                if b" 200 " in _answer(line, _request("GET", "/readyz"))[0]:
                    return
        except OSError:
            time.sleep(0.01)
    raise BenchError("the service does not answer")


def _start_seconds(data: Path) -> float:
    began = time.perf_counter()
    with _serving(data):
        return time.perf_counter() - began


def _worker_megabytes(pid: int) -> float:
    """The largest resident set among the workers."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    sizes = []
    for child in children:
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{child}/status").read_text())
        sizes.append(int(found[1]) * 1024 / MEGABYTE if found else 0.0)
    return max(sizes)


def _connected() -> socket.socket:
    line = socket.create_connection(("127.0.0.1", PORT), 30)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return line


def _request(method: str, path: str, headers: str = "", body: str = "") -> bytes:
    lines = f"{method} {path} HTTP/1.1\r\nHost: localhost:{PORT}\r\n{headers}"
    return f"{lines}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def _answer(line: socket.socket, request: bytes) -> tuple[bytes, bytes]:
    line.sendall(request)
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = line.recv(65536)
        if not chunk:
            raise OSError("the connection was closed")
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    found = re.search(rb"(?i)content-length: (\d+)", head)
    while found is not None and len(body) < int(found[1]):
        body += line.recv(65536)
    return head, body


def _form() -> tuple[str, str]:
    """The cookie and the token of a form."""
    with _connected() as line:
        head, body = _answer(line, _request("GET", "/login/"))
    cookie = re.search(rb"csrf=([^;]+)", head)
    token = re.search(rb'csrfmiddlewaretoken" value="([^"]+)"', body)
    if cookie is None or token is None:
        raise BenchError("the page to sign in has no form")
    return cookie[1].decode(), token[1].decode()


def _sign_in(cookie: str, token: str, person: int, network: str) -> bytes:
    body = f"csrfmiddlewaretoken={token}&login=p{person}%40example.org"
    body += f"&password={PASSWORD.replace(' ', '+')}"
    headers = (
        f"Origin: http://localhost:{PORT}\r\nCookie: csrf={cookie}\r\n"
        f"X-Forwarded-For: {network}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    )
    return _request("POST", "/login/", headers, body)


def _in_turn() -> tuple[tuple[float, ...], tuple[float, ...]]:
    form = _form()
    signed_in, hashed = [], []
    for turn in range(TURNS + 1):  # the first one warms up
        ours, raw = _signed_in_per_s(form, turn), _hashed_per_s()
        if turn:
            signed_in.append(ours)
            hashed.append(raw)
    return tuple(signed_in), tuple(hashed)


def _signed_in_per_s(form: tuple[str, str], turn: int) -> float:
    counts = [0] * CLIENTS
    until = time.perf_counter() + TURN_S

    def client(number: int) -> None:
        with _connected() as line:
            while time.perf_counter() < until:
                done = counts[number]
                network = f"10.{turn * CLIENTS + number}.{done // 250}.{done % 250}"
                person = (number * PEOPLE // CLIENTS + done) % PEOPLE
                head, _ = _answer(line, _sign_in(*form, person, network))
                if b" 302 " not in head:
                    raise BenchError(f"a sign-in was refused: {head[:60]!r}")
                counts[number] += 1

    began = time.perf_counter()
    threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - began)


def _hash(seconds: float) -> float:
    hasher = argon2.PasswordHasher(PASSES, MEMORY_KIB, 1)
    kept = hasher.hash(PASSWORD)
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        hasher.verify(kept, PASSWORD)
        count += 1
    return count / (time.perf_counter() - began)


def _hashed_per_s() -> float:
    cores = len(os.sched_getaffinity(0))
    with multiprocessing.get_context("spawn").Pool(cores) as pool:
        return sum(pool.map(_hash, [TURN_S] * cores, chunksize=1))


def _check_ms() -> float:
    """The median of many session checks over one connection."""
    cookie, token = _form()
    times = []
    with _connected() as line:
        head, _ = _answer(line, _sign_in(cookie, token, 0, "10.255.0.1"))
        session = re.search(rb"session=([^;]+)", head)
        if session is None:
            raise BenchError("no session was begun")
        request = _request("GET", "/account/session/", f"Cookie: session={session[1].decode()}\r\n")
        for _ in range(300):
            began = time.perf_counter()
            _answer(line, request)
            times.append(time.perf_counter() - began)
    return sorted(times)[150] * 1000
