"""What the service is told: what is refused, in which words, and that no secret is repeated."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from accounts.service import serving, wait_for
from holdfast.accounts.configuration import Configuration, ConfigurationError, load
from holdfast.accounts.databases import cache, database
from holdfast.accounts.mail.servers import Server
from holdfast.accounts.people.colours import CONTRAST, DARK, LIGHT, contrast, parsed, readable_on
from holdfast.accounts.secret_key import secret_key
from holdfast.accounts.server import GRACE_S

ORIGIN = 'origin = "https://accounts.example.com"\nmail = "smtp://localhost:25"\n'


def loaded(folder: Path, text: str) -> Configuration:
    path = folder / "accounts.toml"
    path.write_text(text)
    return load(path, {}, lambda key, value: value)


REFUSED = {
    'origin = "http://accounts.example.com"\nmail = "smtp://x"': "put TLS in front",
    'origin = "https://accounts.example.com"': "name a server, as in smtp://localhost:25",
    f"{ORIGIN}debug = true": "shows secrets to visitors",
    'listen = "0.0.0.0:8400"': "is reachable by others while origin is",
    'origin = "accounts.example.com"': "write scheme and name",
    'origin = "https://u:p@accounts.example.com"': "write scheme and name",
    'origin = "https://accounts.example.com/x"': "nothing may follow",
    'listen = "8400"': "write address and port",
    "workers = 0": "workers: ",
    "unknown = 1": "unknown: ",
    "[passwords.argon2]\nmemory_kib = 1024": "passwords.argon2.memory_kib: ",
    '[[passwords.peppers]]\nname = "a"\nkey = "short"': "passwords.peppers.0.key: ",
    '[applications.x]\nredirect = ["https://x.example/"]\nown_form = true': "its server alone",
    '[look]\ncolour = "red"': "look.colour: ",
    "not toml": "accounts.toml: ",
}


@pytest.mark.parametrize(("text", "said"), REFUSED.items())
def test_what_would_be_unsafe_or_makes_no_sense_is_refused(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        loaded(tmp_path, text)
    assert said in str(refused.value)
    assert "short" not in str(refused.value)


def test_a_production_service_is_accepted(tmp_path: Path) -> None:
    chosen = loaded(tmp_path, f'{ORIGIN}listen = "0.0.0.0:8400"')
    assert (chosen.hostname, chosen.local) == ("accounts.example.com", False)


def test_a_configuration_shows_no_secret(tmp_path: Path) -> None:
    chosen = loaded(
        tmp_path, 'database = "postgresql://u:hunter2@h/n"\nmail = "smtp://u:hunter2@h"'
    )
    assert "hunter2" not in repr(chosen)


DATABASES = {
    "postgresql://u:p@h:5432/n": ("postgresql", "n"),
    "mysql://u:p@h/n": ("mysql", "n"),
    "mariadb://u@h/n": ("mysql", "n"),
}


@pytest.mark.parametrize(("url", "is_"), DATABASES.items())
def test_a_database_is_named_by_its_url(url: str, is_: tuple[str, str]) -> None:
    found = database(Configuration.model_validate({"database": url}))
    assert (found["ENGINE"].rpartition(".")[2], found["NAME"]) == is_


@pytest.mark.parametrize("url", ["oracle://h/n", "postgresql://h", "hunter2", "sqlite:///x"])
def test_another_database_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="write postgresql://"):
        database(Configuration.model_validate({"database": url}))


def test_another_cache_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="write redis://"):
        cache(Configuration.model_validate({"cache": "memcached://h"}))


@pytest.mark.parametrize("url", ["h:25", "http://h", "smtp://", "smtp://h:x"])
def test_another_mail_server_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ConfigurationError, match="as in smtp://HOST:25"):
        Server.parse(url)


def test_a_mail_server_is_named_by_its_url() -> None:
    found = Server.parse("smtp+starttls://me%40x:p%2Fw@mail.example")
    assert (found.host, found.port, found.user, found.password) == (
        "mail.example",
        587,
        "me@x",
        "p/w",
    )


def test_a_secret_key_is_made_once_and_private(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    key = secret_key(folder)
    assert len(key) >= 64
    assert secret_key(folder) == key
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "secret-key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["", "secret-key"])
def test_a_key_that_others_could_read_is_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "data"
    secret_key(folder)
    (folder / name).chmod(0o755)
    with pytest.raises(ConfigurationError, match="chmod go="):
        secret_key(folder)


def test_a_key_that_is_too_short_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    secret_key(folder)
    (folder / "secret-key").write_text("short")
    with pytest.raises(ConfigurationError, match="is no key of 64 characters"):
        secret_key(folder)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "holdfast.cli.main", "serve", *arguments]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def test_a_password_on_the_command_line_is_refused_and_not_repeated(tmp_path: Path) -> None:
    done = run("--data", str(tmp_path), "--database", "postgresql://me:hunter2@h/n")
    assert done.returncode == 2
    assert done.stderr.startswith("holdfast: --database: a password must not stand on the command")
    assert "hunter2" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_that_is_away_is_said_in_a_line(tmp_path: Path) -> None:
    done = run("--data", str(tmp_path / "d"), "--database", "postgresql://me@127.0.0.1:1/n")
    assert done.returncode == 2
    assert "database: it cannot be used" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_said_in_a_line(tmp_path: Path) -> None:
    with serving(tmp_path) as service:
        port = f"127.0.0.1:{service.port}"
        done = run("--data", str(tmp_path / "other"), "--listen", port)
    assert done.returncode == 2
    assert f"listen: {port}: Address already in use" in done.stderr


def test_a_public_origin_without_tls_is_not_served(tmp_path: Path) -> None:
    done = run("--data", str(tmp_path), "--origin", "http://accounts.example.com")
    assert done.returncode == 2
    assert not (tmp_path / "secret-key").exists()


def test_a_secret_is_taken_from_a_private_file(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("postgresql://me:hunter2@127.0.0.1:1/n\n")
    secret.chmod(0o600)
    done = run("--data", str(tmp_path / "d"), "--database", f"file:{secret}")
    assert "database: it cannot be used" in done.stderr
    assert "hunter2" not in done.stderr
    secret.chmod(0o644)
    assert "others may use" in run("--database", f"file:{secret}").stderr


def test_the_service_ends_in_order_and_leaves_no_process(tmp_path: Path) -> None:
    with serving(tmp_path) as service:
        wait_for(lambda: len(service.workers()) == 2)
        workers = service.workers()
        service.process.terminate()
        # a worker that has only just begun may miss it, and is killed after its time of grace, by
        # the last that its parent does
        assert service.process.wait(2 * GRACE_S) == 0
        wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), 5)


@pytest.mark.parametrize(
    "colour", ["#1f5fbf", "#ffff00", "#000000", "#ffffff", "#777777", "#ff0000"]
)
def test_every_colour_can_be_read_on_both_grounds(colour: str) -> None:
    for ground in (LIGHT, DARK):
        assert contrast(readable_on(ground, parsed(colour)), ground) >= CONTRAST
