"""The key that tokens are signed with: made once, kept in the data folder, nobody else's."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from holdfast.accounts.configuration import ConfigurationError

NAME = "signing-key.pem"
BITS = 2048


def signing_key(folder: Path) -> str:
    """Return the key as PEM; it is made where there is none.

    Raises ConfigurationError where others could read it, or where it is no key.
    """
    path = folder / NAME
    if not path.exists():
        _make(path)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ConfigurationError(f"{path}: others may use it: chmod go= {path}")
    text = path.read_text(encoding="ascii", errors="replace")
    try:
        load_pem_private_key(text.encode(), None)
    except (ValueError, TypeError):
        raise ConfigurationError(
            f"{path}: is no private key: put the old one back from a backup, or remove the file; "
            "then tokens handed out so far are refused"
        ) from None
    return text


def _make(path: Path) -> None:
    """Make a key, whole from its first moment; of two processes that do, one wins."""
    draft = path.with_name(f".{NAME}-{os.getpid()}")
    key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            return  # the other one's is as good
    finally:
        draft.unlink(missing_ok=True)
