"""OpenSSH's own client, by which a peer without a transport of its own reaches a lab's host."""

from __future__ import annotations

from pathlib import Path

from holdfast.lab import Host

ADMIN = "admin"


def options(site: Path) -> list[str]:
    """What makes ssh use the site's key and pinned host keys, and no file of this machine."""
    return [
        "-F/dev/null",
        *("-i", str(site / "keys" / f"{ADMIN}_ed25519")),
        *("-o", "IdentitiesOnly=yes"),
        *("-o", "BatchMode=yes"),
        *("-o", f"UserKnownHostsFile={site}/.holdfast/known_hosts"),
    ]


def as_root(site: Path, host: Host, argv: list[str]) -> list[str]:
    """The command that logs in as the admin and runs `argv` by sudo, which reads a password."""
    return ["ssh", *options(site), f"{ADMIN}@{host.public}", "sudo -k -S -p ''", *argv]


def sudo_password(site: Path) -> Path:
    """The file with the admin's sudo password."""
    return site / "keys" / f"{ADMIN}.sudo"
