"""The site folder of a lab: a holdfast.toml that describes it, and the keys that open it."""

import secrets
from collections.abc import Sequence
from pathlib import Path

from holdfast.lab.errors import LabError
from holdfast.lab.host import Host
from holdfast.lab.identity import create_key, host_key, public_part
from holdfast.lab.layers import remove_tree
from holdfast.lab.recipe import SITE_ROLES
from holdfast.lab.records import make_folder, write_private

ROOT_KEY = "keys/root_ed25519"
ADMIN_KEY = "keys/admin_ed25519"
SUDO_PASSWORD = "keys/admin.sudo"  # noqa: S105 (the file's name)
SITE_FILE = "holdfast.toml"
_OWN = (SITE_FILE, "keys", ".holdfast")


def create(place: Path) -> str:
    """Make the folder and its keys; return the provider's public key.

    Raises LabError when the folder holds something already.
    """
    if place.exists() and any(place.iterdir()):
        raise LabError(f"{place} is not empty: name another folder with --dir, or empty it")
    make_folder(place, 0o700)
    make_folder(place / "keys", 0o700)
    make_folder(place / ".holdfast", 0o700)
    create_key(place / ROOT_KEY, "provider")
    create_key(place / ADMIN_KEY, "admin")
    write_private(place / SUDO_PASSWORD, secrets.token_urlsafe(18) + "\n")
    return public_part(place / ROOT_KEY)


def describe(place: Path, name: str, hosts: Sequence[Host], controllers: Sequence[str]) -> None:
    """Write the site file and what OpenSSH and Holdfast need to reach the hosts."""
    admin_key = public_part(place / ADMIN_KEY)
    write_private(place / SITE_FILE, site_text(name, hosts, controllers, admin_key))
    write_private(place / ".holdfast/known_hosts", "".join(map(_known_host, hosts)))
    write_private(place / ".holdfast/ssh_config", _ssh_config(place, hosts))


def remove(place: Path) -> None:
    """Remove what the lab wrote there, and the folder if nothing else is in it."""
    if not place.exists():
        return
    for name in _OWN:
        remove_tree(place / name)
    if not any(place.iterdir()):
        place.rmdir()


def site_text(name: str, hosts: Sequence[Host], controllers: Sequence[str], admin_key: str) -> str:
    """The text of the site file for the hosts that a site has; others are strangers to it."""
    members = [host for host in hosts if set(host.roles) & set(SITE_ROLES)]
    site = f'[site]\nname = "{name}"\ndomain = "{name}.example.com"\n'
    parts = [
        f"{site}controllers = {_strings(controllers)}\n",
        f'[admins.admin]\nkeys = ["{admin_key}"]\nsudo_password = "file:{SUDO_PASSWORD}"\n',
    ]
    parts += [_host_text(host) for host in members]
    databases = [host for host in members if "database" in host.roles]
    apps = [host.name for host in members if "app" in host.roles]
    if databases and apps:
        parts.append(
            "[databases.todo]\n"
            f'host = "{databases[0].name}"\n'
            'engine = "mariadb"\n\n'
            "[databases.todo.users.todo]\n"
            f"from = {_strings(apps)}\n"
            'grants = { "*" = ["SELECT", "INSERT", "UPDATE", "DELETE"] }\n'
        )
    return "\n".join(parts)


def _host_text(host: Host) -> str:
    return (
        f"[hosts.{host.name}]\n"
        f"roles = {_strings([role for role in host.roles if role in SITE_ROLES])}\n"
        f"address = {_strings([host.public, host.public6])}\n"
        f"private_address = {_strings([host.private, host.private6])}\n"
    )


def _strings(words: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"


def _names(host: Host) -> tuple[str, ...]:
    return (host.public, host.public6, host.private, host.private6)


def _known_host(host: Host) -> str:
    return f"{','.join((host.name, *_names(host)))} {host_key(host)}\n"


def _ssh_config(place: Path, hosts: Sequence[Host]) -> str:
    blocks = [f"Host {host.name}\n    HostName {host.public}\n" for host in hosts]
    patterns = " ".join(word for host in hosts for word in (host.name, *_names(host)))
    blocks.append(
        f"Host {patterns}\n"
        f'    IdentityFile "{place / ADMIN_KEY}"\n'
        f'    IdentityFile "{place / ROOT_KEY}"\n'
        "    IdentitiesOnly yes\n"
        f'    UserKnownHostsFile "{place}/.holdfast/known_hosts"\n'
        "    StrictHostKeyChecking yes\n"
    )
    return "\n".join(blocks)
