"""The configuration that controls judge: which files it consists of, and what stands in them.

sshd and sudo spread their configuration over files that include each other; both ways of
including are followed here as those programs follow them.
"""

from __future__ import annotations

import glob
import os
import re
from pathlib import Path
from typing import Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple

from .read_files import (
    Allowance,
    Names,
    cannot_read,
    open_without_effect,
    read_text,
    state_of,
)
from .read_programs import CannotRead

SSHD_CONFIG = "/etc/ssh/sshd_config"
SSHD_FOLDER = "/etc/ssh"  # where a relative Include starts
SSHD_DEFAULTS = "/etc/default/ssh"
SUDOERS = "/etc/sudoers"
JUDGED_FILES = (
    *(SUDOERS, SSHD_DEFAULTS, "/etc/nftables.conf", "/etc/apt/apt.conf.d/99holdfast"),
    *("/etc/login.defs", "/etc/default/debsums"),
    *("/etc/sysctl.d/zz-holdfast.conf", "/etc/modprobe.d/holdfast.conf"),
    *("/etc/security/limits.d/zz-holdfast.conf", "/etc/profile.d/zz-holdfast.sh"),
    "/etc/systemd/coredump.conf.d/zz-holdfast.conf",
    # whether these folders are there
    *("/etc/sysctl.d", "/etc/modprobe.d", "/etc/security/limits.d", "/etc/profile.d"),
    "/etc/systemd/coredump.conf.d",
)
JUDGED_FOLDERS = ("/etc/ssh/sshd_config.d", "/etc/sudoers.d", "/etc/holdfast")
JUDGED_TREES = ("/etc/holdfast",)
JUDGED_PATTERNS = (
    "/etc/pam.d/*",
    "/etc/security/pwquality.conf",
    "/etc/security/pwquality.conf.d",
    "/etc/security/pwquality.conf.d/*.conf",
    "/etc/systemd/system/holdfast-*",
    "/etc/systemd/system/ssh.service.d/*",
    "/etc/systemd/system/ssh.socket.d/*",
)

DEEPEST_INCLUDE = 8
MOST_INCLUDED = 128
MOST_FILES = 512
MOST_CONTENT = 4 * 1024 * 1024

_SSHD_INCLUDE = re.compile(r'\s*"?include"?(?:\s*=\s*|\s+)(.*)', re.IGNORECASE)
_SUDOERS_INCLUDE = re.compile(r"\s*[@#](include(?:dir)?)[ \t]+(.*)")
_WORD = re.compile(r'"([^"]*)"|((?:[^\s"\\]|\\.)+)')


class Included(NamedTuple):
    """The files of a configuration in the order of reading, and the folders they come from."""

    files: Tuple[str, ...]
    folders: Tuple[str, ...]
    texts: Tuple[str, ...]


Mention = Tuple[Optional[str], List[str]]  # the folder that counts as a whole, and its files


def _words(text: str) -> Iterator[str]:
    for quoted, plain in _WORD.findall(text):
        if plain.startswith("#"):
            return
        yield quoted or re.sub(r"\\(.)", r"\1", plain)


def sshd_includes(text: str) -> List[str]:
    """Return the patterns of every Include in an sshd configuration, as absolute paths."""
    found = (_SSHD_INCLUDE.match(line) for line in text.splitlines())
    return [
        os.path.join(SSHD_FOLDER, pattern)
        for match in found
        if match
        for pattern in _words(match[1])
    ]


def sudoers_includes(text: str, folder: str, hostname: str) -> List[Tuple[str, str]]:
    """Return (`include` or `includedir`, absolute path) of a sudoers file that lies in `folder`."""
    joined = text.replace("\\\n", "")
    found = []
    for match in filter(None, map(_SUDOERS_INCLUDE.match, joined.splitlines())):
        path = next(_words(match[2]), "").replace("%h", hostname.split(".")[0])
        if path:
            found.append((match[1], os.path.join(folder, path)))
    return found


def _sshd_mentions(path: str, text: str) -> Iterator[Mention]:
    for pattern in sshd_includes(text):
        # sshd expands patterns by glob(3): hidden files only where the pattern names the dot.
        yield str(Path(pattern).parent), sorted(glob.glob(pattern))


def _sudoers_mentions(path: str, text: str) -> Iterator[Mention]:
    for kind, place in sudoers_includes(text, str(Path(path).parent), os.uname().nodename):
        if kind == "include":
            yield None, [place]
        elif Path(place).is_dir():
            yield place, [f"{place}/{name}" for name in sudoers_names(os.listdir(place))]


def sudoers_names(names: Iterable[str]) -> List[str]:
    """Return those names of an @includedir folder that sudo reads, in its order."""
    return sorted(name for name in names if "." not in name and not name.endswith("~"))


def _follow(main: str, mentions: Callable[[str, str], Iterator[Mention]]) -> Included:
    texts: Dict[str, str] = {}
    folders = set()

    def follow(path: str, depth: int) -> None:
        if path in texts or not Path(path).is_file():
            return
        if depth > DEEPEST_INCLUDE:
            raise CannotRead(f"{path} is included more than {DEEPEST_INCLUDE} levels deep")
        if len(texts) == MOST_INCLUDED:
            raise CannotRead(f"{main} includes more than {MOST_INCLUDED - 1} files")
        texts[path] = read_text(path)
        for folder, files in mentions(path, texts[path]):
            if folder is not None and Path(folder).is_dir():
                folders.add(folder)
            for file in files:
                follow(file, depth + 1)

    try:
        follow(main, 0)
    except OSError as error:
        raise cannot_read(main, error) from error
    return Included(tuple(texts), tuple(sorted(folders)), tuple(texts.values()))


def sshd_files(main: str = SSHD_CONFIG) -> Included:
    """Return what sshd reads, following every Include. Raises CannotRead."""
    return _follow(main, _sshd_mentions)


def sudoers_files(main: str = SUDOERS) -> Included:
    """Return what sudo reads, following @include and @includedir. Raises CannotRead."""
    return _follow(main, _sudoers_mentions)


def files(names: Names, also: Iterable[str] = ()) -> Dict[str, object]:
    """Return every judged file by its path; one that cannot be read says why in its place.

    `also` are files that the running sshd has been told to read.
    """
    section: Dict[str, object] = {}
    judged = (*JUDGED_FILES, *JUDGED_FOLDERS, *also)
    paths = {path for path in judged if os.path.lexists(path)}
    for pattern in JUDGED_PATTERNS:
        paths.update(glob.glob(pattern))
    for tree in JUDGED_TREES:
        for folder, _, inside in os.walk(tree):
            paths.add(folder)
            paths.update(f"{folder}/{name}" for name in inside)
            if len(paths) > MOST_FILES:
                break
    for main, included in ((SSHD_CONFIG, sshd_files), (SUDOERS, sudoers_files)):
        try:
            paths.update(included().files)
        except CannotRead as reason:
            section[main] = {"unreadable": str(reason)}
    if len(paths) > MOST_FILES:
        raise CannotRead(f"there are more than {MOST_FILES} configuration files")
    allowance = Allowance(MOST_CONTENT)
    for path in sorted(paths - set(section)):
        section[path] = _file(path, names, allowance)
    return dict(sorted(section.items()))


def _file(path: str, names: Names, allowance: Allowance) -> Dict[str, object]:
    try:
        opened = open_without_effect(path)
    except OSError as error:
        return {"unreadable": str(cannot_read(path, error))}
    state = state_of(opened, names)
    if not allowance.grants(state["content"]):
        return {"unreadable": f"the files hold more than {MOST_CONTENT} bytes together"}
    return state
