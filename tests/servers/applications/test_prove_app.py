"""`prove --app` as an operator runs it: on a real server, from outside and from its inside."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from driving import Done, apply, eventually, holdfast

from holdfast.lab import Host

SERVING = Path(__file__).parents[2] / "examples" / "todo_serving.py"
NAME = "todo.example.com"
STARTS_WITHIN_S = 30.0


@contextmanager
def running(host: Host, folder: Path, listen: str, *more: str) -> Iterator[None]:
    """Run the to-do list of the tests in the network of a host."""
    argv = [sys.executable, str(SERVING), "serve", str(folder), listen, *more]
    inside = ["nsenter", "-t", str(host.pid), "-n", "--", *argv]
    process = subprocess.Popen(inside, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    port = listen.rpartition(":")[2]
    try:
        eventually(lambda: _listens(host, port), STARTS_WITHIN_S, "the application listens")
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def _listens(host: Host, port: str) -> bool:
    return f":{port} " in host.check(["ss", "-Hltn"])


@pytest.fixture
def site(lab_site: Path, tmp_path: Path) -> Iterator[Path]:
    """The lab's site with the application and the people of its trial."""
    file = lab_site / "holdfast.toml"
    before = file.read_text()

    def session(person: str) -> str:
        argv = [sys.executable, str(SERVING), "session", str(tmp_path), person]
        return f"command:{shlex.join(argv)}"

    file.write_text(
        f"{before}\n"
        f'[apps.todo]\nhost = "app"\nuser = "todo"\nlisten = "127.0.0.1:3000"\n'
        f'names = ["{NAME}"]\n\n'
        f'[apps.todo.trial]\nfirst = "{session("ann")}"\nsecond = "{session("bob")}"\n'
        f'roleless = "{session("zoe")}"\nstart = ["/", "/api/todos?sort=title"]\n'
        f'known_as = ["ann"]\nrole = "CREATE_TODO"\nsign_out = "/guard/sign-out"\n'
    )
    yield lab_site
    file.write_text(before)


def prove(site: Path, *arguments: str) -> Done:
    return holdfast("prove", "--app", "todo", *arguments, "--format", "json", site=site)


def ends(done: Done) -> dict[str, str]:
    assert done.code in (0, 1, 3), done
    return {one["attack"]: one["outcome"] for one in done.data["attacks"]}


def test_an_application_is_attacked_from_its_inside_on_a_host_that_forwards_nothing(
    site: Path, tmp_path: Path, untouched: Callable[[str], Host]
) -> None:
    host = untouched("bookworm")
    assert apply(site, "app").code == 0
    with running(host, tmp_path, "127.0.0.1:3000", "no_csrf"):
        weak = prove(site, "--inside")
    with running(host, tmp_path, "127.0.0.1:3000"):
        sound = holdfast("prove", "--app", "todo", "--inside", site=site)
    gone = prove(site, "--inside")
    report = holdfast("report", "--format", "json", site=site).data

    assert (weak.code, ends(weak)["app.csrf/hidden-form"]) == (1, "succeeded")
    told = {(one["app"], one["host"], one["vantage"]) for one in weak.data["attacks"]}
    assert told == {("todo", "app", "app")}
    lines = sound.out.splitlines()
    assert (sound.code, lines[0], lines[-1]) == (0, "todo on app", "1 application: 1 repelled all")
    assert "guard-session" not in sound.out + weak.out
    assert (gone.code, set(ends(gone).values())) == (3, {"inconclusive"})
    story = next(one for one in report["attacks"] if one["attack"] == "app.csrf/hidden-form")
    assert (story["app"], story["first"]["outcome"]) == ("todo", "succeeded")


def test_an_application_is_attacked_from_outside_at_its_own_host(
    site: Path,
    tmp_path: Path,
    untouched: Callable[[str], Host],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever the DNS says of its name, which there is none of: example.com is not ours."""
    host = untouched("bookworm")
    certificate = certified(tmp_path)
    with running(host, tmp_path, "0.0.0.0:443", "no_headers", *certificate):
        unknown = prove(site)
        monkeypatch.setenv("SSL_CERT_FILE", certificate[0])
        found = prove(site)

    assert (unknown.code, set(ends(unknown).values())) == (3, {"inconclusive"})
    assert "SSL_CERT_FILE" in unknown.data["attacks"][0]["evidence"]
    assert ends(found)["web.headers/frame"] == "succeeded"
    left = {name for name, outcome in ends(found).items() if outcome != "repelled"}
    assert {name.partition("/")[0] for name in left} == {"web.headers"}
    assert {one["vantage"] for one in found.data["attacks"]} == {"outside"}


def certified(folder: Path) -> Sequence[str]:
    """Return the files of a certificate that nobody but its maker trusts, and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = folder / "cert.pem", folder / "key.pem"
    files[0].write_bytes(built.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return [str(file) for file in files]
