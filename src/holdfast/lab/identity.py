"""What makes a copy of the base one particular server: name, keys, machine id, addresses."""

import uuid
from pathlib import Path

from holdfast.lab.commands import perform
from holdfast.lab.host import Host
from holdfast.lab.records import make_folder

HOST_KEY = "etc/ssh/ssh_host_ed25519_key"

_NETWORK_UNIT = """\
[Match]
Name={link}

[Network]
Address={v4}/24
LinkLocalAddressing=no
IPv6AcceptRA=no
DHCP=no
IgnoreCarrierLoss=yes

[Address]
Address={v6}/64
DuplicateAddressDetection=none
"""


def give_identity(host: Host, root_key: str) -> None:
    """Write a host's own files into its tree; `root_key` is the provider's public key."""
    root = host.files.root
    _write(root / "etc/hostname", f"{host.name}\n")
    _write(
        root / "etc/hosts",
        f"127.0.0.1 localhost\n127.0.1.1 {host.name}\n::1 localhost ip6-localhost ip6-loopback\n",
    )
    _write(root / "etc/machine-id", f"{uuid.uuid4().hex}\n", 0o444)
    for link, v4, v6 in (
        ("host0", host.public, host.public6),
        ("host1", host.private, host.private6),
    ):
        unit = _NETWORK_UNIT.format(link=link, v4=v4, v6=v6)
        _write(root / f"etc/systemd/network/10-{link}.network", unit)
    create_key(root / HOST_KEY, f"root@{host.name}")
    make_folder(root / "root/.ssh", 0o700)
    _write(root / "root/.ssh/authorized_keys", f"{root_key}\n", 0o600)


def host_key(host: Host) -> str:
    """The public host key, type and key only."""
    return public_part(host.files.root / HOST_KEY).rpartition(" ")[0]


def create_key(path: Path, comment: str) -> None:
    """Make an ed25519 key pair without a passphrase at `path` and `path`.pub."""
    perform(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", path])
    path.with_name(f"{path.name}.pub").chmod(0o644)


def public_part(path: Path) -> str:
    """The public key that belongs to the private key at `path`, as its one line."""
    return path.with_name(f"{path.name}.pub").read_text(encoding="utf-8").strip()


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
