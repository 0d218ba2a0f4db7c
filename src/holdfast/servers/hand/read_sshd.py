"""The SSH server as configured and as running, and what that makes of every user.

A daemon obeys the configuration that it has loaded, not the one that lies on the disk. So its
arguments are taken from the process, and `loaded` and `changed` tell whether the two still agree.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import time
from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence

from .read_configuration import SSHD_DEFAULTS, Included, sshd_files
from .read_daemon import (
    Daemon,
    arguments_to_be,
    deciding_arguments,
    journal_of,
    loaded_at,
    main_file,
)
from .read_files import cannot_read, read_text_if_any
from .read_programs import CannotRead, Program, find
from .read_units import Service
from .sshd_folder import preparation

STRANGER = "holdfast-stranger"  # an account that does not exist
CLIENTS = ("127.0.0.1", "203.0.113.1")  # from the host itself, and from outside (RFC 5737)
LOOPBACK = "127.0.0.1"
MOST_SUBJECTS = 60
MOST_VALUES = 256
MOST_HOST_KEYS = 16
AT_ONCE = 8

_MATCH = re.compile(r'^\s*"?match"?[\s=]', re.IGNORECASE | re.MULTILINE)


class Answer(NamedTuple):
    """What the daemon would do with this user from this address."""

    user: str
    address: str
    settings: Dict[str, List[str]]


def parse_settings(text: str) -> Dict[str, List[str]]:
    """Return what `sshd -T` printed: each keyword with one value a line. Raises CannotRead."""
    settings: Dict[str, List[str]] = {}
    for line in text.splitlines():
        keyword, _, value = line.strip().partition(" ")
        if keyword:
            settings.setdefault(keyword.lower(), []).append(value)
    for keyword, values in settings.items():
        if len(values) > MOST_VALUES:
            raise CannotRead(f"sshd -T prints more than {MOST_VALUES} values for {keyword[:64]}")
    return settings


def parse_version(text: str) -> str:
    """Return `OpenSSH_9.2p1 Debian-2+deb12u3` of what `sshd -V` prints."""
    found = re.search(r"OpenSSH_[^,\n]{1,200}", text)
    if found is None:
        raise CannotRead("sshd -V names no version of OpenSSH")
    return found[0].strip()


def fingerprint(public_key: str) -> Optional[str]:
    """Return `ssh-ed25519 SHA256:…` of a .pub file's text, None if it holds no key."""
    words = public_key.split()
    try:
        blob = base64.b64decode(words[1].encode(), validate=True)
    except (IndexError, binascii.Error, ValueError):
        return None
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return f"{words[0][:64]} SHA256:{digest}"


def subjects(people: Iterable[str]) -> List[str]:
    """Return whom to ask sshd about: root and a stranger first, then the others by name."""
    others = sorted(set(people) - {"root", STRANGER})
    return ["root", STRANGER, *others][:MOST_SUBJECTS]


def ask(
    people: Sequence[str], own_address: str, arguments: Sequence[str], texts: Iterable[str]
) -> List[Answer]:
    """Return `sshd -T -C …` for everybody and each kind of client. Raises CannotRead.

    Without a Match in the configuration everybody gets the same answer, and it is asked once.
    """
    questions = [(user, address) for user in people for address in CLIENTS]
    if not any(_MATCH.search(text) for text in texts):
        settings = parse_settings(_asking(STRANGER, LOOPBACK, own_address, arguments).succeeded())
        return [Answer(user, address, settings) for user, address in questions]
    answers = []
    for start in range(0, len(questions), AT_ONCE):
        some = questions[start : start + AT_ONCE]
        asking = [_asking(user, address, own_address, arguments) for user, address in some]
        try:
            for (user, address), program in zip(some, asking):
                answers.append(Answer(user, address, parse_settings(program.succeeded())))
        finally:
            for program in asking:
                program.end()
    return answers


def _asking(user: str, address: str, own_address: str, arguments: Sequence[str]) -> Program:
    own = LOOPBACK if address == LOOPBACK else own_address
    who = f"user={user},host={address},addr={address},laddr={own},lport=22"
    asked = ("-T", *deciding_arguments(arguments), "-C", who)
    return Program("sshd", *asked, prepare=preparation())


def changed_at(included: Included) -> float:
    """Return the newest inode change among the configuration's files and folders."""
    newest = 0
    for path in (*included.files, *included.folders, SSHD_DEFAULTS):
        try:
            newest = max(newest, os.stat(path).st_ctime_ns)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise cannot_read(path, error) from error
    return newest / 1_000_000_000


def host_keys(answers: Sequence[Answer]) -> List[str]:
    """Return type and fingerprint of every host key that sshd names."""
    paths = [path for answer in answers[:1] for path in answer.settings.get("hostkey", [])]
    texts = (read_text_if_any(f"{path}.pub") for path in paths[:MOST_HOST_KEYS])
    return sorted({key for key in (fingerprint(text) for text in texts if text) if key})


def value_for(user: str, keyword: str, answers: Sequence[Answer]) -> str:
    """Return a keyword's values for a user from every address; a stranger's where none is known."""
    known = [answer for answer in answers if answer.user == user]
    asked = known or [answer for answer in answers if answer.user == STRANGER]
    return " ".join(value for answer in asked for value in answer.settings.get(keyword, []))


class SshdSeen(NamedTuple):
    """The section, and the files and answers that it was made from."""

    section: Dict[str, object]
    answers: List[Answer]
    included: Included


def sshd_seen(
    people: Iterable[str],
    own_address: str,
    daemon: Optional[Daemon],
    service: Optional[Service],
    *,
    by_socket: bool,
    to_be: str = "",
) -> SshdSeen:
    """Read everything about the SSH server. Raises CannotRead.

    `to_be` is the command line of an sshd that has yet to be started.
    """
    if find("sshd") is None:
        raise CannotRead("openssh-server is not installed")
    if os.geteuid() != 0:
        raise CannotRead("needs root")
    if daemon is None and service is not None and service.main_pid:
        raise CannotRead(f"process {service.main_pid} of ssh.service is no sshd that can be read")
    journal = None if daemon is None else journal_of(daemon)
    version = Program("sshd", "-V")
    try:
        if daemon is None:
            arguments = arguments_to_be(to_be, read_text_if_any(SSHD_DEFAULTS) or "")
        else:
            arguments = daemon.arguments
        included = sshd_files(main_file(arguments))
        answers = ask(subjects(people), own_address, arguments, included.texts)
        if daemon is None or journal is None:
            # A daemon that the socket will start has yet to read what lies there now.
            loaded = time.time() if by_socket else 0.0
        else:
            loaded = loaded_at(daemon, service, _said(journal))
        printed = version.finished()
    finally:
        for program in (journal, version):
            if program is not None:
                program.end()
    section = {
        "version": parse_version(printed.output + printed.complaint),
        "running": daemon is not None,
        "socket_activated": by_socket,
        "arguments": list(arguments),
        "changed": changed_at(included),
        "loaded": loaded,
        "config_files": list(included.files),
        "effective": [answer._asdict() for answer in answers],
        "host_keys": host_keys(answers),
    }
    return SshdSeen(section, answers, included)


def _said(journal: Program) -> str:
    # A journal that cannot be read costs nothing but the news of a reload that systemd did not do.
    try:
        return journal.finished().output
    except CannotRead:
        return ""
