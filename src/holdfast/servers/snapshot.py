"""The shape of what is read off one host at one moment.

A snapshot comes from a host, and a host may be hostile: every model is closed, every collection
bounded, and text is kept as it came (it is escaped where it is shown). A section that the hand
could not read is `Unreadable` with the reason; `judged` turns that into `CannotJudge`, so that a
control can never take silence for a pass.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

SNAPSHOT_VERSION = 1
LARGEST_SNAPSHOT = 16 * 1024 * 1024  # bytes; an ordinary one has about 60 kB

OLDEST_SUPPORTED = {"debian": 12, "ubuntu": 22}  # by os-release; major versions
SUPPORTED_NAMES = (("Debian", "12"), ("Ubuntu", "22.04"))

Text = Annotated[str, Field(max_length=4096)]
Name = Annotated[str, Field(max_length=256)]
Content = Annotated[str, Field(max_length=262_144)]
Seconds = Annotated[float, Field(allow_inf_nan=False)]
Port = Annotated[int, Field(ge=0, le=65535)]


class SnapshotError(Exception):
    """What was received is not a snapshot; the message says what is wrong with it."""


class CannotJudge(Exception):
    """A control needs what this snapshot does not hold; the message is the reason."""


class Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Unreadable(Closed):
    """Takes the place of a section that the hand could not read."""

    unreadable: Text


class Release(Closed):
    """From os-release: `debian` 12 `bookworm`."""

    id: Name
    version: Name
    codename: Name
    name: Text


class FileState(Closed):
    """One file: `mode` holds the permission bits; `content` is None where it is not UTF-8 text.

    `link` says of a key file that its path is a link, and the rest what it leads to.
    """

    mode: Annotated[int, Field(ge=0, le=0o7777)]
    owner: Name
    group: Name
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    content: Content | None
    link: bool = False


class Account(Closed):
    """One line of passwd and what belongs to it. Hashes never leave the host.

    `password`: `set`; `locked` (no password fits); `empty` (anything fits). `key_files` are the
    files that sshd consults for this account and the folders above them up to the home, whose
    content is empty.
    """

    uid: Annotated[int, Field(ge=0)]
    gid: Annotated[int, Field(ge=0)]
    home: Text
    shell: Text
    password: Literal["set", "locked", "empty"]
    expired: bool
    groups: tuple[Name, ...] = Field(max_length=256)
    key_files: Mapping[Text, FileState] = Field(max_length=16)


STRANGER = "holdfast-stranger"  # an account that exists nowhere; the hand asks sshd about it too


class EffectiveSshd(Closed):
    """What `sshd -T -C user=…,addr=…` says for one subject; keywords in lower case.

    Subjects are root, STRANGER, and the accounts that may log in.
    """

    user: Name
    address: Name
    settings: Mapping[Name, Annotated[tuple[Text, ...], Field(max_length=256)]]


class Sshd(Closed):
    """The SSH server as configured and as running.

    `changed` is the newest inode change among its configuration files and their folders, `loaded`
    the daemon's start or last reload; both in seconds since the epoch by the host's clock.
    """

    version: Text
    running: bool
    socket_activated: bool
    arguments: tuple[Text, ...] = Field(max_length=64)
    changed: Seconds
    loaded: Seconds
    config_files: tuple[Text, ...] = Field(max_length=128)
    effective: tuple[EffectiveSshd, ...] = Field(max_length=512)
    host_keys: tuple[Text, ...] = Field(max_length=16)


class Listener(Closed):
    """A socket that waits for connections; `address` is `*`, an IPv4 or an IPv6 address."""

    protocol: Literal["tcp", "udp"]
    address: Name
    port: Port
    process: Name


class BaseChain(Closed):
    """A chain of the kernel's packet filter that is attached to a hook."""

    family: Name
    table: Name
    chain: Name
    hook: Name
    policy: Name


class Firewall(Closed):
    """The packet filter as the kernel runs it; `holdfast` is our own table's text, if loaded."""

    installed: bool
    base_chains: tuple[BaseChain, ...] = Field(max_length=512)
    holdfast: Content | None
    forwarding: bool


