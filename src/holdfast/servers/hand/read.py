"""Reads the snapshot: everything about this host that controls judge, as plain data.

Each section stands alone: one that cannot be read holds the reason, `{"unreadable": …}`, and the
others are read all the same. The shape is that of the `Snapshot` which receives it.
"""

from __future__ import annotations

import os
import time
from typing import Any, Callable, Dict, Generic, List, Optional, Sequence, TypeVar, cast

from . import (
    kernel,
    read_accounts,
    read_apt,
    read_configuration,
    read_keys,
    read_network,
    read_sshd,
    read_system,
    read_units,
)
from .read_daemon import find_daemon
from .read_files import Names, read_text, read_text_if_any
from .read_programs import LARGEST_OUTPUT, CannotRead, Program

SNAPSHOT_VERSION = 1
MACHINE_ID = "/etc/machine-id"
BOOT_ID = "/proc/sys/kernel/random/boot_id"
OS_RELEASE = ("/etc/os-release", "/usr/lib/os-release")
LONGEST_NAME, LONGEST_TEXT, LONGEST_CONTENT = 256, 4096, 262_144
LONGEST = {  # characters below such a key, where it is more than a name
    **dict.fromkeys(("name", "home", "shell", "version", "bound_to", "unreadable"), LONGEST_TEXT),
    **dict.fromkeys(("arguments", "config_files", "settings", "host_keys"), LONGEST_TEXT),
    **dict.fromkeys(("files", "key_files"), LONGEST_TEXT),
    **dict.fromkeys(("content", "holdfast"), LONGEST_CONTENT),
    "policy": LARGEST_OUTPUT,
}

Section = Any
T = TypeVar("T")


def section(read: Callable[[], Section], longest: int = LONGEST_NAME) -> Section:
    """Return what a reader returns, or the reason why it could not."""
    try:
        return presentable(read(), longest)
    except CannotRead as reason:
        return {"unreadable": presentable(str(reason)[:LONGEST_TEXT])}
    except Exception as error:  # a defect in one reader must not hide what the others see
        said = presentable(f"{type(error).__name__}: {error}")
        return {"unreadable": f"the reader failed: {said[:500]}"}


