"""Whether a private key on the admin's own machine is protected; its content is never kept.

The format is OpenSSH's PROTOCOL.key: a magic, then the cipher's name, `none` without passphrase.
"""

from __future__ import annotations

import base64
import binascii
import re
from enum import StrEnum
from pathlib import Path

LARGEST_KEY_FILE = 64 * 1024
MAGIC = b"openssh-key-v1\0"
ARMOUR = re.compile(rb"-----BEGIN ([A-Z ]*)PRIVATE KEY-----(.*?)-----END", re.DOTALL)


class Protection(StrEnum):
    """How a private key file is protected."""

    PASSPHRASE = "passphrase"  # noqa: S105
    NONE = "none"
    SECURITY_KEY = "security key"
    UNKNOWN = "unknown"


def protection(path: Path) -> Protection:
    """Judges the private key file at `path`; `UNKNOWN` where none can be read."""
    found = _armoured(path)
    if found is None:
        return Protection.UNKNOWN
    kind, body = found
    if kind == b"OPENSSH":
        return _openssh(body)
    if kind == b"ENCRYPTED" or b"Proc-Type: 4,ENCRYPTED" in body:
        return Protection.PASSPHRASE
    return Protection.NONE


def public_blob(path: Path) -> str | None:
    """The base64 of the public key that an OpenSSH private key file holds, also an encrypted one.

    None for what is no such file; older formats do not show it.
    """
    kind, body = _armoured(path) or (b"", b"")
    data = _decoded(body) if kind == b"OPENSSH" else b""
    if not data.startswith(MAGIC):
        return None
    rest = data[len(MAGIC) :]
    for _ in ("cipher", "kdf", "kdf options"):
        _, rest = _string(rest)
    blob, _ = _string(rest[4:])  # after the number of keys, which is always 1
    return base64.b64encode(blob).decode() or None


def _armoured(path: Path) -> tuple[bytes, bytes] | None:
    """The kind and the body of the private key file, None where there is none."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            match = ARMOUR.search(file.read(LARGEST_KEY_FILE))
    except OSError:
        return None
    return (match[1].strip(), match[2]) if match else None


def _decoded(body: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(body.split()))
    except binascii.Error:
        return b""


def _string(data: bytes) -> tuple[bytes, bytes]:
    """The length-prefixed string that the data begins with (RFC 4251, 5), and the rest."""
    end = 4 + int.from_bytes(data[:4], "big")
    return data[4:end], data[end:]


def _openssh(body: bytes) -> Protection:
    data = _decoded(body)
    if not data.startswith(MAGIC):
        return Protection.UNKNOWN
    cipher, _ = _string(data[len(MAGIC) :])
    if not cipher:
        return Protection.UNKNOWN
    if cipher != b"none":
        return Protection.PASSPHRASE
    # A key held by a security key is useless without the device; its type stands in clear.
    if any(kind in data[:200] for kind in (b"sk-ssh-", b"sk-ecdsa-")):
        return Protection.SECURITY_KEY
    return Protection.NONE
