"""Secrets in a tree, and in what it once was."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from holdfast.scan.files import File
from holdfast.scan.finding import Finding, Rule

LONGEST_LINE = 4_000
HISTORY_WITHIN_S = 300.0
PLUGINS = (
    "AWSKeyDetector",
    "AzureStorageKeyDetector",
    "DiscordBotTokenDetector",
    "GitHubTokenDetector",
    "GitLabTokenDetector",
    "MailchimpDetector",
    "NpmDetector",
    "OpenAIDetector",
    "PrivateKeyDetector",
    "PypiTokenDetector",
    "SendGridDetector",
    "SlackDetector",
    "SquareOAuthDetector",
    "StripeDetector",
    "TelegramBotTokenDetector",
    "TwilioKeyDetector",
)
"""Those of detect-secrets that know a form; what only looks like chance finds too much."""
_CANDIDATE = re.compile(r"PRIVATE KEY|(?=[A-Za-z_/+=.:-]*\d)[A-Za-z0-9_/+=.:-]{16,}")
"""Whatever has none of the forms: most lines, for which they need not be tried one by one."""
_ASSIGNED = re.compile(
    r"""(?i)\b(?:[a-z0-9_-]*(?:passw(?:or)?d|secret|api_?key|access_?token|private_?key))["']?\s*"""
    r"""(?:=|:|=>)\s*(["'])(?P<value>[^"'\s]{12,200})\1"""
)
_PLACEHOLDER = re.compile(
    r"(?i)^(?:x+|\*+|\.+|<.*|\$.*|%.*|\{.*|(?:env|file|command):.*|.*(?:example|change|your|secret|"
    r"passw|test|dummy|sample|placeholder|insecure|only|token|key).*)$"
)
_IN_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s:/@'\"]{1,64}:(?P<value>[^\s:/@'\"]{6,100})@")


def in_tree(found: Sequence[File]) -> tuple[list[Finding], list[str]]:
    """Return the secrets of a tree; the second are files that are too large to be looked at."""
    findings: list[Finding] = []
    large: list[str] = []
    for file in found:
        if file.is_large:
            large.append(file.name)
            continue
        data = file.path.read_bytes()
        if b"\0" in data[:8_000]:
            continue
        for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
            findings.extend(Finding(Rule.SECRET, file.name, number, what) for what in kinds(line))
    return findings, large


def in_history(folder: Path) -> tuple[list[Finding], str]:
    """Return the secrets that commits brought, and what is to be said of it: "" where it is whole.

    git runs nothing of the tree's: no hook, no filter, no program that its settings name.
    """
    if not (folder / ".git").is_dir():
        return [], "history: not looked at: this is not the top of a git repository"
    findings: dict[tuple[str, str], Finding] = {}
    deadline = time.monotonic() + HISTORY_WITHIN_S
    with _log(folder) as process:
        commit = path = ""
        for raw in process.stdout or ():
            if time.monotonic() > deadline:
                process.kill()
                return list(findings.values()), "history: cut short after five minutes"
            line = raw[:LONGEST_LINE].decode("utf-8", "replace").rstrip("\n")
            if line.startswith("\x01"):
                commit = line[1:13]
            elif line.startswith("+++ "):
                path = line[6:] if line.startswith("+++ b/") else ""
            elif line.startswith("+") and path:
                for what in kinds(line[1:]):
                    findings[path, line] = Finding(Rule.SECRET, path, 0, what, commit)
        process.wait()
    if process.returncode:
        return list(findings.values()), "history: git could not read it whole"
    return list(findings.values()), ""


def _log(folder: Path) -> subprocess.Popen[bytes]:
    off = (
        "core.fsmonitor=false",
        "core.hooksPath=/dev/null",
        "core.pager=cat",
        "log.showSignature=false",
    )
    settings = [word for one in off for word in ("-c", one)]
    return subprocess.Popen(
        [
            *("git", "--no-pager", *settings, "-c", f"safe.directory={folder}", "-C", str(folder)),
            *("log", "--all", "--patch", "--unified=0", "--no-color", "--no-ext-diff"),
            *("--no-textconv", "--no-renames", "--reverse", "--format=%x01%H"),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": "/nonexistent",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "LANG": "C.UTF-8",
        },
    )


def kinds(line: str) -> Iterator[str]:
    """Yield what a line holds that is a secret, by its kind; never the secret itself."""
    line = line[:LONGEST_LINE]
    known = False
    for plugin in _plugins() if _CANDIDATE.search(line) else ():
        if any(True for _ in plugin.analyze_string(line)):
            known = True
            yield str(plugin.secret_type)
    if not known:
        for pattern, what in (
            (_ASSIGNED, "a secret in the code"),
            (_IN_URL, "a password in a URL"),
        ):
            match = pattern.search(line)
            if match and _is_secret(match["value"]):
                yield what


def _is_secret(value: str) -> bool:
    """Whether a value looks like chance: many different letters of several kinds."""
    if _PLACEHOLDER.match(value) or len(set(value)) < 8:
        return False
    classes = (str.islower, str.isupper, str.isdigit)
    return sum(any(map(one, value)) for one in classes) >= 2


@cache
def _plugins() -> tuple[Any, ...]:
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class

    classes: Iterable[Any] = get_mapping_from_secret_type_to_class().values()
    return tuple(one() for one in classes if one.__name__ in PLUGINS)
