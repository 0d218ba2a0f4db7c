"""Reads where this machine's own apt gets Debian from, so that the lab asks the same place."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from holdfast.lab.errors import LabError

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

_NAMES = {"bookworm", "trixie", "forky", "stable", "oldstable", "testing", "unstable", "sid"}
_KINDS = ("", "-updates", "-security")


@dataclass(frozen=True)
class Archive:
    """One Debian archive: its address, and which suites of a release it carries."""

    address: str
    kind: str
    """What follows the release's name in the suite: nothing, `-updates` or `-security`."""


def read(folder: Path = Path("/etc/apt")) -> tuple[Archive, ...]:
    """The Debian archives that apt's configuration in `folder` names, the main one first."""
    found: dict[Archive, None] = {}
    for path in (folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))):
        if not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        if path.suffix == ".list":
            found.update(dict.fromkeys(one_line_archives(text)))
        elif path.suffix == ".sources":
            found.update(dict.fromkeys(stanza_archives(text)))
    archives = tuple(sorted(found, key=lambda archive: _KINDS.index(archive.kind)))
    if not archives or archives[0].kind:
        raise LabError(
            f"{folder} names no Debian archive: add the line `deb MIRROR bookworm main` "
            f"to {folder / 'sources.list'}"
        )
    return archives


def one_line_archives(text: str) -> Iterator[Archive]:
    """Archives of a `.list` file (sources.list(5), one-line style)."""
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if not words or words[0] != "deb":
            continue
        del words[0]
        if words and words[0].startswith("["):
            while words and not words.pop(0).endswith("]"):
                continue
        if len(words) >= 3:
            yield from _archives(words[:1], words[1:2], words[2:])


def stanza_archives(text: str) -> Iterator[Archive]:
    """Archives of a `.sources` file (sources.list(5), deb822 style)."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for stanza in "\n".join(lines).split("\n\n"):
        fields: dict[str, list[str]] = {}
        name = ""
        for line in stanza.splitlines():
            if not line.startswith((" ", "\t")):
                name, _, line = line.partition(":")
            fields.setdefault(name.lower(), []).extend(line.split())
        if "deb" in fields.get("types", []) and fields.get("enabled") != ["no"]:
            yield from _archives(
                fields.get("uris", []), fields.get("suites", []), fields.get("components", [])
            )


def _archives(
    addresses: Iterable[str], suites: Iterable[str], components: Iterable[str]
) -> Iterator[Archive]:
    if "main" not in components:
        return
    kinds = [
        kind
        for suite in suites
        for kind in _KINDS
        if suite.removesuffix(kind or " ") in _NAMES and suite.endswith(kind)
    ]
    for address in addresses:
        for kind in kinds:
            yield Archive(address, kind)


def sources_list(archives: Iterable[Archive], release: str) -> str:
    """The same archives, for another release, as the text of a sources.list."""
    return "".join(
        f"deb [signed-by={KEYRING}] {archive.address} {release}{archive.kind} main\n"
        for archive in archives
    )
