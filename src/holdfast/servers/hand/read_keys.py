"""The key files that sshd consults for an account, and the folders that guard them.

All of it lies where ordinary users may write: a link shows what it leads to only if that is keys,
and what is no file is never opened.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from typing import Dict, List, NamedTuple, Optional

from .read_files import (
    Allowance,
    Names,
    Opened,
    State,
    cannot_read,
    open_without_effect,
    shown,
    state_of,
)
from .read_programs import CannotRead

DEFAULT_KEY_FILES = ".ssh/authorized_keys .ssh/authorized_keys2"
MOST_KEY_FILES = 16
_KEY_TYPES = ("ssh-", "ecdsa-", "sk-")
_NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)


class Person(NamedTuple):
    """One line of passwd; `password` is its second field."""

    name: str
    password: str
    uid: int
    gid: int
    home: str
    shell: str


def key_file_paths(setting: str, person: Person) -> List[str]:
    """Return the paths that an AuthorizedKeysFile value means for one account."""
    tokens = {"%%": "%", "%h": person.home, "%u": person.name, "%U": str(person.uid)}
    paths = []
    for pattern in setting.split():
        if pattern != "none":
            path = re.sub(r"%.", lambda token: tokens.get(token[0], token[0]), pattern)
            paths.append(path if path.startswith("/") else f"{person.home}/{path}")
    return paths


def folders_above(path: str, home: str) -> List[str]:
    """Return the folders from the file's own up to the home, or up to the root outside of it."""
    last = home.rstrip("/") or "/"
    found = []
    folder = os.path.dirname(path)
    while folder not in ("", "/"):
        found.append(folder)
        if folder == last:
            break
        folder = os.path.dirname(folder)
    return found


def only_keys(data: bytes) -> Optional[str]:
    """Return the content if every line is a public key or a comment; a link may lead anywhere."""
    text = shown(data)
    if text is None:
        return None
    lines = (line.strip() for line in text.splitlines())
    return text if all(not line or line[0] == "#" or _is_key(line) for line in lines) else None


def _is_key(line: str) -> bool:
    words = line.split()
    return any(
        kind.startswith(_KEY_TYPES) and blob.startswith("AAAA")
        for kind, blob in zip(words, words[1:])
    )


def key_files(setting: str, person: Person, names: Names, allowance: Allowance) -> Dict[str, State]:
    """Return the key files of one account that exist, and the folders above them."""
    files = key_file_paths(setting, person)
    folders = {folder for file in files for folder in folders_above(file, person.home)}
    found: Dict[str, State] = {}
    for path in sorted(folders.union(files)):
        opened = _opened_if_there(path)
        if opened is None:
            continue
        direct = opened.real_path == os.path.normpath(path)
        state = state_of(opened, names, shown if direct else only_keys)
        if path not in folders and stat.S_ISDIR(opened.found.st_mode):
            state["content"] = None
        if not allowance.grants(state["content"]):
            state["content"] = None
        linked_home = path == os.path.normpath(person.home) and os.path.islink(path)
        if linked_home or opened.real_path != _expected(path, person.home):
            state["link"] = True
        found[path] = state
    if len(found) > MOST_KEY_FILES:
        raise CannotRead(f"sshd consults more than {MOST_KEY_FILES} places for {person.name}")
    return found


def _expected(path: str, home: str) -> str:
    """Return where a path leads if there is no link below the home; the home's own is root's."""
    below = os.path.relpath(path, home)
    inside = not below.startswith("..")
    return os.path.normpath(os.path.join(os.path.realpath(home), below) if inside else path)


def _opened_if_there(path: str) -> Optional[Opened]:
    try:
        return open_without_effect(path)
    except ValueError:  # a NUL, which no path can hold
        return None
    except OSError as error:
        if error.errno in _NOT_THERE:
            return None
        raise cannot_read(path, error) from error
