from __future__ import annotations

import copy
import os
import pickle
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.site import Refused, Secret, SecretKind, SecretRef, SiteError, resolve
from holdfast.site import secrets as secrets_module

PASSWORD = "correct horse battery staple"


def of(text: str, folder: Path, *, host: str | None = "db", admin: str | None = "alice") -> str:
    ref = SecretRef.parse(text, key="admins.alice.totp")
    return resolve(ref, host=host, admin=admin, base_dir=folder).reveal()


def failure(text: str, folder: Path) -> str:
    with pytest.raises(SiteError) as caught:
        of(text, folder)
    message = str(caught.value)
    assert message.startswith("admins.alice.totp: ")
    assert PASSWORD not in message
    return message


def secret_file(folder: Path, content: str = PASSWORD, mode: int = 0o600) -> Path:
    file = folder / "secret"
    file.write_text(content)
    file.chmod(mode)
    return file


def test_a_variable_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_TEST_db", PASSWORD)
    assert of("env:HOLDFAST_TEST_{host}", tmp_path) == PASSWORD


def test_a_variable_that_is_not_set_is_named(tmp_path: Path) -> None:
    assert 'the variable "HOLDFAST_NOT_SET" is not set' in failure("env:HOLDFAST_NOT_SET", tmp_path)


def test_a_file_is_read_relative_to_the_site(tmp_path: Path) -> None:
    secret_file(tmp_path, f"{PASSWORD}\r\nsecond line\n")
    assert of("file:secret", tmp_path) == PASSWORD


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o620, 0o601, 0o660])
def test_a_file_that_others_may_use_is_refused(mode: int, tmp_path: Path) -> None:
    file = secret_file(tmp_path, mode=mode)
    assert f"chmod 600 {file}" in failure("file:secret", tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    os.chown(secret_file(tmp_path), 65534, 65534)
    assert "belongs to somebody else" in failure("file:secret", tmp_path)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert "is not a regular file" in failure("file:.", tmp_path)


def test_a_named_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert "is not a regular file" in failure("file:pipe", tmp_path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "cannot be read (No such file or directory)" in failure("file:absent", tmp_path)


def test_a_home_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "no known home folder" in failure("file:~nobody-of-this-name/x", tmp_path)


@pytest.mark.parametrize("content", ["", "\nsecond", "a\0b"])
def test_an_empty_or_broken_secret_is_refused(content: str, tmp_path: Path) -> None:
    secret_file(tmp_path, content)
    assert "is empty or not text" in failure("file:secret", tmp_path)


def test_a_large_file_is_refused(tmp_path: Path) -> None:
    secret_file(tmp_path, "x" * 4097)
    assert "larger than 4096 bytes" in failure("file:secret", tmp_path)


def test_a_file_of_the_largest_size_is_read(tmp_path: Path) -> None:
    secret_file(tmp_path, "x" * 4096)
    assert of("file:secret", tmp_path) == "x" * 4096


def script(folder: Path, body: str) -> str:
    file = folder / "give"
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(0o700)
    return "command:./give"


def test_a_commands_first_line_is_taken(tmp_path: Path) -> None:
    assert of(script(tmp_path, f"echo {PASSWORD}; echo more"), tmp_path) == PASSWORD


def test_a_placeholder_stays_one_argument(tmp_path: Path) -> None:
    ref = SecretRef.parse(script(tmp_path, 'echo "$#:$1"') + " 'a {host}/{admin}'")
    given = resolve(ref, host="x; id $(id)", admin="b c", base_dir=tmp_path)
    assert given.reveal() == "1:a x; id $(id)/b c"


def test_no_shell_reads_the_command(tmp_path: Path) -> None:
    assert of("command:echo $HOME `id` > x | cat", tmp_path) == "$HOME `id` > x | cat"


def test_the_commands_input_is_closed(tmp_path: Path) -> None:
    assert of(script(tmp_path, "read line || echo closed"), tmp_path) == "closed"


def test_a_failing_commands_output_is_not_repeated(tmp_path: Path) -> None:
    command = script(tmp_path, f"echo {PASSWORD}; echo {PASSWORD} >&2; exit 3")
    assert '"./give" ended with 3' in failure(command, tmp_path)


def test_a_command_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert '"./absent" cannot be run' in failure("command:./absent", tmp_path)


def test_a_command_without_end_is_stopped(tmp_path: Path) -> None:
    assert "larger than 4096 bytes" in failure("command:yes", tmp_path)


@pytest.mark.parametrize(
    "body", ["exec sleep 600", "sleep 600 & echo x", "exec >&-; exec sleep 600"]
)
def test_a_slow_command_is_stopped(
    body: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets_module, "COMMAND_TIMEOUT_S", 0.3)
    body = body.replace("sleep 600", "sleep 3")
    begin = time.monotonic()
    assert "took longer than" in failure(script(tmp_path, body), tmp_path)
    assert time.monotonic() - begin < 2.5


def test_a_placeholder_without_a_value_is_refused(tmp_path: Path) -> None:
    ref = SecretRef.parse("env:A_{host}", key="alerts.to[0]")
    with pytest.raises(SiteError, match=r"alerts.to\[0\]: \{host\} has no meaning here"):
        resolve(ref, base_dir=tmp_path)


def test_a_reference_is_read() -> None:
    ref = SecretRef.parse("command:pass show {host}/sudo")
    assert (ref.kind, ref.place) == (SecretKind.COMMAND, "pass show {host}/sudo")
    assert ref.placeholders == {"host"}


@pytest.mark.parametrize(
    "text",
    [
        "hunter2",
        "password:hunter2",
        "ENV:A",
        "env:",
        "env:A B",
        "env:1A",
        "file: ",
        "command:'",
        "command: ",
        "command:''",
        "file:{user}",
        "file:{",
        "command:a {}",
        "file:}{",
    ],
)
def test_what_is_no_reference_is_refused_unrepeated(text: str) -> None:
    with pytest.raises(Refused) as caught:
        SecretRef.parse(text)
    assert "hunter2" not in str(caught.value)


@given(st.text(min_size=1))
def test_a_secret_never_shows_itself(value: str) -> None:
    secret = Secret(value)
    shown = {repr(secret), str(secret), f"{secret}", f"{secret!r:>12}", repr([secret])}
    assert shown == {"Secret(****)", "[Secret(****)]"}


def test_a_secret_has_no_length_nor_place_in_a_set() -> None:
    with pytest.raises(TypeError):
        hash(Secret(PASSWORD))


@pytest.mark.parametrize("duplicate", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_secret_is_not_duplicated(duplicate: object) -> None:
    assert callable(duplicate)
    with pytest.raises(TypeError, match="a secret is not pickled"):
        duplicate(Secret(PASSWORD))


def test_secrets_are_compared_by_value() -> None:
    assert Secret("é") == Secret("é")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
