"""Secrets: where one is kept (`SecretRef`), and the secret itself (`Secret`).

The site file holds references only. A reference is resolved at the moment of use; nothing here
ever puts a secret, or what a command printed, into a message.
"""

from __future__ import annotations

import hmac
import os
import re
import select
import shlex
import stat
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import NoReturn, Self

from holdfast.site.errors import Problem, Refused, SiteError, shown

LARGEST_SECRET = 4096  # bytes
COMMAND_TIMEOUT_S = 60.0
PLACEHOLDERS = ("host", "admin")
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_{}-]*")
FORMS = 'write "env:NAME", "file:PATH" or "command:PROGRAM …"'


class SecretKind(StrEnum):
    """Where a secret is kept."""

    ENV = "env"
    FILE = "file"
    COMMAND = "command"


@dataclass(frozen=True)
class SecretRef:
    """Where a secret is kept: `env:NAME`, `file:PATH` or `command:PROGRAM …`, never the secret.

    `place` may hold `{host}` and `{admin}`. `key` is the key of the site file it stands at, for
    messages.
    """

    kind: SecretKind
    place: str
    key: str = field(default="", compare=False)

    @classmethod
    def parse(cls, text: str, *, key: str = "") -> Self:
        """Reads a reference; raises `Refused`, never repeating what it was given."""
        kind, colon, place = text.partition(":")
        if not colon or kind not in list(SecretKind):
            raise Refused("a secret must not stand in this file", FORMS)
        if not place.strip():
            raise Refused(f"nothing stands after {kind}:", FORMS)
        if set(PLACEHOLDER.findall(place)) - set(PLACEHOLDERS) or _braces_left(place):
            raise Refused(
                "only {host} and {admin} may stand in braces",
                "put anything else into a script and name the script",
            )
        if kind == SecretKind.ENV and not VARIABLE.fullmatch(place):
            raise Refused("after env: stands no name of a variable", FORMS)
        if kind == SecretKind.COMMAND:
            _words(place)
        return cls(SecretKind(kind), place, key)

    @property
    def placeholders(self) -> frozenset[str]:
        """Which of `host` and `admin` it depends on."""
        return frozenset(PLACEHOLDER.findall(self.place))

    def __str__(self) -> str:
        return f"{self.kind}:{self.place}"


class Secret:
    """A secret in memory: hidden when shown, not picklable, compared in constant time."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself; call it where it is sent, and keep no other name for it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(****)"

    def __str__(self) -> str:
        return "Secret(****)"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")


def resolve(
    ref: SecretRef, *, host: str | None = None, admin: str | None = None, base_dir: Path
) -> Secret:
    """Fetches the secret for one host and admin; paths are relative to `base_dir`.

    Raises `SiteError`, which names the reference's key and never holds any of what was fetched.
    """
    given = {name: value for name, value in (("host", host), ("admin", admin)) if value is not None}
    if missing := ref.placeholders - set(given):
        _fail(ref, f"{{{min(missing)}}} has no meaning here", "remove it")
    match ref.kind:
        case SecretKind.ENV:
            content = _from_env(ref, _filled(ref.place, given))
        case SecretKind.FILE:
            content = _from_file(ref, base_dir, _filled(ref.place, given))
        case SecretKind.COMMAND:
            words = [_filled(word, given) for word in _words(ref.place)]
            content = _from_command(ref, words, base_dir)
    return Secret(_first_line(ref, content))


def _from_env(ref: SecretRef, name: str) -> bytes:
    value = os.environb.get(name.encode())
    if value is None:
        _fail(ref, f"the variable {shown(name)} is not set", "set it for this run")
    return value


def _from_file(ref: SecretRef, base_dir: Path, place: str) -> bytes:
    try:
        path = base_dir / Path(place).expanduser()
    except RuntimeError:
        _fail(ref, f"{shown(place)} begins with no known home folder", "write the whole path")
    try:
        # Without O_NONBLOCK a named pipe would wait for its writer for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        _fail(ref, f"{shown(str(path))} cannot be read ({reason})", "put the secret there")
    try:
        if problem := unfit(path, os.fstat(descriptor)):
            _fail(ref, *problem)
        return _read(descriptor, LARGEST_SECRET + 1)
    finally:
        os.close(descriptor)


def unfit(path: Path, state: os.stat_result) -> tuple[str, str] | None:
    """Why a file may hold no secret, and the mend; None where it may."""
    if not stat.S_ISREG(state.st_mode):
        return f"{shown(str(path))} is not a regular file", "name a file"
    if state.st_uid not in {os.geteuid(), 0}:
        return f"{shown(str(path))} belongs to somebody else", "chown it to yourself"
    if stat.S_IMODE(state.st_mode) & 0o077:
        return f"others may use {shown(str(path))}", f"chmod 600 {shlex.quote(str(path))}"
    return None


def _read(descriptor: int, limit: int) -> bytes:
    content = b""
    while len(content) < limit and (piece := os.read(descriptor, limit - len(content))):
        content += piece
    return content


def _from_command(ref: SecretRef, words: list[str], base_dir: Path) -> bytes:
    try:
        process = subprocess.Popen(
            words,
            cwd=base_dir,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a command"
        _fail(ref, f"{shown(words[0])} cannot be run ({reason})", "install it or mend the command")
    try:
        deadline = time.monotonic() + COMMAND_TIMEOUT_S
        content = _output(ref, process, deadline)
        if len(content) > LARGEST_SECRET:
            return content
        try:
            code = process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            _too_slow(ref, words[0])
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
    if code != 0:
        _fail(ref, f"{shown(words[0])} ended with {code}", "run the command by hand to see why")
    return content


def _output(ref: SecretRef, process: subprocess.Popen[bytes], deadline: float) -> bytes:
    """What the command prints, up to one byte more than a secret may have."""
    if process.stdout is None:
        raise AssertionError("the command was started with a pipe")
    descriptor = process.stdout.fileno()
    content = b""
    while len(content) <= LARGEST_SECRET:
        # A child of the command may hold the pipe open, so each read waits for the deadline only.
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            _too_slow(ref, "the command")
        piece = os.read(descriptor, LARGEST_SECRET + 1 - len(content))
        if not piece:
            break
        content += piece
    return content


def _first_line(ref: SecretRef, content: bytes) -> str:
    if len(content) > LARGEST_SECRET:
        _fail(ref, f"the secret is larger than {LARGEST_SECRET} bytes", "give the secret alone")
    line = content.partition(b"\n")[0].removesuffix(b"\r")
    try:
        text = line.decode()
    except UnicodeDecodeError:
        text = ""
    if not text or "\0" in text:
        _fail(ref, "the secret is empty or not text", "put it on the first line, in UTF-8")
    return text


def _filled(text: str, given: Mapping[str, str]) -> str:
    return PLACEHOLDER.sub(lambda match: given[match[1]], text)


def _words(place: str) -> list[str]:
    try:
        words = shlex.split(place)
    except ValueError:
        raise Refused("a quote in the command is not closed", "close it") from None
    if not words or not words[0]:
        raise Refused("the command is empty", FORMS)
    return words


def _braces_left(place: str) -> bool:
    return bool(set("{}") & set(PLACEHOLDER.sub("", place)))


def _too_slow(ref: SecretRef, program: str) -> NoReturn:
    _fail(
        ref,
        f"{program} took longer than {COMMAND_TIMEOUT_S:.0f} s",
        "unlock the password store first, or name a faster command",
    )


def _fail(ref: SecretRef, what: str, mend: str) -> NoReturn:
    raise SiteError([Problem(ref.key or str(ref.kind), None, "", what, mend)]) from None
