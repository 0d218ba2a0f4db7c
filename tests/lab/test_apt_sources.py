"""Where this machine's apt gets Debian from, read from the files it is written in."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.lab.apt_sources import Archive, one_line_archives, read, stanza_archives
from holdfast.lab.errors import LabError

MAIN = "http://mirror.example/debian"
SECURITY = "http://mirror.example/debian-security"

ONE_LINE = f"""\
# deb http://commented.example/debian bookworm main
deb {MAIN} bookworm main contrib
deb-src {MAIN} bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/k.gpg] {MAIN} bookworm-updates main
deb [ trusted=yes ] {SECURITY} bookworm-security main  # a remark
deb http://tools.example/apt tools-bookworm main
deb http://engine.example/debian bookworm stable
"""

STANZAS = f"""\
# a remark
Types: deb deb-src
# another
URIs: {MAIN}
Suites: bookworm bookworm-updates
Components: main

Types: deb
URIs: {SECURITY}
Suites:
 bookworm-security
Components: main contrib

Types: deb
Enabled: no
URIs: http://off.example/debian
Suites: bookworm
Components: main
"""

EXPECTED = [Archive(MAIN, ""), Archive(MAIN, "-updates"), Archive(SECURITY, "-security")]


def test_one_line_style_is_read_without_sources_remarks_and_strangers() -> None:
    assert list(one_line_archives(ONE_LINE)) == EXPECTED


def test_stanzas_are_read_without_the_disabled_ones() -> None:
    assert list(stanza_archives(STANZAS)) == EXPECTED


def test_the_main_archive_comes_first_and_none_twice(tmp_path: Path) -> None:
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (parts / "a.list").write_text(f"deb {SECURITY} trixie-security main\n")
    (parts / "b.sources").write_text(STANZAS)
    (parts / "c.sources.disabled").write_text(STANZAS.replace(MAIN, "http://off.example"))
    assert [archive.kind for archive in read(tmp_path)] == ["", "-updates", "-security"]
    assert read(tmp_path)[0].address == MAIN


def test_a_machine_without_a_debian_archive_is_told_what_to_add(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="names no Debian archive: add the line `deb MIRROR"):
        read(tmp_path)