def presentable(value: Section, longest: int = LONGEST_NAME) -> Section:
    """Return plain data as JSON can carry it. Raises CannotRead for what a snapshot cannot hold."""
    if isinstance(value, str):
        text = value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
        if len(text) > longest:
            raise CannotRead(f"a value is longer than {longest} characters: {text[:60]}…")
        return text
    if isinstance(value, dict):
        return {
            presentable(key, longest): presentable(item, LONGEST.get(key, longest))
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [presentable(item, longest) for item in value]
    return value


class Once(Generic[T]):
    """What several sections need: read when first asked for, and the same answer ever after."""

    def __init__(self, read: Callable[[], T]) -> None:
        self._read = read
        self._value: Optional[T] = None
        self._failure: Optional[Exception] = None
        self._done = False

    def __call__(self) -> T:
        if not self._done:
            self._done = True
            try:
                self._value = self._read()
            except Exception as error:  # kept for everybody who asks
                self._failure = error
        if self._failure is not None:
            raise self._failure
        return cast(T, self._value)


class Host:
    """This host while it is read: the programs that were started, and what sections share."""

    def __init__(self) -> None:
        self.systemd = read_units.ask_systemd()
        self.ip = Program("ip", "-j", "addr")
        self.ss = Program("ss", "-H", "-tulnp")
        self.detect_virt = Program("systemd-detect-virt")
        self.nft = read_network.ask_nft()
        self.cvtsudoers = read_system.ask_cvtsudoers()
        self.apt = read_apt.ask_apt()
        self.people = Once(lambda: read_accounts.parse_passwd(read_text("/etc/passwd")))
        self.groups = Once(lambda: read_accounts.parse_group(read_text("/etc/group")))
        self.units = Once(lambda: read_units.parse_show(self.systemd.succeeded()))
        self.addresses = Once(self._addresses)
        self.daemon = Once(find_daemon)
        self.sshd = Once(self._sshd)

    def end(self) -> None:
        """Leave no program behind."""
        asked = (self.systemd, self.ip, self.ss, self.detect_virt, *self.nft, self.cvtsudoers)
        for program in (*asked, self.apt):
            if program is not None:
                program.end()

    def names(self) -> Names:
        return read_accounts.names_of(self.people(), self.groups())

    def _addresses(self) -> List[str]:
        read_network.require_network()
        return read_network.parse_addresses(self.ip.succeeded())

    def _sshd(self) -> read_sshd.SshdSeen:
        try:
            units = self.units()
        except CannotRead:  # no systemd here: the process itself is all there is
            service, by_socket, to_be = None, False, ""
        else:
            service = read_units.service_of(units["ssh.service"])
            by_socket = units["ssh.socket"].get("ActiveState") == ["active"]
            to_be = read_units.socket_starts(units) if by_socket else ""
        return read_sshd.sshd_seen(
            self._asked_about(),
            self._own_address(),
            self.daemon(),
            service,
            by_socket=by_socket,
            to_be=to_be,
        )

    def _asked_about(self) -> List[str]:
        return [person.name for person in self.people().values() if read_accounts.consulted(person)]

    def _own_address(self) -> str:
        try:
            return next(iter(self.addresses()), read_sshd.LOOPBACK)
        except CannotRead:
            return read_sshd.LOOPBACK

    def key_file_setting(self, user: str) -> str:
        """Return the AuthorizedKeysFile that holds for a user, from wherever they come."""
        try:
            answers = self.sshd().answers
        except CannotRead:
            return read_keys.DEFAULT_KEY_FILES
        return read_sshd.value_for(user, "authorizedkeysfile", answers)

    def sshd_files(self) -> Sequence[str]:
        """Return the files that sshd reads, also where its arguments name others than usual."""
        try:
            return self.sshd().included.files
        except CannotRead:
            return ()

    def accounts(self) -> Dict[str, object]:
        return read_accounts.accounts_section(
            self.people(),
            self.groups(),
            read_accounts.parse_shadow(read_text("/etc/shadow")),
            self.key_file_setting,
            read_text("/proc/self/mountinfo"),
            int(time.time() / read_accounts.SECONDS_A_DAY),
        )

    def listeners(self) -> List[Dict[str, object]]:
        daemon = self.daemon()
        return read_network.listeners_section(self.ss, None if daemon is None else daemon.pid)


def snapshot() -> Dict[str, Any]:
    """Read this host. Never raises: what cannot be read says so in its section."""
    begun = time.monotonic()
    host = Host()
    try:
        sections = {
            "release": section(lambda: read_system.parse_release(_first_text(OS_RELEASE))),
            "packages": section(read_system.read_packages),
            "sshd": section(lambda: host.sshd().section),
            "accounts": section(host.accounts),
            "groups": section(lambda: read_accounts.members_of(host.people(), host.groups())),
            "files": files_section(host),
            "addresses": section(host.addresses),
            "listeners": section(host.listeners),
            "firewall": section(lambda: read_network.firewall_section(host.nft)),
            "sudo": section(lambda: read_system.sudo_section(host.cvtsudoers)),
            "apt": section(lambda: read_apt.apt_section(host.apt)),
            "kernel": section(kernel.read_kernel),
            "units": section(lambda: read_units.units_section(host.units())),
            "evidence": section(read_system.evidence_section),
            "transactions": section(read_system.transactions_section),
            "virtualisation": read_system.virtualisation(host.detect_virt),
        }
    finally:
        host.end()
    return {
        "version": SNAPSHOT_VERSION,
        "at": time.time(),
        "privileged": os.geteuid() == 0,
        "hostname": os.uname().nodename[:LONGEST_NAME],
        "machine": read_system.machine(_text_or_nothing(MACHINE_ID)),
        "boot": _text_or_nothing(BOOT_ID).strip()[:LONGEST_NAME],
        **sections,
        "seconds": time.monotonic() - begun,
    }


def files_section(host: Host) -> Dict[str, Any]:
    """Return the judged files; here every file is a section of its own."""
    read = section(lambda: read_configuration.files(host.names(), host.sshd_files()), LONGEST_TEXT)
    return {"/etc": read} if "unreadable" in read else read


def _first_text(paths: Sequence[str]) -> str:
    return next((text for text in map(read_text_if_any, paths) if text is not None), "")


def _text_or_nothing(path: str) -> str:
    try:
        return read_text(path)
    except CannotRead:
        return ""
