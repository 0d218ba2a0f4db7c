"""The ground on which every row of the access matrix logs in: servers, accounts, keys, vantages."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import NamedTuple

import asyncssh
from attempts import PROGRAMS, Seen, tried
from driving import holdfast
from faults import write
from logins import Credentials, Target, Vantage

from holdfast.lab import Host, Lab
from holdfast.servers.access import MATRIX, NO_KEY, RESTRICTED, sources
from holdfast.servers.restricted import KEYS, key_line
from holdfast.site import Site, load_site

HOSTS = ("app", "db")  # Debian 12, the jump host; Debian 13, behind it
ROWS = {row.account or "admin": row for row in MATRIX if row.key != NO_KEY}
STRANGERS = {"todo": "the application's own account", "eve": "a stranger"}
ACCOUNTS = (*ROWS, *STRANGERS)
PASSWORD = "as careless as they come"

PROGRAM = """\
#!/bin/sh
echo "program=$0 agent=${SSH_AUTH_SOCK:-none} probe=${LC_PROBE:-none}"
"""
ACCOUNT = """\
set -e
useradd --create-home --shell /bin/sh $2 $1
install -d -o $1 -m 700 /home/$1/.ssh
install -o $1 -m 600 /dev/stdin /home/$1/.ssh/authorized_keys
"""


class Cell(NamedTuple):
    """Who tries, with which kind of credentials, on which host, from where."""

    account: str
    kind: str
    host: str
    vantage: str


Way = tuple[str, str, int]  # from this vantage to this host's port


@dataclass(frozen=True)
class Ground:
    """The servers, the site, the keys, and what was seen before and after `apply`."""

    lab: Lab
    folder: Path
    site: Site
    before: Mapping[Cell, Seen]
    reached_before: Mapping[Way, bool]
    after: Mapping[Cell, Seen]

    def credentials(self, account: str) -> Credentials:
        return credentials(self.folder, account, "key")

    def target(self, host: str, vantage: str) -> Target:
        return target(self.lab, self.folder, host, vantage)


def credentials(folder: Path, account: str, kind: str) -> Credentials:
    """`kind`: its `key`; `held`, a key whose line is restricted as well; or its `password`."""
    if kind == "password":
        return Credentials(account, None, PASSWORD)
    own = {"root": "root_ed25519", "admin": "admin_ed25519"}
    sudo = (folder / "keys/admin.sudo").read_text().strip() if account == "admin" else PASSWORD
    return Credentials(account, folder / "keys" / own.get(account, f"{account}.{kind}"), None, sudo)


VANTAGES = {
    "app": ("controller", "controller by IPv6", "another address", "outsider", "db"),
    "db": ("controller", "outsider", "app", "app by IPv6", "db"),
}


SHUT_OUT = ("controller", "outsider")  # the packet filter of the host behind the jump


def target(lab: Lab, folder: Path, host: str, vantage: str) -> Target:
    """The server as this vantage reaches it."""
    to, hosts = lab.host(host), lab.hosts
    public, public6, private, _ = lab.controllers
    known_hosts = folder / ".holdfast/known_hosts"
    beyond = hosts["db"].private if host == "app" else ""
    places = {
        "controller": (to.public, Vantage(vantage, None, public)),
        "controller by IPv6": (to.public6, Vantage(vantage, None, public6)),
        "another address": (to.private, Vantage(vantage, None, private)),
        "outsider": (to.public, Vantage(vantage, hosts["outsider"], hosts["outsider"].public)),
        "app": (to.private, Vantage(vantage, hosts["app"], hosts["app"].private)),
        "app by IPv6": (to.private6, Vantage(vantage, hosts["app"], hosts["app"].private6)),
        "db": (to.private, Vantage(vantage, hosts["db"], hosts["db"].private)),
    }
    address, place = places[vantage]
    return Target(to, address, place, known_hosts, beyond)


def may_come(site: Site, account: str, host: str, source: str) -> bool:
    """Whether the matrix gives this account a way to that host from this address."""
    row = ROWS.get(account)
    if row is None or not row.place.includes(site.hosts[host]):
        return False
    named = sources(row, site.hosts[host], site)
    return any(one is None or ip_address(source) in ip_network(one) for one in named)


def site_folder(lab: Lab, place: Path) -> Path:
    """The lab's site with backup hosts, a jump, and this machine's public addresses alone."""
    folder = Path(shutil.copytree(lab.site, place / "site"))
    file = folder / "holdfast.toml"
    public, public6, *_ = lab.controllers
    text = re.sub(r"controllers = .*", f'controllers = ["{public}", "{public6}"]', file.read_text())
    text = text.replace('roles = ["app"]', 'roles = ["app", "backup"]')
    text = text.replace('roles = ["database"]', 'roles = ["database", "backup"]')
    file.write_text(text.replace("[hosts.db]\n", '[hosts.db]\nthrough = "app"\n'))
    return folder


def make_accounts(host: Host, folder: Path, site: Site) -> None:
    """Accounts as later work creates them; keys in their homes too, which sshd reads by default."""
    host.check(["groupadd", "--system", RESTRICTED])
    for account in (*PROGRAMS, *STRANGERS):
        options = f"--system --gid {RESTRICTED}" if account in PROGRAMS else ""
        lines = [f"{_public(folder, account, 'key')}\n"]
        if account in PROGRAMS:
            row, public = ROWS[account], _public(folder, account, "held")
            lines.append(key_line(row, public, site.hosts[host.name], site) + "\n")
            write(host, f"{KEYS}/{account}", "".join(lines))
            write(host, PROGRAMS[account], PROGRAM)
            host.check(["chmod", "755", PROGRAMS[account]])
        host.check(["sh", "-c", ACCOUNT, "sh", account, options], input="".join(lines))
        host.check(["chpasswd"], input=f"{account}:{PASSWORD}\n")
    write(host, "/srv/objects/one", "somebody's row\n")


def _public(folder: Path, account: str, kind: str) -> str:
    path = folder / "keys" / f"{account}.{kind}"
    if not path.exists():
        key = asyncssh.generate_private_key("ssh-ed25519")
        path.touch(0o600)
        key.write_private_key(str(path))
    return asyncssh.read_private_key(str(path)).export_public_key().decode().strip()


async def everything(lab: Lab, folder: Path, cells: list[Cell]) -> dict[Cell, Seen]:
    """Try everything in each cell."""
    slots = asyncio.Semaphore(6)

    async def one(cell: Cell) -> Seen:
        async with slots:
            who = credentials(folder, cell.account, cell.kind)
            return await tried(who, target(lab, folder, cell.host, cell.vantage))

    seen = await asyncio.gather(*map(one, cells))
    return dict(zip(cells, seen, strict=True))


def ways(lab: Lab, folder: Path, wanted: Iterable[Way]) -> dict[Way, bool]:
    """Whether a connection from each vantage to each port comes about."""
    found = {}
    for vantage, host, port in wanted:
        where = target(lab, folder, host, vantage)
        reached = where.vantage.dial(where.address, port)
        found[vantage, host, port] = reached is not None
        if reached is not None:
            reached.close()
    return found


def cells_before() -> list[Cell]:
    """Everybody who has an account on an untouched server, from somewhere."""
    cells: list[Cell] = [
        Cell(a, "key", h, "controller") for h in HOSTS for a in ACCOUNTS if a != "admin"
    ]
    cells += [Cell(a, "password", h, "controller") for h in HOSTS for a in STRANGERS]
    places = {"app": VANTAGES["app"], "db": ("app", "db")}
    cells += [Cell(a, "held", h, v) for h in HOSTS for a in PROGRAMS for v in places[h]]
    return cells


def cells_after() -> list[Cell]:
    """Everybody from everywhere, as far as the packet filter lets anybody come.

    Debian 13 turns an address away after some failed logins, so few come from the host itself.
    """
    cells = [Cell(a, "key", "app", v) for v in VANTAGES["app"] for a in ACCOUNTS]
    cells += [Cell(a, "key", "db", v) for v in ("app", "app by IPv6") for a in ACCOUNTS]
    cells += [Cell(a, "key", "db", v) for v in SHUT_OUT for a in ("admin", "holdfast-audit")]
    cells += [Cell(a, "key", "db", "db") for a in PROGRAMS]
    cells += [Cell(a, "held", "app", v) for v in VANTAGES["app"] for a in PROGRAMS]
    cells += [Cell(a, "held", "db", "app") for a in PROGRAMS]
    cells += [
        Cell(a, "password", h, v)
        for h, v in (("app", "controller"), ("db", "app"))
        for a in (*STRANGERS, *PROGRAMS)
    ]
    return cells


def prepared(lab: Lab, place: Path, wanted: Iterable[Way]) -> Ground:
    """Both servers with every account of the matrix, tried untouched and then applied."""
    folder = site_folder(lab, place)
    site = load_site(folder / "holdfast.toml")
    for name in HOSTS:
        lab.host(name).reset("untouched")
        make_accounts(lab.host(name), folder, site)
    before = asyncio.run(everything(lab, folder, cells_before()))
    reached_before = ways(lab, folder, wanted)
    done = holdfast("apply", "--yes", site=folder)
    assert done.code in (0, 1), done  # the stranger's account is left for a person
    after = asyncio.run(everything(lab, folder, cells_after()))
    return Ground(lab, folder, site, before, reached_before, after)
