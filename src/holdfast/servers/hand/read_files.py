"""Files of the host as plain data: their owner, mode, digest and, where it is harmless, content.

Part of what is read here belongs to ordinary users, who may put a pipe, a device, a link to
somebody else's secret or a terabyte where a small text is expected. So a path is opened without
effect first (O_PATH), looked at, and only then read, through the same handle.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
from typing import Any, Callable, Dict, Mapping, NamedTuple, Optional

from .read_programs import CannotRead, as_text

LARGEST_CONTENT = 256 * 1024
LARGEST_DIGESTED = 8 * 1024 * 1024
CHUNK = 64 * 1024  # the kernel refuses larger reads of its own files
NO_DIGEST = "0" * 64  # stands for: no file or too large, nothing was digested
EMPTY_DIGEST = hashlib.sha256(b"").hexdigest()

# What gives a secret away: private keys, age identities, second factors.
SECRET_MARKS = ("PRIVATE KEY-----", "AGE-SECRET-KEY-", '" TOTP_AUTH', '" HOTP_COUNTER')

State = Dict[str, Any]  # as `FileState` of the snapshot


class Names(NamedTuple):
    """The names of users and groups by number, as the host's own files give them."""

    users: Mapping[int, str]
    groups: Mapping[int, str]


class Opened(NamedTuple):
    """A path as it was found: `data` is None for what is no file or too large to digest."""

    found: os.stat_result
    data: Optional[bytes]
    real_path: str


class Allowance:
    """How much content one section may still hold, as JSON, so that nobody can burst a snapshot."""

    def __init__(self, bytes_left: int) -> None:
        self._left = bytes_left

    def grants(self, content: Optional[str]) -> bool:
        """Take the content's size off what is left; False where it no longer fits."""
        self._left -= 0 if content is None else len(json.dumps(content))
        return self._left >= 0


def cannot_read(path: str, error: OSError) -> CannotRead:
    """Return the reason in the words that every section uses."""
    if error.errno in (errno.EACCES, errno.EPERM) and os.geteuid() != 0:
        return CannotRead("needs root")
    return CannotRead(f"{path[:200]}: {error.strerror or error}")


def open_without_effect(path: str) -> Opened:
    """Look at a path, links followed, and read it if it is an ordinary file. Raises OSError."""
    handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        found = os.fstat(handle)
        itself = f"/proc/self/fd/{handle}"
        small_file = stat.S_ISREG(found.st_mode) and found.st_size <= LARGEST_DIGESTED
        data = _read(itself) if small_file else None
        return Opened(found, data, os.readlink(itself))
    finally:
        os.close(handle)


def _read(path: str) -> Optional[bytes]:
    data = bytearray()
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        while len(data) <= LARGEST_DIGESTED:
            chunk = os.read(handle, CHUNK)
            if not chunk:
                return bytes(data)
            data += chunk
    finally:
        os.close(handle)
    return None  # it grows while it is read


def read_text(path: str) -> str:
    """Return a system file's text, undecodable bytes escaped. Raises CannotRead."""
    try:
        data = open_without_effect(path).data
    except OSError as error:
        raise cannot_read(path, error) from error
    if data is None:
        raise CannotRead(f"{path} is no file or is larger than {LARGEST_DIGESTED} bytes")
    return as_text(data)


def read_text_if_any(path: str) -> Optional[str]:
    """Return a system file's text, or None where there is none. Raises CannotRead."""
    return read_text(path) if os.path.lexists(path) else None


def shown(data: bytes) -> Optional[str]:
    """Return a file's content as far as a snapshot may hold it: small text without secrets."""
    if len(data) > LARGEST_CONTENT:
        return None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if any(mark in text for mark in SECRET_MARKS) else text


def state_of(opened: Opened, names: Names, show: Callable[[bytes], Optional[str]] = shown) -> State:
    """Return what a snapshot says of a file or folder; `show` decides about its content."""
    found, data, _ = opened
    if stat.S_ISDIR(found.st_mode):
        digest, content = EMPTY_DIGEST, ""  # type: tuple[str, Optional[str]]
    elif data is None:
        digest, content = NO_DIGEST, None
    else:
        digest, content = hashlib.sha256(data).hexdigest(), show(data)
    return {
        "mode": stat.S_IMODE(found.st_mode),
        "owner": names.users.get(found.st_uid, str(found.st_uid)),
        "group": names.groups.get(found.st_gid, str(found.st_gid)),
        "sha256": digest,
        "content": content,
    }
