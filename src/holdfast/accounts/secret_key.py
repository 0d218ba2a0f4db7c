"""The key that signs and encrypts what the service hands out: made once, kept private."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from holdfast.accounts.configuration import ConfigurationError

NAME = "secret-key"
LENGTH = 64


def secret_key(folder: Path) -> str:
    """Return the key in the data folder, which is made private and filled where it is empty.

    Raises ConfigurationError where others could read it, or where it is too short to be one.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / NAME
    for shared in (folder, path):
        if shared.exists() and stat.S_IMODE(shared.stat().st_mode) & 0o077:
            raise ConfigurationError(f"{shared}: others may use it: chmod go= {shared}")
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        key = path.read_text(encoding="utf-8").strip()
        if len(key) < LENGTH:
            raise ConfigurationError(
                f"{path}: is no key of {LENGTH} characters: put the old one back from a backup, or "
                "remove the file; then every session ends and second factors must be set up again"
            ) from None
        return key
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        key = secrets.token_urlsafe(LENGTH)
        file.write(f"{key}\n")
        file.flush()
        os.fsync(file.fileno())
    return key
