"""The text of a first site file, from answers that have been checked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from holdfast.site.hosts import Role
from holdfast.site.public_key import PublicKey

NEXT_TABLES = """\
# What comes next, when it is there to be protected:
#
# [databases.todo]
# host = "db"
# engine = "mariadb"                  # mariadb, mysql, postgresql, redis
# [databases.todo.users.todo]
# from = ["app"]
# grants = { "*" = ["SELECT", "INSERT", "UPDATE", "DELETE"] }
#
# [apps.todo]
# host = "app"
# user = "todo"
# listen = "127.0.0.1:3000"
# names = ["todo.example.com"]
#
# [alerts]
# to = ["env:ALERT_URL"]              # secrets never stand here: env:, file: or command:
#
# [backups]
# to = "backup"
# recipients = ["age1…"]
"""


@dataclass(frozen=True)
class FirstHost:
    """A host as it is asked for; `addresses` are as `[hosts.NAME]` takes them."""

    name: str
    roles: tuple[Role, ...]
    addresses: tuple[str, ...]
    private_addresses: tuple[str, ...] = ()
    through: str | None = None


@dataclass(frozen=True)
class FirstSite:
    """What a first site file holds."""

    name: str
    domain: str
    admin: str
    keys: tuple[PublicKey, ...]
    hosts: tuple[FirstHost, ...]
    controllers: tuple[str, ...] = ()

    def text(self) -> str:
        """The file's content; whoever writes it loads it first."""
        lines = ["[site]", f"name = {_text(self.name)}", f"domain = {_text(self.domain)}"]
        if self.controllers:
            lines.append(f"controllers = {_list(self.controllers)}")
        lines += ["", f"[admins.{self.admin}]", "keys = ["]
        lines += [f"    {_text(key.line)}," for key in self.keys]
        lines += ["]"]
        for host in self.hosts:
            lines += ["", *_host_lines(host)]
        return "\n".join(lines) + "\n\n" + NEXT_TABLES


def _host_lines(host: FirstHost) -> list[str]:
    lines = [
        f"[hosts.{host.name}]",
        f"roles = {_list(host.roles)}",
        f"address = {_one_or_list(host.addresses)}",
    ]
    if host.private_addresses:
        lines.append(f"private_address = {_one_or_list(host.private_addresses)}")
    if host.through is not None:
        lines.append(f"through = {_text(host.through)}")
    return lines


def _one_or_list(items: Sequence[str]) -> str:
    return _text(items[0]) if len(items) == 1 else _list(items)


def _list(items: Sequence[str]) -> str:
    return "[" + ", ".join(map(_text, items)) + "]"


def _text(value: str) -> str:
    """A TOML basic string; JSON's escapes are a part of TOML's."""
    return json.dumps(value, ensure_ascii=False)
