"""Our own piece of apt's configuration: read back as it was written, and taken by apt itself."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.servers.apt_config import FILE, parse, render
from holdfast.servers.hand.read_apt import parse_dump

KEYS = ("APT::Periodic::Enable", "Unattended-Upgrade::Mail", "Unattended-Upgrade::MailReport")

values = st.text(st.characters(exclude_characters='"\n', exclude_categories=["Cs"]), max_size=20)


@given(st.dictionaries(st.sampled_from(KEYS), values))
def test_settings_are_read_back_as_they_were_written(settings: dict[str, str]) -> None:
    assert parse(render(settings)) == settings


def test_what_is_no_setting_of_ours_is_not_read() -> None:
    assert parse('// A "1";\nAPT { Periodic { Enable "1"; }; };\nA "1"; B "2";\n') == {}


@given(st.text())
def test_no_text_breaks_the_parser(text: str) -> None:
    parse(text)


def test_our_file_is_the_last_by_name_of_those_that_packages_bring() -> None:
    names = ["20auto-upgrades", "50unattended-upgrades", "70debconf", Path(FILE).name]
    assert sorted(names)[-1] == Path(FILE).name


@pytest.mark.skipif(shutil.which("apt-config") is None, reason="needs apt")
def test_apt_takes_what_we_write(tmp_path: Path) -> None:
    settings = {"APT::Periodic::Enable": "1", "Unattended-Upgrade::Mail": "ops@example.com"}
    file = tmp_path / "99holdfast"
    file.write_text(render(settings))
    dump = subprocess.run(
        ["apt-config", "-c", str(file), "dump"], capture_output=True, text=True, check=True
    ).stdout
    read = parse_dump(dump)
    assert {key: read.get(key) for key in settings} == {
        key: [value] for key, value in settings.items()
    }
