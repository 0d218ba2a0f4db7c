"""The closed set of changes: what a plan may do to a host, how each shows itself.

A change knows the state in which the plan saw its resource (`expect`); the hand refuses to start
when the host has moved on since. The spelling of these states is shared with the hand's
`steps.py`: files `MODE OWNER GROUP SHA256`, folders `MODE OWNER GROUP`, accounts `open` or
`expired`, passwords `set`, `locked` or `empty`, memberships `in` or `out`, PAM's profiles and
units `enabled` or `disabled`, units also `active` or `inactive`, the firewall the SHA-256 of its
text, the kernel's parameters that of theirs; and `absent`.
"""

from __future__ import annotations

import difflib
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

ABSENT = "absent"


@dataclass(frozen=True)
class Secret:
    """A secret by its name; its value is resolved when the transaction is sent, never before."""

    name: str


@dataclass(frozen=True)
class Change(ABC):
    """One step on one resource; subclasses are the whole set."""

    kind: ClassVar[str] = ""
    order: ClassVar[int] = 0  # changes of a transaction run by this, then by resource

    @property
    @abstractmethod
    def resource(self) -> str:
        """What is changed, by a name that is unique on the host."""

    @abstractmethod
    def title(self) -> str:
        """One line that says what is done."""

    def diff(self) -> str:
        """What changes, as a unified diff where there is text; otherwise nothing."""
        return ""

    def wire(self) -> dict[str, Any]:
        """The form the hand reads; secrets are still names."""
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True)
class InstallPackages(Change):
    kind, order = "packages", 0
    names: tuple[str, ...]

    @property
    def resource(self) -> str:
        return "packages"

    def title(self) -> str:
        return f"install {', '.join(self.names)}"


@dataclass(frozen=True)
class CreateGroup(Change):
    kind, order = "group", 1
    name: str
    expect: str = ABSENT

    @property
    def resource(self) -> str:
        return f"group {self.name}"

    def title(self) -> str:
        return f"create group {self.name}"


@dataclass(frozen=True)
class OpenAccount(Change):
    """Create the account with a home and a locked password, or let an expired one in again."""

    kind, order = "account", 2
    name: str
    shell: str
    expect: str

    @property
    def resource(self) -> str:
        return f"account {self.name}"

    def title(self) -> str:
        verb = "create" if self.expect == ABSENT else "open"
        return f"{verb} account {self.name}, shell {self.shell}"


@dataclass(frozen=True)
class JoinGroup(Change):
    kind, order = "membership", 3
    account: str
    group: str
    expect: str = "out"

    @property
    def resource(self) -> str:
        return f"account {self.account}, group {self.group}"

    def title(self) -> str:
        return f"put {self.account} into group {self.group}"


@dataclass(frozen=True)
class SetPassword(Change):
    kind, order = "password", 4
    account: str
    password: Secret
    expect: str

    @property
    def resource(self) -> str:
        return f"password of {self.account}"

    def title(self) -> str:
        return f"set the password of {self.account} ({self.password.name})"


@dataclass(frozen=True)
class LockPassword(Change):
    """Let no password fit any more; the hash stays on the host, so that undo can unlock it."""

    kind, order = "lock", 5
    account: str
    expect: str

    @property
    def resource(self) -> str:
        return f"password of {self.account}"

    def title(self) -> str:
        return f"lock the password of {self.account}"


@dataclass(frozen=True)
class MakeFolder(Change):
    kind, order = "folder", 6
    path: str
    mode: int
    owner: str
    group: str
    expect: str

    @property
    def resource(self) -> str:
        return self.path

    def title(self) -> str:
        return f"folder {self.path}, {self.mode:04o} {self.owner}:{self.group}"


@dataclass(frozen=True)
class WriteFile(Change):
    """Replace a file in one rename. `read_by` is the unit that must read it afterwards."""

    kind, order = "file", 7
    path: str
    content: str
    mode: int
    owner: str
    group: str
    expect: str
    before: str
    read_by: str = ""

    @property
    def resource(self) -> str:
        return self.path

    def title(self) -> str:
        verb = "write" if self.expect == ABSENT else "change"
        return f"{verb} {self.path}, {self.mode:04o} {self.owner}:{self.group}"

    def diff(self) -> str:
        return "".join(
            line if line.endswith("\n") else line + "\n"
            for line in difflib.unified_diff(
                self.before.splitlines(keepends=True),
                self.content.splitlines(keepends=True),
                "/dev/null" if self.expect == ABSENT else self.path,
                self.path,
            )
        )

    def wire(self) -> dict[str, Any]:
        wire = super().wire()
        del wire["before"]
        return wire


@dataclass(frozen=True)
class EnablePamProfile(Change):
    """Switch a profile of PAM on, through pam-auth-update; `module` then stands in `stack`."""

    kind, order = "pam", 8
    name: str
    stack: str
    module: str
    expect: str = "disabled"

    @property
    def resource(self) -> str:
        return f"PAM profile {self.name}"

    def title(self) -> str:
        return f"switch on {self.module} for {self.stack} in PAM"


@dataclass(frozen=True)
class LoadFirewall(Change):
    """Load our table in one atomic step; other tables are not touched."""

    kind, order = "firewall", 9
    text: str
    expect: str
    before: str

    @property
    def resource(self) -> str:
        return "nft inet holdfast"

    def title(self) -> str:
        return "load table inet holdfast into the kernel"

    def wire(self) -> dict[str, Any]:
        wire = super().wire()
        del wire["before"]
        return wire


@dataclass(frozen=True)
class EnableUnit(Change):
    kind, order = "unit", 10
    name: str
    expect: str

    @property
    def resource(self) -> str:
        return f"unit {self.name}"

    def title(self) -> str:
        return f"enable {self.name}"


@dataclass(frozen=True)
class StartUnit(Change):
    kind, order = "running", 11
    name: str
    expect: str = "inactive"

    @property
    def resource(self) -> str:
        return f"unit {self.name}, running"

    def title(self) -> str:
        return f"start {self.name}"


@dataclass(frozen=True)
class SetParameters(Change):
    """Set parameters of the running kernel; each of `before` is what it is now."""

    kind, order = "parameters", 12
    values: tuple[tuple[str, str], ...]
    before: tuple[tuple[str, str], ...]

    @property
    def expect(self) -> str:
        return text_digest("".join(f"{name} {value}\n" for name, value in self.before))

    @property
    def resource(self) -> str:
        return "kernel parameters"

    def title(self) -> str:
        count = len(self.values)
        return f"set {count} parameter{'s' if count > 1 else ''} of the running kernel"

    def diff(self) -> str:
        now, then = dict(self.before), dict(self.values)
        return "".join(f"-{name} = {now[name]}\n+{name} = {then[name]}\n" for name in sorted(then))

    def wire(self) -> dict[str, Any]:
        return {"kind": self.kind, "values": self.values, "expect": self.expect}


def text_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def resolved(wire: Mapping[str, Any], secrets: Mapping[str, str]) -> dict[str, Any]:
    """Return the wire form with secret names replaced by their values."""
    if wire["kind"] != SetPassword.kind:
        return dict(wire)
    return {**wire, "password": secrets[wire["password"]["name"]]}
