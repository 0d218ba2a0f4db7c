"""Nothing is served but what is meant to be.

Source: article on MySQL, part 2; each pattern is what the file in question always holds.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from holdfast.servers.applications.attack import AppAttack, AppAttacker
from holdfast.servers.applications.http import Answer, Request, Unanswered
from holdfast.servers.attack import Verdict, repelled, succeeded
from holdfast.servers.control import Control, Principle, Severity

SOURCE = (
    r"(?m)\A<\?php|^[ \t]{0,40}(?:import [\w.]{1,80}|from [\w.]{1,80} import |def \w{1,80}\(|"
    r"class \w{1,80}[:(]|(?:const|var|let) \w{1,80} = require\(|require ['\"]|package main$)"
)
SETTING = r"(?m)^[ \t]{0,40}(?:export )?[A-Za-z_][\w.-]{1,60}[ \t]{0,40}[=:][ \t]{0,40}\S"
KEPT = (
    r"(?i)\"[^\"]{0,60}(?:password|passwd|secret|token|api_?key|private)[^\"]{0,60}\"\s?:\s?\"[^\"]"
)
PHP = r"\A\s{0,20}<\?php"
KEYS = r"-----BEGIN [A-Z ]*PRIVATE KEY-----"


@dataclass(frozen=True)
class File:
    """A path that must not be served, and what its content would look like."""

    path: str
    holds: str
    is_page: bool = False
    """Whether it is served as HTML; what else is HTML is a page about the file not being there."""


REPOSITORY = (
    File("/.git/HEAD", r"^(?:ref: refs/|[0-9a-f]{40})"),
    File("/.git/config", r"(?m)^\[core\]"),
    File("/.git/index", r"^DIRC"),
    File("/.svn/entries", r"^\d+\s"),
    File("/.hg/requires", r"(?m)^(?:revlogv1|store|dotencode)$"),
    File("/.bzr/README", r"Bazaar"),
)
CONFIGURATION = (
    *(File(f"/{name}", SETTING) for name in (
        ".env", ".env.local", ".env.production", ".flaskenv", "config.ini", "config.yml",
        "config.yaml", "config.toml", "settings.ini", "settings.toml", "application.properties",
        "docker-compose.yml", "pyproject.toml", ".npmrc", ".pypirc", "holdfast.toml", "my.cnf",
    )),
    *(File(f"/{name}", r"^\s*\{") for name in (
        "package.json", "composer.json", "package-lock.json",
    )),
    File("/config.json", KEPT), File("/appsettings.json", KEPT),
    File("/app.js.map", r'"sourcesContent"'), File("/main.js.map", r'"sourcesContent"'),
    File("/.htpasswd", r"(?m)^[^:\s]+:\$?\S{8,}"),
    File("/.htaccess", r"(?m)^\s*(?:Rewrite|Allow|Deny|Require|Auth)"),
    File("/web.config", r"<configuration"),
    File("/.DS_Store", r"^\x00\x00\x00\x01Bud1"),
    File("/id_rsa", KEYS), File("/server.key", KEYS), File("/privkey.pem", KEYS),
    File("/dump.sql", r"(?i)\b(?:create table|insert into)\b"),
    File("/backup.sql", r"(?i)\b(?:create table|insert into)\b"),
    File("/db.sqlite3", r"^SQLite format 3"), File("/database.sqlite", r"^SQLite format 3"),
    File("/requirements.txt", r"(?m)^[\w.-]+\s*[=~><]=\s*\d"),
    File("/Dockerfile", r"(?m)^FROM "),
)  # fmt: skip
NAMES = (
    "app.py", "main.py", "wsgi.py", "asgi.py", "manage.py", "settings.py", "config.py", "server.js",
    "config.php", "wp-config.php", "index.php~", "index.php.bak",
    "config.php.bak", "wp-config.php~", "app.rb", "main.go",
)  # fmt: skip
LEFT = ("~", ".bak", ".old", ".orig", ".save", ".swp")
STATUS = (
    File("/server-status", r"Apache (?:Server )?Status", is_page=True),
    File("/server-info", r"Apache Server Information", is_page=True),
    File("/nginx_status", r"^Active connections:", is_page=True),
    File("/actuator/env", r"propertySources", is_page=True),
    File("/phpinfo.php", r"phpinfo\(\)", is_page=True),
    File("/info.php", r"phpinfo\(\)", is_page=True),
    File("/debug/pprof/", r"goroutine", is_page=True),
    File("/_debug_toolbar/", r"(?i)debug", is_page=True),
    File("/console", r"Werkzeug", is_page=True),
)
ACCOUNTS = r"(?m)^root:[^:]*:0:0:"
LOOKED_AT = 200_000  # characters
UP = ("../", "..%2f", "%2e%2e/", "..%5c", "%252e%252e%252f", "..;/", "%c0%ae%c0%ae/")
MOST_FOLDERS = 8
LISTING = re.compile(
    r"<title>(?:Index of|Directory listing for)|<h1>(?:Index of|Directory listing)"
)


async def _first_served(attacker: AppAttacker, files: Iterable[File]) -> tuple[str, int]:
    """Return the first path that is served with what it must not hold, and how many were asked."""
    nobody, asked = attacker.nobody(), 0
    for file in files:
        asked += 1
        try:
            answer = await nobody.send(Request("GET", file.path))
        except Unanswered:  # some servers hang up on what they do not serve
            continue
        if _holds(answer, file) and not await _always(attacker, file, answer):
            return file.path, asked
    return "", asked


def _holds(answer: Answer, file: File) -> bool:
    if answer.status not in (200, 206):
        return False
    what = file.holds if file.is_page or not answer.is_html else PHP
    return bool(re.search(what, answer.text[:LOOKED_AT]))


async def _always(attacker: AppAttacker, file: File, answer: Answer) -> bool:
    """Whether the application says the same to any name, so that it means nothing."""
    folder, _, name = file.path.rpartition("/")
    stem, dot, kind = name.rpartition(".") if "." in name else (name, "", "")
    other = f"{folder}/{stem}{secrets.token_hex(6)}{dot}{kind}"
    try:
        same = await attacker.nobody().send(Request("GET", other))
    except Unanswered:
        return False
    return same.status == answer.status and _holds(same, file)


def _asked(files: Callable[[AppAttacker], Iterable[File]]) -> Callable[..., Awaitable[Verdict]]:
    async def attempt(attacker: AppAttacker) -> Verdict:
        path, asked = await _first_served(attacker, files(attacker))
        if path:
            return succeeded(f"{path} is served")
        return repelled(f"none of {asked} paths was served")

    return attempt


def _sources(attacker: AppAttacker) -> list[File]:
    """What frameworks call their source, and what editors leave beside the pages that are there."""
    paths, shown = [f"/{name}" for name in NAMES], []
    for page in attacker.ground.pages:
        path = page.partition("?")[0]
        if "." in path.rpartition("/")[2]:
            shown.append(File(path, PHP))
            paths += [f"{path}{end}" for end in LEFT]
    folders = [folder for folder in _folders(attacker) if folder != "/"]
    paths += [f"{folder}{name}" for folder in folders for name in NAMES[:8]]
    return [*shown, *(File(path, SOURCE) for path in dict.fromkeys(paths))]


def _folders(attacker: AppAttacker) -> list[str]:
    seen = (*attacker.ground.pages, *attacker.ground.parts)
    folders = dict.fromkeys(path.partition("?")[0].rpartition("/")[0] + "/" for path in seen)
    return ["/", *(folder for folder in folders if folder != "/")][:MOST_FOLDERS]


def _traversals(attacker: AppAttacker) -> list[File]:
    return [
        File(f"{folder}{up * 8}etc/passwd", ACCOUNTS) for folder in _folders(attacker) for up in UP
    ]


async def _listing(attacker: AppAttacker) -> Verdict:
    folders = _folders(attacker)
    for folder in folders:
        try:
            answer = await attacker.nobody().send(Request("GET", folder))
        except Unanswered:
            continue
        if answer.status == 200 and LISTING.search(answer.text[:20_000]):
            return succeeded(f"{folder} lists its files")
    return repelled(f"none of {len(folders)} folders lists its files")


WEB_NO_SOURCE = Control(
    id="web.no-source",
    title="Nothing is served but what is meant to be",
    principle=Principle.KEEP_ON_SERVER,
    source="article on MySQL, part 2",
    severity=Severity.CRITICAL,
    stops="Whoever asks for it gets the source, its history, or the file with the password of the "
    "database.",
    changes="Serve a folder that holds only what visitors are to have, and keep the source and its "
    "configuration elsewhere.",
    app_attacks=(
        AppAttack(
            "repository",
            "ask for the repository of the source",
            _asked(lambda _: REPOSITORY),
            needs=frozenset(),
        ),
        AppAttack(
            "configuration",
            "ask for configuration, keys and dumps",
            _asked(lambda _: CONFIGURATION),
            needs=frozenset(),
        ),
        AppAttack(
            "source",
            "ask for source files, and for what editors leave behind",
            _asked(_sources),
            needs=frozenset(),
        ),
        AppAttack(
            "traversal",
            "ask for a file outside of what is served",
            _asked(_traversals),
            needs=frozenset(),
        ),
        AppAttack("listing", "have a folder list its files", _listing, needs=frozenset()),
        AppAttack(
            "status",
            "ask for pages about the inside of the server",
            _asked(lambda _: STATUS),
            needs=frozenset(),
        ),
    ),
)
