"""A lab: throw-away servers on this machine, with two networks between them."""

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from holdfast.lab import groups, layers, machine, network, site_folder
from holdfast.lab.bases import Report, base_layers
from holdfast.lab.errors import LabError
from holdfast.lab.host import Host
from holdfast.lab.identity import give_identity
from holdfast.lab.locks import locked
from holdfast.lab.mounts import unmount_below
from holdfast.lab.recipe import RELEASES, ROLES
from holdfast.lab.records import HostRecord, LabRecord, folder, lab_folder, make_folder

_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
_AT_ONCE = 4


@dataclass(frozen=True)
class HostSpec:
    """A host to be: its name, Debian release and roles."""

    name: str
    release: str = "bookworm"
    roles: tuple[str, ...] = ()


@dataclass(frozen=True)
class HostStatus:
    """A host of some lab as it is now."""

    lab: str
    slot: int
    name: str
    release: str
    roles: tuple[str, ...]
    public: str
    private: str
    running: bool


class Lab:
    """Servers that live until `down`, whichever process calls it.

    The record of a lab is written before anything is started and removed after everything has
    ended. So a lab whose starter died at any moment can be taken down as a whole.
    """

    def __init__(self, name: str = "default", slot: int = 0, report: Report | None = None) -> None:
        """Name a lab, up or not; the `slot` (0 to 99) of one that is up is the one it has."""
        if not _NAME.fullmatch(name):
            raise LabError(f"{name!r} is no name for a lab: lower-case letters, digits, dashes")
        if slot not in network.SLOTS:
            raise LabError(f"slot {slot} does not exist: choose one of 0 to {network.SLOTS[-1]}")
        self.name = name
        self._wanted_slot = slot
        self._report: Report = report or (lambda line: None)

    @property
    def folder(self) -> Path:
        """Where this lab keeps everything it has."""
        return lab_folder(self.name)

    @property
    def slot(self) -> int:
        record = LabRecord.read(self.name)
        return record.slot if record is not None else self._wanted_slot

    @property
    def site(self) -> Path:
        """The folder with holdfast.toml and the keys."""
        record = LabRecord.read(self.name)
        return Path(record.site) if record is not None else self.folder / "site"

    @property
    def controllers(self) -> tuple[str, ...]:
        """This machine's own addresses in the lab: public, then private; IPv4, then IPv6."""
        networks = (network.public(self.slot), network.private(self.slot))
        return tuple(address for one in networks for address in (one.v4(1), one.v6(1)))

    @property
    def hosts(self) -> Mapping[str, Host]:
        """The hosts by name; none when the lab is down."""
        record = LabRecord.read(self.name)
        return {} if record is None else {one.name: Host(record, one) for one in record.hosts}

    def host(self, name: str) -> Host:
        """The host `name`; LabError when there is none."""
        hosts = self.hosts
        if name not in hosts:
            having = f"it has: {', '.join(hosts)}" if hosts else "it is down"
            raise LabError(f"the lab {self.name} has no host {name!r}; {having}")
        return hosts[name]

    def up(self, specs: Sequence[HostSpec], site: Path | None = None) -> None:
        """Start the hosts and wait until SSH answers on each; write the site folder.

        When it fails, what it started is taken down again.
        """
        machine.require(self._report)
        record = self._plan(specs, site)
        with locked(self.folder):
            if LabRecord.read(self.name) is not None:
                raise LabError(
                    f"the lab {self.name} is up already, or was left halfway: "
                    f"`holdfast lab down --name {self.name}`"
                )
            record.write()
            machine.make_room(sum(len(Lab(name).hosts) for name in _names()), self._report)
            try:
                self._start(record)
            except BaseException:
                self._end()
                raise

    def down(self) -> None:
        """End and remove everything of this lab; nothing left of it is no error."""
        machine.require_root()
        if self.folder.exists():
            with locked(self.folder):
                self._end()

    @staticmethod
    def down_all() -> None:
        """Take down every lab of this machine's lab folder."""
        machine.require_root()
        for name in _names():
            Lab(name).down()

    @staticmethod
    def status() -> list[HostStatus]:
        """Every host of every lab."""
        machine.require_root()
        return [
            HostStatus(
                lab=name,
                slot=record.slot,
                name=host.name,
                release=host.release,
                roles=host.roles,
                public=host.public,
                private=host.private,
                running=host.running,
            )
            for name in _names()
            if (record := LabRecord.read(name)) is not None
            for host in Lab(name).hosts.values()
        ]

    def _plan(self, specs: Sequence[HostSpec], site: Path | None) -> LabRecord:
        if not specs:
            raise LabError("a lab needs at least one host, such as app:bookworm:app")
        most = network.LAST_HOST - network.FIRST_HOST + 1
        if len(specs) > most:
            raise LabError(f"a lab has at most {most} hosts: leave some out")
        for spec in specs:
            _check(spec)
        names = [spec.name for spec in specs]
        for name in names:
            if names.count(name) > 1:
                raise LabError(f"two hosts are named {name}: give each its own name")
        return LabRecord(
            name=self.name,
            slot=self._wanted_slot,
            site=str((site or self.folder / "site").absolute()),
            groups=groups.names(str(self.folder)),
            hosts=tuple(
                HostRecord(spec.name, spec.release, spec.roles, network.FIRST_HOST + index)
                for index, spec in enumerate(specs)
            ),
        )

    def _start(self, record: LabRecord) -> None:
        root_key = site_folder.create(Path(record.site))
        for one in (network.public(record.slot), network.private(record.slot)):
            network.create_bridge(one, str(self.folder))
        hosts = list(self.hosts.values())
        overlay = layers.overlay_works(self.folder)

        def start(host: Host) -> None:
            make_folder(host.folder)
            lower = base_layers(host.release, host.roles, self._report, overlay=overlay)
            host.files.create(lower, overlay=overlay)
            give_identity(host, root_key)
            host.boot()
            self._report(f"{host.name} answers at {host.public} ({host.release})")

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for _ in pool.map(start, hosts):
                pass
        site_folder.describe(Path(record.site), self.name, hosts, self.controllers)

    def _end(self) -> None:
        record = LabRecord.read(self.name)
        if record is not None:
            networks = (network.public(record.slot), network.private(record.slot))
            if any(network.owns_bridge(one, str(self.folder)) for one in networks):
                # without a bridge of ours the slot, and links named after it, may be another's
                for host in self.hosts.values():
                    host.kill()
            groups.end(record.groups)
            for one in networks:
                network.remove_bridge(one, str(self.folder))
        unmount_below(self.folder)
        if record is not None:
            site_folder.remove(Path(record.site))
        layers.remove_tree(self.folder)


def _check(spec: HostSpec) -> None:
    if not _NAME.fullmatch(spec.name):
        raise LabError(f"{spec.name!r} is no name for a host: lower-case letters, digits, dashes")
    if spec.release not in RELEASES:
        raise LabError(f"{spec.name}: {spec.release!r} is no release; choose {', '.join(RELEASES)}")
    for role in spec.roles:
        if role not in ROLES:
            raise LabError(f"{spec.name}: {role!r} is no role; choose {', '.join(ROLES)}")


def _names() -> list[str]:
    labs = folder() / "labs"
    return sorted(path.name for path in labs.iterdir() if path.is_dir()) if labs.exists() else []
