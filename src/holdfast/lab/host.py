"""One throw-away server: started, stopped, cut off, copied and looked into."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from holdfast.lab import groups, network, readiness
from holdfast.lab.commands import PLAIN_ENVIRONMENT, Outcome, attempt, last_line, perform
from holdfast.lab.errors import LabError
from holdfast.lab.layers import Files
from holdfast.lab.network import Network
from holdfast.lab.packages import repository
from holdfast.lab.process import Process
from holdfast.lab.records import HostRecord, LabRecord, lab_folder

_LAUNCHER = Path(__file__).with_name("launch.py")
_CONTAINER = "systemd-nspawn"
_READY_WITHIN_S = 30.0
_REBOOT_WITHIN_S = 100.0
_ENDED_WITHIN_S = 1.0  # how long the rest of a host outlives its process 1


class Host:
    """A host of a lab.

    It is *off* until `boot`, then *running* until it is killed, powers off or reboots itself; its
    files outlive that until they are reset or the lab is taken down.
    """

    def __init__(self, lab: LabRecord, record: HostRecord) -> None:
        self._lab = lab
        self._record = record
        self._networks: tuple[Network, Network] = (
            network.public(lab.slot),
            network.private(lab.slot),
        )
        self.folder = lab_folder(lab.name) / "hosts" / record.name
        self.files = Files(self.folder)
        self.groups = tuple(f"{group}/{record.name}" for group in lab.groups)

    @property
    def name(self) -> str:
        return self._record.name

    @property
    def release(self) -> str:
        return self._record.release

    @property
    def roles(self) -> tuple[str, ...]:
        return self._record.roles

    @property
    def public(self) -> str:
        """The public IPv4 address."""
        return self._networks[0].v4(self._record.number)

    @property
    def public6(self) -> str:
        """The public IPv6 address."""
        return self._networks[0].v6(self._record.number)

    @property
    def private(self) -> str:
        """The private IPv4 address, where the other hosts reach it."""
        return self._networks[1].v4(self._record.number)

    @property
    def private6(self) -> str:
        """The private IPv6 address, where the other hosts reach it."""
        return self._networks[1].v6(self._record.number)

    @property
    def links(self) -> tuple[str, str]:
        """This machine's ends of the host's public and private link."""
        slot, number = self._lab.slot, self._record.number
        return network.public_link(slot, number), network.private_link(slot, number)

    @property
    def running(self) -> bool:
        return groups.populated(self.groups[0])

    @property
    def pid(self) -> int:
        """The process id, on this machine, of the host's own process 1."""
        container = Process.read(self.folder / "container.json")
        child = container.inner_first() if container is not None and container.lives() else None
        if child is None:
            raise LabError(f"{self.name} is not running: boot it first")
        return child

    def enter(self, argv: Sequence[str]) -> list[str]:
        """The command of this machine that runs `argv` inside the host."""
        return ["nsenter", "-t", str(self.pid), "-m", "-u", "-i", "-n", "-p", "--", *argv]

    def run(
        self, argv: Sequence[str], *, input: str | None = None, timeout_s: float = 60.0
    ) -> Outcome:
        """Run a program inside as root, without SSH; its status is the caller's to judge."""
        return attempt(
            self.enter(argv), text=input, timeout_s=timeout_s, environment=PLAIN_ENVIRONMENT
        )

    def check(
        self, argv: Sequence[str], *, input: str | None = None, timeout_s: float = 60.0
    ) -> str:
        """Like `run`, but return the output, and raise LabError when the program fails."""
        outcome = self.run(argv, input=input, timeout_s=timeout_s)
        if outcome.returncode != 0:
            raise LabError(f"{self.name}: `{' '.join(argv)}` failed: {last_line(outcome)}")
        return outcome.stdout

    def boot(self, *, ready_within_s: float | None = _READY_WITHIN_S) -> None:
        """Start the host and wait until SSH answers; with None, do not wait for that."""
        if self.running:
            raise LabError(f"{self.name} is running already: kill or reboot it")
        self._clear()
        groups.create(self.groups)
        container = self._launch()
        container.write(self.folder / "container.json")
        self._plug_in(container)
        if ready_within_s is not None:
            try:
                self.wait_until_ready(ready_within_s)
            except LabError:
                if groups.wait_until_empty(self.groups, _ENDED_WITHIN_S):
                    raise self._not_started() from None
                raise

    def wait_until_ready(self, within_s: float = _READY_WITHIN_S) -> None:
        """Wait until the host has its addresses, lets people log in, and SSH answers."""
        addresses = (self.public, self.private, self.public6, self.private6)
        readiness.wait(self.name, lambda: self.pid, addresses, within_s)

    def kill(self) -> None:
        """Cut the power: every process ends at once. Files stay as they are."""
        self._clear()

    def reboot(self, *, ready_within_s: float | None = _READY_WITHIN_S) -> None:
        """Shut down in order, as `systemctl reboot` does, and start again."""
        self.run(["systemctl", "reboot"], timeout_s=_REBOOT_WITHIN_S)
        self.wait_until_off()
        self.boot(ready_within_s=ready_within_s)

    def wait_until_off(self, within_s: float = _REBOOT_WITHIN_S) -> None:
        """Wait for a host that is going down by itself."""
        if not groups.wait_until_empty(self.groups, within_s):
            raise LabError(f"{self.name} did not go down within {within_s:g} s: kill it")
        self._clear()

    def cut_network(self) -> None:
        """Pull both cables: no packet in or out. The host keeps its addresses."""
        for link in self.links:
            network.cut(link)

    def restore_network(self) -> None:
        """Undo `cut_network`."""
        for link in self.links:
            network.restore(link)

    def snapshot(self, name: str) -> None:
        """Keep the host's files as of this moment; its processes are held still meanwhile.

        The files are as after a power cut: what a program had not yet written is not among them.
        """
        with groups.frozen(self.groups):
            self.files.snapshot(name)

    def reset(self, name: str) -> None:
        """Put the files back as they were at `snapshot(name)`, and boot."""
        self.files.known(name)
        self._clear()
        self.files.reset(name)
        self.boot()

    def _clear(self) -> None:
        container = Process.read(self.folder / "container.json")
        if container is not None:
            container.kill()
        groups.end(self.groups)
        for link in self.links:
            network.remove_link(link)
        (self.folder / "container.json").unlink(missing_ok=True)

    def _launch(self) -> Process:
        inner_private = f"{self.links[1]}:host1"
        container = [
            *(_CONTAINER, "-q", "--keep-unit", "--register=no", "-D", str(self.files.root), "-b"),
            *(f"--network-bridge={self._networks[0].bridge}", "--link-journal=no"),
            f"--machine={network.machine_name(self._lab.slot, self._record.number)}",
            *(f"--network-veth-extra={inner_private}", "--resolv-conf=off", "--timezone=off"),
            f"--bind-ro={repository(self.release)}:/srv/packages",
        ]
        launcher = [sys.executable, "-I", "-S", str(_LAUNCHER), str(self.folder / "console.log")]
        started = perform([*launcher, *self.groups, "--", *container])
        process = Process.of(int(started), _CONTAINER)
        if process is None:
            raise self._not_started()
        return process

    def _plug_in(self, container: Process) -> None:
        """Attach the private link, which systemd-nspawn creates but leaves alone."""
        deadline = time.monotonic() + _READY_WITHIN_S
        link = self.links[1]
        while not (network.link_exists(link) and container.inner_first()):
            if not container.lives() or time.monotonic() > deadline:
                raise self._not_started()
            time.sleep(0.005)
        network.attach(link, self._networks[1])

    def _not_started(self) -> LabError:
        console = self.folder / "console.log"
        lines = console.read_text(errors="replace").strip().splitlines() if console.exists() else []
        return LabError(
            f"{self.name} did not start: {lines[-1] if lines else 'no word'} ({console})"
        )
