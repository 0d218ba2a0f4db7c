"""The steps of a transaction: how each change is seen, done and restored on the host.

A step knows three things. `look` returns the state of its resource, spelled as the controller's
`changes.py` spells it, with what it takes to come back to it. `do` makes the change. `restore`
brings back a state that `look` returned; undo restores what was seen before, and a revert of an
undo restores what was seen before *that*, so there is one way back for both.

No record holds a password hash: a password is taken back by locking it, and given back by
unlocking it, the hash stays in /etc/shadow.
"""

from __future__ import annotations

import grp
import hashlib
import pwd
import time
from typing import Any, Callable, Dict, Type

from . import files
from .failed import Failed
from .kernel import Parameters
from .pam_profiles import PamProfile, pam_state, put_back
from .places import call, must
from .step import Record, Step

ABSENT = files.ABSENT


# A configuration file that somebody wrote before its package came stays theirs; dpkg would ask.
KEEP = ("--force-confdef", "--force-confold")


class Packages(Step):
    """Packages are installed and stay: taking them away could take away what others need.

    What they did to PAM as they came is taken back: that decides who gets in.
    """

    guarded = False

    def look(self) -> Record:
        return pam_state()

    def do(self, say: Callable[[str], None]) -> None:
        finish_packages()
        install = ["apt-get", "-qy", "-o", "DPkg::Lock::Timeout=120"]
        install += [word for flag in KEEP for word in ("-o", f"DPkg::Options::={flag}")]
        install += ["install"]
        install += ["--no-install-recommends", *self.wire["names"]]
        if call(install, timeout_s=900).returncode != 0:
            say("refreshing the package lists")
            must(["apt-get", "-qy", "update"], timeout_s=300)
            must(install, timeout_s=900)

    def restore(self, seen: Record) -> None:
        put_back(seen)


def finish_packages() -> None:
    """Configure what an installation that was cut off has left half done."""
    must(["dpkg", *KEEP, "--configure", "-a"], timeout_s=600)


class Group(Step):
    def look(self) -> Record:
        return {"state": "present" if self._members() is not None else ABSENT}

    def do(self, say: Callable[[str], None]) -> None:
        if self._members() is None:
            must(["groupadd", "--system", self.wire["name"]])

    def restore(self, seen: Record) -> None:
        if seen["state"] == ABSENT and self._members() is not None:
            must(["groupdel", self.wire["name"]])
        elif seen["state"] != ABSENT:
            self.do(lambda _: None)

    def _members(self) -> Any:
        try:
            return grp.getgrnam(self.wire["name"]).gr_mem
        except KeyError:
            return None


class Account(Step):
    """Creating an account is taken back by letting nobody in, never by deleting a home."""

    def look(self) -> Record:
        try:
            shell = pwd.getpwnam(self.wire["name"]).pw_shell
        except KeyError:
            return {"state": ABSENT}
        shadow = _shadow(self.wire["name"])
        expires, locked = shadow[7], shadow[1].startswith(("!", "*"))
        expired = expires.isdecimal() and int(expires) <= time.time() // 86400
        state = "expired" if expired else "open"
        return {"state": state, "shell": shell, "expires": expires, "locked": locked}

    def do(self, say: Callable[[str], None]) -> None:
        name, shell = self.wire["name"], self.wire["shell"]
        if self.look()["state"] == ABSENT:
            must(["useradd", "--create-home", "--shell", shell, name])
        else:
            must(["usermod", "--expiredate", "", "--shell", shell, name])

    def restore(self, seen: Record) -> None:
        name, now = self.wire["name"], self.look()
        if now["state"] == ABSENT:
            return
        if seen["state"] == ABSENT:
            must(["usermod", "--lock", "--expiredate", "1", name])
            return
        must(["usermod", "--expiredate", seen["expires"], "--shell", seen["shell"], name])
        if now["locked"] and not seen["locked"]:
            must(["usermod", "--unlock", name])

    def stands_for(self, now: str, seen: Record) -> bool:
        return (seen["state"], now) in ((ABSENT, ABSENT), (ABSENT, "expired"))


class Membership(Step):
    def look(self) -> Record:
        try:
            members = grp.getgrnam(self.wire["group"]).gr_mem
        except KeyError:
            return {"state": "out"}
        return {"state": "in" if self.wire["account"] in members else "out"}

    def do(self, say: Callable[[str], None]) -> None:
        must(["gpasswd", "--add", self.wire["account"], self.wire["group"]])

    def restore(self, seen: Record) -> None:
        if self.look()["state"] == seen["state"]:
            return
        flag = "--add" if seen["state"] == "in" else "--delete"
        must(["gpasswd", flag, self.wire["account"], self.wire["group"]])


class Password(Step):
    def look(self) -> Record:
        try:
            pwd.getpwnam(self.wire["account"])
        except KeyError:
            return {"state": ABSENT}
        field = _shadow(self.wire["account"])[1]
        locked = field.startswith(("!", "*"))
        return {"state": "locked" if locked else "set" if field else "empty"}

    def do(self, say: Callable[[str], None]) -> None:
        must(["chpasswd"], text=f"{self.wire['account']}:{self.wire['password']}\n")

    def restore(self, seen: Record) -> None:
        now = self.look()["state"]
        if now == ABSENT or (now == "set") == (seen["state"] == "set"):
            return
        must(["usermod", "--unlock" if seen["state"] == "set" else "--lock", self.wire["account"]])


