"""What `doctor` sees of the machine it runs on: keys made by ssh-keygen, an agent, file modes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from holdfast.site import Site, load_site
from holdfast.site.own_keys import private_files
from holdfast.site.this_machine import Check, examined, secret_refs, unprotected_keys

SITE = """
[site]
name = "todo"
domain = "todo.example.com"

[admins.alice]
keys = ["{key}"]
{more}
"""

pytestmark = pytest.mark.usefixtures("no_agent")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    (folder / ".ssh").mkdir(parents=True)
    return folder


def make_key(file: Path, *options: str, passphrase: str = "") -> str:
    """Make a key; return its public line, the `.pub` file is removed."""
    kind = options or ("-t", "ed25519")
    command = ["ssh-keygen", "-q", *kind, "-N", passphrase, "-C", "alice", "-f", str(file)]
    subprocess.run(command, check=True)
    public = file.with_name(f"{file.name}.pub")
    line = public.read_text().strip()
    public.unlink()
    return line


def site(home: Path, key: str, more: str = "") -> Site:
    file = home.parent / "holdfast.toml"
    file.write_text(SITE.format(key=key, more=more))
    file.chmod(0o644)
    return load_site(file).run_by("alice")


def about(subject: str, of: Site, home: Path) -> Check:
    """The one check of this subject."""
    (check,) = (c for c in examined(of, home) if c.subject.startswith(subject))
    return check


def test_a_key_without_a_passphrase_is_found_with_the_mend(home: Path) -> None:
    file = home / ".ssh" / "id_ed25519"
    check = about("key ", site(home, make_key(file)), home)
    assert (check.good, check.mend) == (False, f"ssh-keygen -p -f {file}")


def test_a_key_with_a_passphrase_is_good(home: Path) -> None:
    key = make_key(home / ".ssh" / "id_ed25519", passphrase="hunter2")
    of = site(home, key)
    assert [check for check in examined(of, home) if not check.good] == []
    assert "passphrase" in about("key ", of, home).seen


def test_a_key_that_only_the_agent_holds_is_good(home: Path, agent: Path) -> None:
    file = home / "elsewhere"
    key = make_key(file)
    subprocess.run(["ssh-add", "-q", str(file)], check=True, env=dict(os.environ))
    file.unlink()
    assert about("key ", site(home, key), home) == Check(
        about("key ", site(home, key), home).subject, "in the agent, no file"
    )


def test_a_key_in_the_agent_whose_file_is_open_is_found(home: Path, agent: Path) -> None:
    file = home / ".ssh" / "id"
    key = make_key(file)
    subprocess.run(["ssh-add", "-q", str(file)], check=True, env=dict(os.environ))
    assert not about("key ", site(home, key), home).good


def test_a_key_on_a_security_key_is_good(home: Path) -> None:
    key = (
        "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIAABAgMEBQYHCAkKCww"
        "NDg8QERITFBUWFxgZGhscHR4fAAAABHNzaDo= alice"
    )
    assert about("key ", site(home, key), home).seen == "on a security key"


def test_a_person_without_any_of_the_keys_here_is_told(home: Path) -> None:
    key = make_key(home / "elsewhere")
    check = about("keys of alice", site(home, key), home)
    assert "ssh-add" in check.mend


def test_one_key_that_is_on_another_machine_is_no_fault(home: Path) -> None:
    other = make_key(home / "elsewhere")
    key = make_key(home / ".ssh" / "id", passphrase="hunter2")
    checks = examined(site(home, f'{key}", "{other}'), home)
    assert [check.seen for check in checks if "not found" in check.seen] == [
        "not found on this machine"
    ]
    assert all(check.good for check in checks)


def test_a_private_key_that_others_read_is_found(home: Path) -> None:
    file = home / ".ssh" / "id"
    of = site(home, make_key(file, passphrase="hunter2"))
    file.chmod(0o640)
    assert about("private key", of, home).mend == f"chmod go-rwx {file}"


@pytest.mark.parametrize(
    ("where", "line"),
    [
        (".ssh/config", 'IdentityFile "~/keys/work"'),
        (".ssh/config", "    identityfile=%d/keys/work"),
        ("../.holdfast/ssh_config", "IdentityFile {home}/keys/work"),
    ],
)
def test_a_key_that_a_configuration_names_is_found(home: Path, where: str, line: str) -> None:
    (home / "keys").mkdir()
    of = site(home, make_key(home / "keys" / "work"))
    config = home / where
    config.parent.mkdir(mode=0o700, exist_ok=True)
    config.write_text(f"Host todo-app\n    {line.format(home=home)}\n")
    assert unprotected_keys(of, home) == (home / "keys" / "work",)


def test_a_key_in_an_older_format_is_known_by_the_public_file_beside_it(home: Path) -> None:
    file = home / ".ssh" / "id"
    key = make_key(file, "-t", "ecdsa", "-m", "PEM")
    assert unprotected_keys(site(home, key), home) == ()
    file.with_name("id.pub").write_text(f"{key}\n")
    assert unprotected_keys(site(home, key), home) == (file,)


def test_an_encrypted_file_tells_whose_it_is(home: Path) -> None:
    file = home / ".ssh" / "id"
    of = site(home, make_key(file, passphrase="hunter2"))
    assert list(private_files(of.admins["alice"].keys, (), home).values()) == [file]


def test_a_folder_that_others_look_into_is_found(home: Path) -> None:
    of = site(home, make_key(home / ".ssh" / "id", passphrase="hunter2"))
    folder = home.parent / ".holdfast"
    folder.mkdir()
    folder.chmod(0o755)
    assert about("folder", of, home).mend == f"chmod go-rwx {folder}"


@pytest.mark.parametrize("place", ["holdfast.toml", ".holdfast/known_hosts"])
def test_a_file_that_others_write_to_is_found(home: Path, place: str) -> None:
    of = site(home, make_key(home / ".ssh" / "id", passphrase="hunter2"))
    (home.parent / ".holdfast").mkdir(mode=0o700)
    (home.parent / ".holdfast" / "known_hosts").touch()
    (home.parent / place).chmod(0o666)
    bad = [check.mend for check in examined(of, home) if not check.good]
    assert bad == [f"chmod go-w {home.parent / place}"]


def secret(home: Path, reference: str) -> Check:
    key = make_key(home / ".ssh" / "id", passphrase="hunter2")
    return about("secret", site(home, key, f'sudo_password = "{reference}"'), home)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_secret_in_a_private_file_is_good(home: Path, mode: int) -> None:
    (home.parent / "sudo").touch(mode)
    assert secret(home, "file:sudo").good


def test_a_secret_in_a_file_that_others_read_is_found(home: Path) -> None:
    (home.parent / "sudo").touch(0o600)
    (home.parent / "sudo").chmod(0o644)
    assert secret(home, "file:sudo").mend == f"chmod 600 {home.parent / 'sudo'}"


def test_a_secret_whose_file_is_missing_is_found(home: Path) -> None:
    assert not secret(home, "file:sudo").good


def test_a_command_is_looked_for_and_neither_run_nor_shown_whole(home: Path) -> None:
    mark = home / "mark"
    check = secret(home, f"command:touch {mark}")
    assert (check.good, check.seen, mark.exists()) == (True, "command:touch …", False)


def test_a_command_that_is_not_installed_is_found(home: Path) -> None:
    assert not secret(home, "command:no-such-program x").good


@pytest.mark.parametrize("reference", ["env:SUDO", "file:{host}.sudo", "command:{host} x"])
def test_what_only_a_run_can_tell_is_not_judged(home: Path, reference: str) -> None:
    assert secret(home, reference).good


def test_every_reference_of_a_site_is_looked_at(home: Path) -> None:
    more = 'sudo_password = "env:A"\ntotp = "env:B"\n[alerts]\nto = ["env:C", "env:D"]'
    of = site(home, make_key(home / ".ssh" / "id"), more)
    assert {ref.place for ref in secret_refs(of)} == {"A", "B", "C", "D"}
