"""The admin's part of ~/.ssh/config: hosts behind others by ProxyJump, the agent never forwarded.

A forwarded agent could be used by whoever is root on the host in between.
"""

from __future__ import annotations

from pathlib import Path

from holdfast.site.hosts import Host
from holdfast.site.site import Site


def ssh_config(site: Site, admin: str, identity: Path | None = None) -> str:
    """One block for each host, named `SITE-HOST`; `identity` is the admin's private key file."""
    return "\n".join(_block(site, host, admin, identity) for host in site.hosts.values())


def _block(site: Site, host: Host, admin: str, identity: Path | None) -> str:
    lines = [f"Host {_alias(site, host.name)}"]
    settings = [("HostName", host.addresses[0]), ("User", admin)]
    if host.through is not None:
        settings.append(("ProxyJump", _alias(site, host.through)))
    if identity is not None:
        settings += [("IdentityFile", f'"{identity}"'), ("IdentitiesOnly", "yes")]
    settings.append(("ForwardAgent", "no"))
    lines += [f"    {keyword} {value}" for keyword, value in settings]
    return "\n".join(lines) + "\n"


def _alias(site: Site, host: str) -> str:
    return f"{site.name}-{host}"