class Lock(Password):
    """Let no password of the account fit; the hash stays, so that it can be unlocked again."""

    def do(self, say: Callable[[str], None]) -> None:
        must(["usermod", "--lock", self.wire["account"]])


class Folder(Step):
    def look(self) -> Record:
        return files.look(self.wire["path"])

    def do(self, say: Callable[[str], None]) -> None:
        wire = self.wire
        files.make_folder(wire["path"], wire["mode"], wire["owner"], wire["group"])

    def restore(self, seen: Record) -> None:
        if seen["state"] != ABSENT:
            files.make_folder(self.wire["path"], seen["mode"], seen["owner"], seen["group"])
        elif not files.remove_folder(self.wire["path"]):
            raise Failed(f"{self.wire['path']} is kept: somebody has put something into it")


class File(Step):
    def look(self) -> Record:
        return files.look(self.wire["path"])

    def do(self, say: Callable[[str], None]) -> None:
        wire = self.wire
        content = wire["content"].encode()
        files.put(wire["path"], content, wire["mode"], wire["owner"], wire["group"])
        self._tell_systemd()

    def restore(self, seen: Record) -> None:
        if seen["state"] == ABSENT:
            files.remove(self.wire["path"])
        else:
            content = seen["content"].encode("latin-1")
            files.put(self.wire["path"], content, seen["mode"], seen["owner"], seen["group"])
        self._tell_systemd()

    def _tell_systemd(self) -> None:
        if self.wire["read_by"] == "systemd":
            call(["systemctl", "daemon-reload"])


class Firewall(Step):
    """Our one table; nft replaces it in a single transaction of the kernel."""

    def look(self) -> Record:
        try:
            listed = call(["nft", "-s", "list", "table", "inet", "holdfast"])
        except Failed:
            return {"state": ABSENT}
        if listed.returncode != 0:
            return {"state": ABSENT}
        return {"state": hashlib.sha256(listed.stdout.encode()).hexdigest(), "text": listed.stdout}

    def do(self, say: Callable[[str], None]) -> None:
        must(["nft", "-f", "-"], text=self.wire["text"])

    def restore(self, seen: Record) -> None:
        replace = "table inet holdfast\ndelete table inet holdfast\n"
        if seen["state"] != ABSENT:
            must(["nft", "-f", "-"], text=replace + seen["text"])
        elif self.look()["state"] != ABSENT:
            must(["nft", "-f", "-"], text=replace)


class Unit(Step):
    def look(self) -> Record:
        said = call(["systemctl", "is-enabled", self.wire["name"]]).stdout.strip()
        return {"state": "enabled" if said == "enabled" else "disabled"}

    def do(self, say: Callable[[str], None]) -> None:
        must(["systemctl", "--quiet", "enable", self.wire["name"]])

    def restore(self, seen: Record) -> None:
        if self.look()["state"] != seen["state"]:
            verb = "enable" if seen["state"] == "enabled" else "disable"
            must(["systemctl", "--quiet", verb, self.wire["name"]])


class Running(Step):
    """Whether a unit runs now; that it does so after a reboot is `Unit`'s to say."""

    def look(self) -> Record:
        active = call(["systemctl", "is-active", "--quiet", self.wire["name"]]).returncode == 0
        return {"state": "active" if active else "inactive"}

    def do(self, say: Callable[[str], None]) -> None:
        must(["systemctl", "start", self.wire["name"]])

    def restore(self, seen: Record) -> None:
        if self.look()["state"] != seen["state"]:
            verb = "start" if seen["state"] == "active" else "stop"
            must(["systemctl", verb, self.wire["name"]])


KINDS: Dict[str, Type[Step]] = {
    "packages": Packages,
    "group": Group,
    "account": Account,
    "membership": Membership,
    "password": Password,
    "lock": Lock,
    "pam": PamProfile,
    "folder": Folder,
    "file": File,
    "firewall": Firewall,
    "unit": Unit,
    "running": Running,
    "parameters": Parameters,
}


def step(wire: Record) -> Step:
    """Return the step for what the controller sent. Raises Failed for an unknown kind."""
    kind = KINDS.get(str(wire.get("kind")))
    if kind is None:
        raise Failed(f"this hand does not know changes of kind {wire.get('kind')!r}", "version")
    return kind(wire)


def reload_service(name: str) -> None:
    """Have a running service read its configuration; one that does not run stays as it is.

    A service that its socket has started is started anew: OpenSSH 10's sshd loses the socket at
    SIGHUP and dies, while systemd keeps it open between two processes, so that nobody is refused.
    """
    if call(["systemctl", "is-active", "--quiet", name]).returncode == 0:
        socket = name.replace(".service", ".socket")
        by_socket = call(["systemctl", "is-active", "--quiet", socket]).returncode == 0
        must(["systemctl", "restart" if by_socket else "reload", name])


def _shadow(name: str) -> list[str]:
    """Return the fields of the account's shadow line; never leaves this process."""
    with open("/etc/shadow", encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith(name + ":"):
                return (line.rstrip("\n") + ":" * 9).split(":")[:9]
    return [name, "*", "", "", "", "", "", "", ""]
