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
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_KEY_FILE)
    except OSError:
        return Protection.UNKNOWN
    match = ARMOUR.search(content)
    if match is None:
        return Protection.UNKNOWN
    kind, body = match[1].strip(), match[2]
    if kind == b"OPENSSH":
        return _openssh(body)
    if kind == b"ENCRYPTED" or b"Proc-Type: 4,ENCRYPTED" in body:
        return Protection.PASSPHRASE
    return Protection.NONE


def _openssh(body: bytes) -> Protection:
    try:
        data = base64.b64decode(b"".join(body.split()))
    except binascii.Error:
        return Protection.UNKNOWN
    if not data.startswith(MAGIC):
        return Protection.UNKNOWN
    start = len(MAGIC) + 4
    length = int.from_bytes(data[len(MAGIC) : start], "big")
    cipher = data[start : start + length]
    if not cipher:
        return Protection.UNKNOWN
    if cipher != b"none":
        return Protection.PASSPHRASE
    # A key held by a security key is useless without the device; its type stands in clear.
    if any(kind in data[:200] for kind in (b"sk-ssh-", b"sk-ecdsa-")):
        return Protection.SECURITY_KEY
    return Protection.NONE
