"""Who gets through PAM on this host: asked aside, before and after a change, and compared.

A stand-in account that exists only in the private copy of /etc, with a password that nobody else
knows, goes through every door; the accounts that may administer the host are asked one by one.
"""

from __future__ import annotations

import ctypes
import grp
import os
import pwd
import secrets
import string
from itertools import count
from typing import Any, Dict, List, Tuple

from . import pam
from .failed import Failed
from .places import call

STAND_IN, OTHER = "holdfast-trial", "holdfast-trial-other"
SERVICES = ("sshd", "sudo", "login")
ADMIN_GROUPS = ("sudo", "holdfast-admins")
MOST_ADMINS = 50
STRONG_LENGTH = 32
START = "Xw7-kV4"  # of a strong password: one character of each class
FIRST_UID = 61184  # above Debian's dynamic users (61183), below its own reservations

_numbers = count(1)


def open_doors() -> Dict[str, Any]:
    """Return what gets through now, and what is refused with which reason. Writes into /etc.

    Each attempt has a stand-in of its own: modules that count failures would refuse it the next.
    """
    asked: Dict[str, pam.Result] = {}
    wrong = []
    for service in (name for name in SERVICES if os.path.exists(f"/etc/pam.d/{name}")):
        name, right = _fresh()
        asked[f"{service} with the right password"] = pam.authenticate(service, name, right)
        asked[f"{service} for anybody"] = pam.may_enter(service, name)
        for user in _admins():
            asked[f"{service} for {user}"] = pam.may_enter(service, user)
        if pam.authenticate(service, _fresh()[0], strong_password()).good:
            wrong.append(service)
    asked["a new strong password"] = pam.change_password(_fresh()[0], strong_password())
    return {
        "open": sorted(door for door, result in asked.items() if result.good),
        "closed": {door: result.reason for door, result in asked.items() if not result.good},
        "wrong": wrong,
    }


def require_as_open(before: Dict[str, Any]) -> None:
    """Raise Failed where somebody who got through before would not now, or anybody would."""
    now = open_doors()
    lost = [f"{door} ({now['closed'][door]})" for door in before["open"] if door in now["closed"]]
    if lost:
        raise Failed(f"PAM would refuse what it lets through now: {'; '.join(lost[:4])}", "invalid")
    if set(now["wrong"]) - set(before["wrong"]):
        raise Failed(f"PAM would take any password for {', '.join(now['wrong'])}", "invalid")


def require_password(account: str, password: str) -> None:
    """Raise Failed where the policy would refuse this password for the account."""
    try:
        pwd.getpwnam(account)
    except KeyError:
        _stand_in(account, strong_password())
    answer = pam.change_password(account, password)
    if not answer.good:
        raise Failed(
            f"the password for {account} would be refused: {answer.reason}; choose a better one",
            "invalid",
        )


def accepted_passwords(passwords: List[str]) -> Dict[str, Any]:
    """Return which passwords a stand-in account may set, and whether a strong one is taken."""
    _stand_in(STAND_IN, strong_password())
    strong = pam.change_password(STAND_IN, strong_password())
    return {
        "accepted": [pam.change_password(STAND_IN, password).good for password in passwords],
        "strong": strong.good,
        "reason": strong.reason,
    }


def su_outside_the_group() -> Dict[str, Any]:
    """Return whether one stand-in becomes the other by su, with the right password."""
    password = strong_password()
    _stand_in(STAND_IN, strong_password())
    _stand_in(OTHER, password)
    me, other = pwd.getpwnam(STAND_IN), pwd.getpwnam(OTHER)
    am = ["setpriv", f"--reuid={me.pw_uid}", f"--regid={me.pw_gid}", "--clear-groups"]
    done = call([*am, "su", "--command", "id -u", OTHER], text=password + "\n")
    return {"became": str(other.pw_uid) in done.stdout.split()}


def strong_password() -> str:
    """Return one that every sensible rule takes: long, random, with each class of characters.

    No two characters in a row are neighbours: cracklib counts those, and five are too many for it
    however long the password is.
    """
    password = START
    while len(password) < STRONG_LENGTH:
        character = secrets.choice(string.ascii_letters + string.digits)
        if abs(ord(character) - ord(password[-1])) > 1:
            password += character
    return password


def _admins() -> List[str]:
    names = set()
    for group in ADMIN_GROUPS:
        try:
            names.update(grp.getgrnam(group).gr_mem)
        except KeyError:
            continue
    return sorted(names)[:MOST_ADMINS]


def _fresh() -> Tuple[str, str]:
    """Make an account that nobody has tried yet; return its name and password."""
    name, password = f"{STAND_IN}-{next(_numbers)}", strong_password()
    _stand_in(name, password)
    return name, password


def _stand_in(name: str, password: str) -> None:
    """Make the account in the private copy of /etc, or give it this password."""
    crypt = ctypes.CDLL("libcrypt.so.1").crypt
    crypt.restype = ctypes.c_char_p
    hashed = crypt(password.encode(), f"$6${secrets.token_hex(8)}$".encode())
    if not hashed:
        raise Failed("no password can be hashed on this host", "failed")
    used = {entry.pw_uid for entry in pwd.getpwall()}
    uid = next(uid for uid in range(FIRST_UID, FIRST_UID + len(used) + 1) if uid not in used)
    line = f"{name}:x:{uid}:{uid}::/nonexistent:/bin/sh"
    _with_line("/etc/passwd", name, line)
    _with_line("/etc/shadow", name, f"{name}:{hashed.decode()}:20000:0:99999:7:::")


def _with_line(path: str, name: str, line: str) -> None:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        kept = [one for one in file.read().splitlines() if not one.startswith(name + ":")]
    with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write("\n".join([*kept, line]) + "\n")
