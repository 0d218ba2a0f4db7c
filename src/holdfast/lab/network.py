"""The two networks of a lab: addresses as pure data, bridges and links on the machine."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from holdfast.lab.commands import attempt, perform
from holdfast.lab.errors import LabError

FIRST_HOST = 11
LAST_HOST = 254
SLOTS = range(100)


@dataclass(frozen=True)
class Network:
    """One network of a slot: an IPv4 /24, an IPv6 /64 and the bridge that carries both."""

    slot: int
    purpose: str
    v4_prefix: str
    v6_prefix: str

    @property
    def bridge(self) -> str:
        return f"hf{self.slot}-{self.purpose}"

    def v4(self, number: int) -> str:
        """The IPv4 address that ends in `number`."""
        return f"{self.v4_prefix}.{number}"

    def v6(self, number: int) -> str:
        """The IPv6 address that ends in `number`, read as its digits: 11 is ::11."""
        return f"{self.v6_prefix}::{number}"


def public(slot: int) -> Network:
    """Where admins, visitors and attackers reach the hosts."""
    return Network(slot, "public", f"10.77.{slot}", f"fd77:{slot}" if slot else "fd77")


def private(slot: int) -> Network:
    """Where the hosts reach each other."""
    return Network(slot, "private", f"10.78.{slot}", f"fd78:{slot}" if slot else "fd78")


def machine_name(slot: int, number: int) -> str:
    """The name of a host's container on this machine; short, since links are named after it."""
    return f"hf{slot}h{number}"


def public_link(slot: int, number: int) -> str:
    """This machine's end of a host's public link, as systemd-nspawn names it."""
    return f"vb-{machine_name(slot, number)}"


def private_link(slot: int, number: int) -> str:
    """This machine's end of a host's private link."""
    return f"vp-{machine_name(slot, number)}"


def link_exists(name: str) -> bool:
    return Path("/sys/class/net", name).exists()


def _hardware_address(owner: str, bridge: str) -> str:
    """A locally administered address that only a bridge of this owner has.

    It is set as the bridge is created, so that no crash leaves a bridge without an owner.
    """
    digest = hashlib.sha256(f"{owner}\0{bridge}".encode()).digest()
    return ":".join(f"{byte:02x}" for byte in (0x02, 0x48, *digest[:4]))


def owns_bridge(network: Network, owner: str) -> bool:
    """Whether the network's bridge exists and was created by this owner."""
    path = Path("/sys/class/net", network.bridge, "address")
    try:
        return path.read_text().strip() == _hardware_address(owner, network.bridge)
    except OSError:
        return False


def create_bridge(network: Network, owner: str) -> None:
    """Create the network's bridge; this machine takes the addresses that end in 1."""
    bridge = network.bridge
    if link_exists(bridge):
        raise LabError(
            f"slot {network.slot} is taken: the link {bridge} exists on this machine; "
            "choose another slot, or `holdfast lab down --all`"
        )
    address = _hardware_address(owner, bridge)
    perform(["ip", "link", "add", "name", bridge, "address", address, "type", "bridge"])
    perform(
        ["ip", "-batch", "-"],
        text=(
            f"link set {bridge} type bridge stp_state 0 forward_delay 0 mcast_snooping 0\n"
            f"addr add {network.v4(1)}/24 dev {bridge}\n"
            f"addr add {network.v6(1)}/64 dev {bridge} nodad\n"
            f"link set {bridge} up\n"
        ),
    )


def remove_bridge(network: Network, owner: str) -> None:
    """Remove the network's bridge, if it is this owner's."""
    if owns_bridge(network, owner):
        remove_link(network.bridge)


def remove_link(name: str) -> None:
    """Remove a link and, with it, its other end; one that is gone is no error."""
    if link_exists(name):
        outcome = attempt(["ip", "link", "del", name])
        if outcome.returncode != 0 and link_exists(name):
            raise LabError(f"the link {name} cannot be removed: {outcome.stderr.strip()}")


def attach(link: str, network: Network) -> None:
    """Plug a link into the network's bridge."""
    perform(["ip", "link", "set", link, "addrgenmode", "none", "master", network.bridge, "up"])


def cut(link: str) -> None:
    """Take this machine's end of a link down: the host loses its carrier."""
    perform(["ip", "link", "set", link, "down"])


def restore(link: str) -> None:
    """Take this machine's end of a link up again."""
    perform(["ip", "link", "set", link, "up"])
