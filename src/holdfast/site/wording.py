"""What pydantic found, in the words of the person who wrote the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from holdfast.site.admins import Admin
from holdfast.site.alerts import Alerts
from holdfast.site.apps import App, OwnCertificate
from holdfast.site.backups import Backups, Keep
from holdfast.site.databases import Database, DatabaseUser
from holdfast.site.errors import KeyPath, Refused, closest, key_text
from holdfast.site.exceptions import ControlException
from holdfast.site.hosts import Host
from holdfast.site.profiles import Profiles
from holdfast.site.site import About, Site
from holdfast.site.table import Table
from holdfast.site.web import Web

ANY = "*"
TABLES: Mapping[KeyPath, type[Table]] = {
    (): Site,
    ("site",): About,
    ("admins", ANY): Admin,
    ("hosts", ANY): Host,
    ("databases", ANY): Database,
    ("databases", ANY, "users", ANY): DatabaseUser,
    ("apps", ANY): App,
    ("apps", ANY, "certificate"): OwnCertificate,
    ("web",): Web,
    ("alerts",): Alerts,
    ("backups",): Backups,
    ("backups", "keep"): Keep,
    ("profiles",): Profiles,
    ("exceptions", ANY): ControlException,
}

EXAMPLES: Mapping[str | int, str] = {
    "site": '[site] with name = "todo" and domain = "todo.example.com"',
    "name": 'name = "todo"',
    "domain": 'domain = "todo.example.com"',
    "controllers": 'controllers = ["198.51.100.7"]',
    "keys": 'keys = ["ssh-ed25519 AAAA… alice@laptop"]',
    "roles": 'roles = ["app"]',
    "address": 'address = "203.0.113.10"',
    "private_address": 'private_address = "10.0.0.11"',
    "through": 'through = "app"',
    "quota": 'quota = "200 GB"',
    "host": 'host = "app"',
    "engine": 'engine = "mariadb"',
    "from": 'from = ["app"]',
    "grants": 'grants = { "*" = ["SELECT", "INSERT", "UPDATE", "DELETE"] }',
    "user": 'user = "todo"',
    "config": 'config = "/etc/todo"',
    "listen": 'listen = "127.0.0.1:3000"',
    "names": 'names = ["todo.example.com"]',
    "certificate": 'certificate = "acme", or { cert = "/…", key = "/…" }',
    "cert": 'cert = "/etc/ssl/todo/fullchain.pem"',
    "key": 'key = "/etc/ssl/todo/key.pem"',
    "to": 'to = "backup" in [backups], to = ["env:ALERT_URL"] in [alerts]',
    "quiet": 'quiet = ["198.51.100.0/24"]',
    "recipients": 'recipients = ["age1…"]',
    "also": 'also = ["/etc", "/srv/uploads"]',
    "keep": "keep = { daily = 7, weekly = 4, monthly = 12 }",
    "ports": 'ports = { "app" = [8443] }',
    "hosts": 'hosts = ["backup"]',
    "because": 'because = "no person logs in"',
    "until": "until = 2027-03-01, without quotes",
}
EXPECTED = {
    "string": "must be text",
    "tuple": "must be a list",
    "int": "must be a whole number",
    "date": "must be a date",
}


def found_by_pydantic(error: ValidationError, raw: object) -> Iterator[tuple[KeyPath, Refused]]:
    """Each error with the place in the file that it is about; `raw` is the file's content."""
    for details in error.errors(include_url=False, include_input=False):
        path = _in_file(details["loc"], raw)
        yield path, _worded(details, path)


def _in_file(loc: tuple[int | str, ...], raw: object) -> KeyPath:
    """Leaves out of the location what pydantic added and the file does not hold."""
    path: KeyPath = ()
    at: Any = raw
    for part in loc:
        in_list = isinstance(at, list) and isinstance(part, int) and part < len(at)
        if in_list or (isinstance(at, Mapping) and part in at):
            at = at[part]
        elif isinstance(part, int) or part == "[key]" or part.startswith(("<", "\0")):
            continue
        else:
            at = None
        path = (*path, part)
    return path


def _worded(details: ErrorDetails, path: KeyPath) -> Refused:
    kind, context = details["type"], details.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_key(path)
    example = _example(path)
    if kind == "value_error" and isinstance(context.get("error"), Refused):
        refused: Refused = context["error"]
        return refused if refused.mend else Refused(refused.what, example)
    if kind == "missing":
        return Refused("is missing", _example(path[-1:]))
    if (bound := _bound(context)) is not None:
        return Refused(bound, example)
    if kind.startswith(("dict", "mapping", "model")):
        return Refused("must be a table", f"write [{key_text(path)}] with its keys below")
    for form, expected in EXPECTED.items():
        if kind.startswith(form):
            return Refused(expected, example)
    return Refused("is not what belongs here", example)


def _unknown_key(path: KeyPath) -> Refused:
    known = _known_here(path[:-1])
    name = path[-1] if path and isinstance(path[-1], str) else ""
    return Refused("unknown key", closest(name, known, otherwise=f"known here: {', '.join(known)}"))


def _known_here(path: KeyPath) -> list[str]:
    for pattern, table in TABLES.items():
        if len(pattern) == len(path) and all(
            part in (ANY, actual) for part, actual in zip(pattern, path, strict=True)
        ):
            names = [field.alias or name for name, field in table.model_fields.items()]
            return [name for name in names if not name.startswith("\0")]
    return []


def _example(path: KeyPath) -> str:
    """How the key, or the nearest one around it, is written."""
    for part in reversed(path):
        if part in EXAMPLES:
            return f"write {EXAMPLES[part]}"
    return "see the example in the documentation"


def _bound(context: Mapping[str, Any]) -> str | None:
    if "ge" in context:
        return f"must be {context['ge']} or more"
    if "le" in context:
        return f"must be {context['le']} or less"
    return None
