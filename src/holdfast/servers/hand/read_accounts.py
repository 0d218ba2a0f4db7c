"""Who can log in: accounts, groups, the state of passwords.

passwd, shadow and group are parsed with the leniency of the C library, since a line that it
accepts and this module did not would hide an account.
"""

from __future__ import annotations

import os
import re
from typing import Callable, Dict, Iterable, List, Mapping, NamedTuple, Optional, Tuple

from .read_files import (
    Allowance,
    Names,
)
from .read_keys import Person, key_files
from .read_programs import CannotRead

SECONDS_A_DAY = 86_400
MOST_GROUPS = 256
MOST_KEY_CONTENT = 4 * 1024 * 1024  # of all accounts together
PLACES_OF_HOMES = ("/home", "/root")
INACCESSIBLE = "/systemd/inaccessible"  # what ProtectHome=yes lays over them
SHADOWED = ("x", "##")  # passwd's field where shadow holds the password
NO_LOGIN_SHELLS = frozenset(
    f"{folder}/{name}"
    for folder in ("/bin", "/sbin", "/usr/bin", "/usr/sbin")
    for name in ("nologin", "false", "sync", "halt", "shutdown")
)

# What crypt(3) may give back: the modular formats, and DES with its extensions.
_HASH = re.compile(r"\$[^\s:]+|_?[./0-9A-Za-z]{13,}")
_NUMBER = re.compile(r"\s*([+-]?\d{1,10})")


class Group(NamedTuple):
    """One line of group."""

    name: str
    gid: int
    members: Tuple[str, ...]


class Shadow(NamedTuple):
    """What matters of one line of shadow; `expires` counts days since the epoch."""

    password: str
    expires: Optional[int]


def _number(text: str) -> Optional[int]:
    found = _NUMBER.fullmatch(text)
    return int(found[1]) % 2**32 if found else None


def _lines(text: str, fields: int) -> Iterable[List[str]]:
    for line in text.split("\n"):
        parts = line.lstrip().split(":", fields - 1)
        if len(parts) > 1 and parts[0] and parts[0][0] not in "#+-":
            yield parts + [""] * (fields - len(parts))


def parse_passwd(text: str) -> Dict[str, Person]:
    """Return the accounts by name; of two with one name the first counts, as in the C library."""
    found: Dict[str, Person] = {}
    for name, password, uid, gid, _, home, shell in _lines(text, 7):
        numbers = _number(uid), _number(gid)
        if numbers[0] is not None and numbers[1] is not None:
            found.setdefault(name, Person(name, password, numbers[0], numbers[1], home, shell))
    return found


def parse_shadow(text: str) -> Dict[str, Shadow]:
    """Return the shadow entries by name."""
    found: Dict[str, Shadow] = {}
    for name, password, *_, expires, _ in _lines(text, 9):
        digits = re.fullmatch(r"\d{1,10}", expires)
        found.setdefault(name, Shadow(password, int(expires) if digits else None))
    return found


def parse_group(text: str) -> Dict[str, Group]:
    """Return the groups by name."""
    found: Dict[str, Group] = {}
    for name, _, gid, members in _lines(text, 4):
        number = _number(gid)
        if number is not None:
            names = tuple(member.strip() for member in members.split(",") if member.strip())
            found.setdefault(name, Group(name, number, names))
    return found


def password_state(field: str, shadow: Optional[Shadow]) -> str:
    """Return `empty`, `locked` or `set`, as PAM would take the two files' fields."""
    if field.startswith(SHADOWED):
        if shadow is None:
            return "locked"
        field = shadow.password
    if field == "":
        return "empty"
    return "set" if _HASH.fullmatch(field) else "locked"


def can_log_in(shell: str) -> bool:
    """Whether a shell gives its account a session; none at all means /bin/sh."""
    return shell not in NO_LOGIN_SHELLS


def names_of(accounts: Mapping[str, Person], groups: Mapping[str, Group]) -> Names:
    """Return the names by number; where two share a number the first one stands for it."""
    users: Dict[int, str] = {}
    for person in accounts.values():
        users.setdefault(person.uid, person.name)
    named: Dict[int, str] = {}
    for group in groups.values():
        named.setdefault(group.gid, group.name)
    return Names(users, named)


def members_of(
    accounts: Mapping[str, Person], groups: Mapping[str, Group]
) -> Dict[str, Tuple[str, ...]]:
    """Return everybody in each group: listed, by primary group, or by another name of its gid."""
    members: Dict[int, set[str]] = {}
    for group in groups.values():
        members.setdefault(group.gid, set()).update(group.members)
    for person in accounts.values():
        members.setdefault(person.gid, set()).add(person.name)
    return {name: tuple(sorted(members[group.gid])) for name, group in sorted(groups.items())}


def consulted(person: Person) -> bool:
    """Whether keys matter to an account: it has a login shell or at least an ssh folder."""
    return can_log_in(person.shell) or os.path.lexists(f"{person.home}/.ssh")


def hidden_home(people: Iterable[Person], mounts: str) -> Optional[str]:
    """Return a home that this process sees differently than the system does, if there is one.

    A sandbox (systemd's ProtectHome) shows empty homes without any error. Where the system's view
    is closed to this process, `mounts` (mountinfo) still shows what was laid over the homes.
    """
    homes = {person.home for person in people if person.home.startswith("/")}
    try:
        differing = (home for home in sorted(homes) if _identity(home) != _system_identity(home))
        return next(differing, None)
    except PermissionError:
        return next(iter(covered_homes(mounts)), None)


def covered_homes(mountinfo: str) -> List[str]:
    """Return those places of homes that something empty is mounted on."""
    found = []
    for line in mountinfo.splitlines():
        fields, _, source = line.partition(" - ")
        _, _, _, root, place, *_ = [*fields.split(" "), *[""] * 5]
        empty = root.startswith(INACCESSIBLE) or source.split(" ")[0] == "tmpfs"
        if place in PLACES_OF_HOMES and empty:
            found.append(place)
    return sorted(found)


def _system_identity(path: str) -> Optional[Tuple[int, int]]:
    return _identity(f"/proc/1/root{path}")


def _identity(path: str) -> Optional[Tuple[int, int]]:
    try:
        found = os.lstat(path)
    except PermissionError:
        raise
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def accounts_section(
    people: Mapping[str, Person],
    groups: Mapping[str, Group],
    shadow: Mapping[str, Shadow],
    key_file_setting: Callable[[str], str],
    mounts: str,
    today: int,
) -> Dict[str, object]:
    """Return the accounts as the snapshot holds them. Raises CannotRead."""
    hidden = hidden_home(people.values(), mounts)
    if hidden is not None:
        raise CannotRead(f"{hidden} is hidden from this reader: it runs in a sandbox")
    names = names_of(people, groups)
    members = members_of(people, groups)
    allowance = Allowance(MOST_KEY_CONTENT)
    section: Dict[str, object] = {}
    for name, person in sorted(people.items()):
        entry = shadow.get(name)
        expires = None if entry is None else entry.expires
        own_groups = [group for group, inside in members.items() if name in inside]
        if len(own_groups) > MOST_GROUPS:
            raise CannotRead(f"{name} is in more than {MOST_GROUPS} groups")
        section[name] = {
            "uid": person.uid,
            "gid": person.gid,
            "home": person.home,
            "shell": person.shell,
            "password": password_state(person.password, entry),
            "expired": expires is not None and expires <= today,
            "groups": own_groups,
            "key_files": key_files(key_file_setting(name), person, names, allowance)
            if consulted(person)
            else {},
        }
    return section
