"""What the network and ordinary programs can make the kernel do.

The guide leaves this out; so do most, since the defaults of a distribution look after old programs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from holdfast.servers.control import Control, Gap, Phase, Principle, Severity, Want
from holdfast.servers.kernel_parameters import (
    FILE,
    MODULES,
    MODULES_FILE,
    PARAMETERS,
    Parameter,
    matching,
    parse,
    parse_modules,
)
from holdfast.servers.snapshot import Snapshot, judged
from holdfast.site import Host, Site

CONTAINERS = ("systemd-nspawn", "lxc", "lxc-libvirt", "docker", "podman", "openvz", "rkt", "wsl")
SHOWN = 3  # of the values that are not as wanted


def gaps(host: Host, snapshots: Mapping[str, Snapshot], site: Site) -> Iterable[Gap]:
    """Yield each parameter of the running kernel that is weaker than it can be."""
    snapshot = snapshots[host.name]
    values = judged(snapshot.kernel).parameters
    held = snapshot.files.get(FILE)
    at_boot = {} if held is None else parse(judged(held).content or "")
    for parameter in PARAMETERS:
        if parameter.of_network or snapshot.virtualisation not in CONTAINERS:
            yield from _parameter(parameter, values, at_boot)
    yield from _modules(snapshot)


def _parameter(
    parameter: Parameter, values: Mapping[str, str], at_boot: Mapping[str, str]
) -> Iterator[Gap]:
    found = matching(values, parameter.name)
    weak = [
        f"{name} = {found[name]}" for name in sorted(found) if found[name] not in parameter.good
    ]
    if weak:
        more = f" and {len(weak) - SHOWN} more" if len(weak) > SHOWN else ""
        evidence = f"{', '.join(weak[:SHOWN])}{more}"
        if at_boot.get(parameter.name) in parameter.good:
            last = parameter.name.rpartition("/")[2]
            where = f"sudo grep -rn {last} /etc/sysctl* /etc/ufw /etc/network /etc/systemd/network"
            mend = f"take it out of what sets it after {FILE}: {where}"
            yield Gap(parameter.otherwise, evidence, mend=mend)
        else:
            want = Want("kernel", parameter.name, parameter.wanted, Phase.WIDEN)
            yield Gap(parameter.otherwise, evidence, wants=(want,))


def _modules(snapshot: Snapshot) -> Iterator[Gap]:
    held = snapshot.files.get(MODULES_FILE)
    refused = {} if held is None else parse_modules(judged(held).content or "")
    missing = [name for name in MODULES if name not in refused]
    if missing:
        wants = tuple(Want("modules", name, "refused", Phase.WIDEN) for name in missing)
        yield Gap(
            "drivers that a server does not need load themselves when somebody asks for them",
            f"modprobe.d: nothing of Holdfast's refuses {', '.join(missing)}",
            wants=wants,
        )


KERNEL_PARAMETERS = Control(
    id="kernel.parameters",
    title="The kernel takes no orders from strangers",
    principle=Principle.PREVENT_DIRECT_ACCESS,
    source="G3",
    severity=Severity.MEDIUM,
    stops="traffic is led astray, and a program that was broken into gets further into the kernel",
    changes=(
        "Sets what is weaker than it can be, at once and in /etc/sysctl.d/zz-holdfast.conf; keeps "
        "modules for rare protocols and for storage that is plugged in from loading. Forwarding is "
        "left as it is. In a container only parameters of the network are its own, and only they "
        "are judged."
    ),
    deviates="The guide leaves the kernel out.",
    gaps=gaps,
)
