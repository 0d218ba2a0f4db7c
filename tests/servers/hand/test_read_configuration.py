"""Which files a configuration consists of."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.servers.hand import read_configuration as configuration
from holdfast.servers.hand.read_files import Names
from holdfast.servers.hand.read_programs import CannotRead


@pytest.mark.parametrize(
    ("line", "patterns"),
    [
        ("Include /etc/ssh/sshd_config.d/*.conf", ["/etc/ssh/sshd_config.d/*.conf"]),
        ("  include extra.conf", ["/etc/ssh/extra.conf"]),
        ('INCLUDE="/etc/with space/a" /etc/b # c', ["/etc/with space/a", "/etc/b"]),
        ('"Include" /etc/a', ["/etc/a"]),
        ("#Include /etc/a", []),
        ("IncludeNot /etc/a", []),
        ("Include", []),
    ],
)
def test_what_sshd_includes(line: str, patterns: list[str]) -> None:
    assert configuration.sshd_includes(f"Port 22\n{line}\n") == patterns


@pytest.mark.parametrize(
    ("line", "included"),
    [
        ("@includedir /etc/sudoers.d", [("includedir", "/etc/sudoers.d")]),
        ("#includedir /etc/sudoers.d", [("includedir", "/etc/sudoers.d")]),
        ("#include local", [("include", "/etc/local")]),
        ("@include /etc/sudoers.%h", [("include", "/etc/sudoers.web")]),
        ('@include "/etc/with space"', [("include", "/etc/with space")]),
        ("@include /etc/with\\ space", [("include", "/etc/with space")]),
        ("@include \\\n/etc/next", [("include", "/etc/next")]),
        ("# include /etc/comment", []),
        ("#includedirectory", []),
        ("@include", []),
    ],
)
def test_what_sudo_includes(line: str, included: list[tuple[str, str]]) -> None:
    found = configuration.sudoers_includes(f"Defaults env_reset\n{line}\n", "/etc", "web.example")
    assert found == included


def test_sudo_passes_over_names_with_a_dot_or_a_tilde() -> None:
    assert configuration.sudoers_names(["b", "a", "a.bak", "c~", ".d"]) == ["a", "b"]


def test_files_come_in_the_order_of_reading_each_once(tmp_path: Path) -> None:
    folder = tmp_path / "conf.d"
    folder.mkdir()
    (tmp_path / "main").write_text(f"Include {folder}/*.conf\nInclude {folder}/b.conf\n")
    (folder / "b.conf").write_text(f"Include {tmp_path}/deep {tmp_path}/main {tmp_path}/gone")
    (folder / "a.conf").write_text("Port 22\n")
    (folder / ".hidden.conf").write_text("Port 23\n")
    (tmp_path / "deep").write_text("Port 24\n")
    included = configuration.sshd_files(str(tmp_path / "main"))
    assert [Path(path).name for path in included.files] == ["main", "a.conf", "b.conf", "deep"]
    assert included.folders == (str(tmp_path), str(folder))


def test_sudoers_folders_are_followed(tmp_path: Path) -> None:
    folder = tmp_path / "sudoers.d"
    folder.mkdir()
    (tmp_path / "sudoers").write_text("@includedir sudoers.d\n")
    (folder / "one").write_text("#include two\n")
    (folder / "two").write_text("")
    (folder / "three.bak").write_text("")
    included = configuration.sudoers_files(str(tmp_path / "sudoers"))
    assert [Path(path).name for path in included.files] == ["sudoers", "one", "two"]
    assert included.folders == (str(folder),)


def test_an_endless_configuration_is_refused(tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / str(number)).write_text(f"Include {tmp_path}/{number + 1}\n")
    with pytest.raises(CannotRead, match="levels deep"):
        configuration.sshd_files(str(tmp_path / "0"))


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "main").write_text(f"Include {tmp_path}/*.conf\n")
    for number in range(configuration.MOST_INCLUDED):
        (tmp_path / f"{number}.conf").write_text("")
    with pytest.raises(CannotRead, match="includes more than"):
        configuration.sshd_files(str(tmp_path / "main"))


@given(st.text(alphabet='incluedr @#="\\ \n\t/*%h', max_size=200))
def test_no_text_breaks_the_parsers(text: str) -> None:
    for found in (
        configuration.sshd_includes(f"include {text}"),
        [path for _, path in configuration.sudoers_includes(f"@include {text}", "/etc", "h")],
    ):
        assert all(path.startswith("/") for path in found)


def test_every_judged_file_stands_under_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, content in (("hidden", "key: -----BEGIN PRIVATE KEY-----"), ("shown", "a = 1\n")):
        (tmp_path / name).write_text(content)
    monkeypatch.setattr(configuration, "JUDGED_TREES", (str(tmp_path),))
    section = configuration.files(Names({}, {}))
    shown = {
        Path(path).name: state["content"]
        for path, state in section.items()
        if isinstance(state, dict) and path.startswith(str(tmp_path))
    }
    assert shown == {tmp_path.name: "", "hidden": None, "shown": "a = 1\n"}