class Sudo(Closed):
    """`policy` is what `cvtsudoers -f json` makes of the whole configuration."""

    installed: bool
    policy: Mapping[str, Any]


class Apt(Closed):
    """What apt itself makes of its settings for upgrades without a person; lists in their order."""

    settings: Mapping[Name, Annotated[tuple[Text, ...], Field(max_length=100)]]


class Kernel(Closed):
    """Parameters of the running kernel by their path below /proc/sys."""

    parameters: Annotated[Mapping[Name, Name], Field(max_length=1000)]


class Unit(Closed):
    """A systemd unit: `active`, `inactive`, `failed` …; `enabled`, `disabled`, `masked` …"""

    active: Name
    enabled: Name


class Evidence(Closed):
    """A dated record that something happened on this host; `bound_to` names what was proven."""

    kind: Name
    subject: Name
    bound_to: Text
    at: Seconds


class TransactionState(Closed):
    """A transaction that this host remembers, newest last; `undoes` is the id of another, or ""."""

    id: Name
    state: Name
    undoes: Name
    at: Seconds
    changes: Annotated[int, Field(ge=0)]


class Snapshot(Closed):
    """Everything read off one host at one moment.

    `at` is the host's clock (seconds since the epoch), `seconds` how long reading took,
    `privileged` whether the hand was root. `files` holds the configuration that controls judge,
    by absolute path.
    """

    version: int
    at: Seconds
    seconds: Seconds
    privileged: bool
    hostname: Name
    machine: Name
    boot: Name
    release: Release | Unreadable
    virtualisation: Name
    addresses: tuple[Name, ...] | Unreadable
    packages: Unreadable | Mapping[Name, Name]  # in this order: one fits into the other
    accounts: Mapping[Name, Account] | Unreadable
    groups: Mapping[Name, tuple[Name, ...]] | Unreadable
    files: Mapping[Text, FileState | Unreadable]
    sshd: Sshd | Unreadable
    listeners: tuple[Listener, ...] | Unreadable
    firewall: Firewall | Unreadable
    sudo: Sudo | Unreadable
    units: Mapping[Name, Unit] | Unreadable
    apt: Apt | Unreadable
    kernel: Kernel | Unreadable
    evidence: tuple[Evidence, ...] | Unreadable
    transactions: tuple[TransactionState, ...] | Unreadable


T = TypeVar("T")


def judged(section: T | Unreadable) -> T:
    """Return the section, or raise CannotJudge with the reason why it could not be read."""
    if isinstance(section, Unreadable):
        raise CannotJudge(section.unreadable)
    return section


def require_supported(snapshot: Snapshot) -> None:
    """Raise SnapshotError unless the host runs a release whose facts Holdfast knows."""
    release = snapshot.release
    if isinstance(release, Unreadable):
        raise SnapshotError(f"its release could not be read: {release.unreadable}")
    oldest = OLDEST_SUPPORTED.get(release.id)
    number = release.version.split(".")[0]
    if oldest is None or not number.isdigit() or int(number) < oldest:
        known = ", ".join(f"{name} {version} and later" for name, version in SUPPORTED_NAMES)
        raise SnapshotError(f"it runs {release.name!r}; Holdfast knows {known}")


def read_snapshot(data: bytes | str) -> Snapshot:
    """Parse a snapshot from JSON. Raises SnapshotError with one line that says what is wrong."""
    if len(data) > LARGEST_SNAPSHOT:
        raise SnapshotError(f"the snapshot is larger than {LARGEST_SNAPSHOT} bytes")
    try:
        raw = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise SnapshotError(
            "the snapshot is not whole JSON: it was cut short or damaged"
        ) from error
    if not isinstance(raw, dict) or not isinstance(raw.get("version"), int):
        raise SnapshotError("this JSON is not a snapshot: it has no version")
    if raw["version"] > SNAPSHOT_VERSION:
        raise SnapshotError(
            f"the snapshot has version {raw['version']}, this Holdfast reads up to "
            f"{SNAPSHOT_VERSION}: use a newer Holdfast"
        )
    try:
        return Snapshot.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SnapshotError(
            f"the snapshot is damaged at {where[:200]!r}: {first['msg']}"
        ) from error
