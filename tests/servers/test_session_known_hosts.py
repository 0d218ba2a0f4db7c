"""Pinned host keys: what counts, what is stored, what is refused."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import asyncssh
import pytest

from holdfast.servers.known_hosts import ALGORITHMS, KnownHosts, Standing, fingerprint
from holdfast.servers.session_errors import HostKeyChanged, SessionError

ED25519 = asyncssh.generate_private_key("ssh-ed25519").convert_to_public()
OTHER = asyncssh.generate_private_key("ssh-ed25519").convert_to_public()
ECDSA = asyncssh.generate_private_key("ecdsa-sha2-nistp256").convert_to_public()


def line(names: str, key: asyncssh.SSHKey, marker: str = "") -> str:
    return f"{marker}{names} {key.export_public_key('openssh').decode().strip()}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / ".holdfast" / "known_hosts"


def written(file: Path, content: str) -> KnownHosts:
    file.parent.mkdir(mode=0o700, exist_ok=True)
    file.write_text(content)
    file.chmod(0o600)
    return KnownHosts(file)


def hashed(file: Path, name: str, key: asyncssh.SSHKey) -> KnownHosts:
    known = written(file, line(name, key))
    subprocess.run(["ssh-keygen", "-H", "-f", str(file)], check=True, capture_output=True)
    return known


def test_without_a_file_every_key_is_unknown(file: Path) -> None:
    assert KnownHosts(file).pins("app", ["203.0.113.10"]).standing(ED25519) is Standing.UNKNOWN


def test_an_accepted_key_is_known_by_name_and_by_address(file: Path) -> None:
    KnownHosts(file).add("app", "203.0.113.10", 22, ED25519)
    known = KnownHosts(file)
    assert known.pins("app", []).standing(ED25519) is Standing.KNOWN
    assert known.pins("other-name", ["203.0.113.10"]).standing(ED25519) is Standing.KNOWN
    assert known.pins("db", ["203.0.113.11"]).standing(ED25519) is Standing.UNKNOWN


def test_what_is_stored_is_what_openssh_reads(file: Path) -> None:
    KnownHosts(file).add("app", "203.0.113.10", 2222, ED25519)
    found = subprocess.run(
        ["ssh-keygen", "-F", "[203.0.113.10]:2222", "-l", "-f", str(file)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ED25519.get_fingerprint("sha256") in found.stdout


def test_file_and_folder_are_the_owner_s_alone(file: Path) -> None:
    KnownHosts(file).add("app", "203.0.113.10", 22, ED25519)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_adding_keeps_every_line_that_was_there(file: Path) -> None:
    before = f"# by hand\n\n{line('db', OTHER)}"
    written(file, before).add("app", "203.0.113.10", 22, ED25519)
    assert file.read_text().startswith(before)
    assert len(file.read_text().splitlines()) == 4


def test_adding_to_a_file_without_a_last_newline_keeps_lines_apart(file: Path) -> None:
    known = written(file, line("db", OTHER).rstrip("\n"))
    known.add("app", "203.0.113.10", 22, ED25519)
    assert known.pins("db", []).standing(OTHER) is Standing.KNOWN
    assert known.pins("app", []).standing(ED25519) is Standing.KNOWN


def test_adding_a_key_twice_stores_it_once(file: Path) -> None:
    for _ in range(2):
        KnownHosts(file).add("app", "203.0.113.10", 22, ED25519)
    assert len(file.read_text().splitlines()) == 1


def test_adding_a_second_key_for_a_host_is_refused(file: Path) -> None:
    KnownHosts(file).add("app", "203.0.113.10", 22, ED25519)
    with pytest.raises(HostKeyChanged):
        KnownHosts(file).add("app", "203.0.113.10", 22, OTHER)


@pytest.mark.parametrize("shown", [OTHER, ECDSA])
def test_another_key_is_a_change_whatever_its_type(file: Path, shown: asyncssh.SSHKey) -> None:
    pins = written(file, "\n" + line("app", ED25519)).pins("app", [])
    assert pins.standing(shown) is Standing.CHANGED
    message = str(pins.changed("app", shown))
    assert fingerprint(ED25519) in message
    assert fingerprint(shown) in message
    assert f"{file}:2" in message


def test_the_name_s_pin_outranks_what_its_address_was_pinned_to(file: Path) -> None:
    known = written(file, line("app", ED25519) + line("203.0.113.10", OTHER))
    pins = known.pins("app", ["203.0.113.10"])
    assert pins.standing(ED25519) is Standing.KNOWN
    assert pins.standing(OTHER) is Standing.CHANGED


def test_a_hashed_line_counts(file: Path) -> None:
    known = hashed(file, "203.0.113.10", ED25519)
    assert "203.0.113.10" not in file.read_text()
    assert known.pins("app", ["203.0.113.10"]).standing(ED25519) is Standing.KNOWN
    assert known.pins("app", ["203.0.113.10"]).standing(OTHER) is Standing.CHANGED


def test_a_revoked_key_is_refused_even_if_another_line_trusts_it(file: Path) -> None:
    known = written(file, line("app", ED25519) + line("app", ED25519, "@revoked "))
    pins = known.pins("app", [])
    assert pins.standing(ED25519) is Standing.REVOKED
    assert f"{file}:2" in str(pins.changed("app", ED25519))


def test_a_revocation_for_every_host_counts_for_one_that_is_not_pinned(file: Path) -> None:
    pins = written(file, line("*", ED25519, "@revoked ")).pins("app", ["203.0.113.10"])
    assert pins.standing(ED25519) is Standing.REVOKED
    assert pins.standing(OTHER) is Standing.UNKNOWN


def test_a_certificate_authority_pins_no_key(file: Path) -> None:
    pins = written(file, line("*", ED25519, "@cert-authority ")).pins("app", [])
    assert pins.standing(ED25519) is Standing.UNKNOWN


def test_a_port_of_its_own_has_a_key_of_its_own(file: Path) -> None:
    known = written(file, line("app", ED25519) + line("[app]:2222", OTHER))
    assert known.pins("app", [], 22).standing(ED25519) is Standing.KNOWN
    assert known.pins("app", [], 2222).standing(OTHER) is Standing.KNOWN
    assert known.pins("app", [], 2222).standing(ED25519) is Standing.CHANGED


def test_the_pinned_key_s_algorithm_is_asked_for_first(file: Path) -> None:
    pins = written(file, line("app", ECDSA)).pins("app", [])
    assert pins.algorithms()[0] == "ecdsa-sha2-nistp256"
    assert sorted(pins.algorithms()) == sorted(ALGORITHMS)
    assert KnownHosts(file).pins("db", []).algorithms() == list(ALGORITHMS)


def test_a_file_that_others_may_write_vouches_for_nothing(file: Path) -> None:
    known = written(file, line("app", ED25519))
    file.chmod(0o620)
    with pytest.raises(SessionError, match="chmod 600"):
        known.pins("app", [])


@pytest.mark.parametrize("broken", ["app\n", "@maybe app ssh-ed25519 AAAA\n"])
def test_a_line_that_is_none_is_named(file: Path, broken: str) -> None:
    with pytest.raises(SessionError) as error:
        written(file, line("db", OTHER) + broken).pins("app", [])
    assert f"{file}:2" in str(error.value)


def test_many_runs_that_accept_at_once_lose_no_key(file: Path) -> None:
    program = (
        "import sys, asyncssh; from pathlib import Path;"
        "from holdfast.servers.known_hosts import KnownHosts;"
        "key = asyncssh.generate_private_key('ssh-ed25519').convert_to_public();"
        "known = KnownHosts(Path(sys.argv[1]));"
        "[known.add(f'h{sys.argv[2]}-{n}', f'a{sys.argv[2]}-{n}', 22, key) for n in range(20)]"
    )
    runs = [
        subprocess.Popen([sys.executable, "-c", program, str(file), str(number)])
        for number in range(4)
    ]
    assert [run.wait(timeout=60) for run in runs] == [0] * 4
    assert len(set(file.read_text().splitlines())) == 80
    assert sorted(each.name for each in file.parent.iterdir()) == [
        "known_hosts",
        "known_hosts.lock",
    ]


def test_a_further_key_that_a_known_host_has_proven_is_pinned_beside_the_first(file: Path) -> None:
    known = written(file, line("app", ECDSA))
    known.learn("app", "203.0.113.10", 22, ED25519)
    pins = known.pins("app", ["203.0.113.10"])
    assert [pins.standing(key) for key in (ECDSA, ED25519)] == [Standing.KNOWN] * 2
    assert pins.algorithms()[0] == "ssh-ed25519"


def test_a_key_that_is_revoked_is_not_learnt(file: Path) -> None:
    known = written(file, line("app", ECDSA) + line("app", ED25519, "@revoked "))
    known.learn("app", "203.0.113.10", 22, ED25519)
    assert known.pins("app", []).standing(ED25519) is Standing.REVOKED
    assert file.read_text().count("ssh-ed25519") == 1


def test_what_is_known_already_is_not_written_again(file: Path) -> None:
    known = written(file, line("app", ED25519))
    known.learn("app", "203.0.113.10", 22, ED25519)
    assert file.read_text() == line("app", ED25519)


@pytest.mark.parametrize(("key", "modern"), [(ED25519, True), (ECDSA, False)])
def test_a_host_known_by_an_ed25519_key_needs_no_better_one(
    file: Path, key: asyncssh.SSHKey, modern: bool
) -> None:
    assert written(file, line("app", key)).pins("app", []).modern is modern
