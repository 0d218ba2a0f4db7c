"""ssh.modern: weak algorithms are taken away, better ones that come later pass."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import pytest
from building import SITE, SSHD_DEFAULTS, file, key_line, site, snapshot, sshd

from holdfast.servers.attack import AlgorithmClass
from holdfast.servers.control import Gap, Phase
from holdfast.servers.controls.ssh_modern import OFFERS, SMALLEST_RSA, WEAK, gaps
from holdfast.servers.snapshot import CannotJudge, Snapshot
from holdfast.servers.sshd_config import FILE, GLOBAL, render
from holdfast.site import Site

GOOD = {
    "KexAlgorithms": "mlkem768x25519-sha256,sntrup761x25519-sha512,curve25519-sha256",
    "Ciphers": "chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes128-ctr",
    "MACs": "umac-128-etm@openssh.com,hmac-sha2-256-etm@openssh.com,hmac-sha2-512",
    "HostKeyAlgorithms": "ssh-ed25519,rsa-sha2-512,rsa-sha2-256",
    "PubkeyAcceptedAlgorithms": "ssh-ed25519,sk-ecdsa-sha2-nistp256@openssh.com,rsa-sha2-512",
    "CASignatureAlgorithms": "ssh-ed25519,rsa-sha2-512",
    SMALLEST_RSA: "3072",
}


Facts = dict[str, Any]


def host(
    settings: Mapping[str, str] | None = None, *, ours: str = "", daemon: Facts | None = None
) -> Snapshot:
    """A host with strong algorithms, except for these."""
    decided = {key.lower(): (value,) for key, value in (GOOD | dict(settings or {})).items()}
    files = {FILE: file(ours)} if ours else {}
    return snapshot(sshd=sshd(decided, **(daemon or {})), files=files)


def found(seen: Snapshot, of: Site | None = None) -> list[Gap]:
    of = of or site()
    return list(gaps(of.hosts["app"], {"app": seen}, of))


def wanted(seen: Snapshot, of: Site | None = None) -> dict[str, str]:
    return {want.key: want.value for gap in found(seen, of) for want in gap.wants}


def ecdsa_line(name: str) -> str:
    parts = (b"ecdsa-sha2-nistp256", b"nistp256", b"\x04" + bytes(64))
    blob = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return f"ecdsa-sha2-nistp256 {base64.b64encode(blob).decode()} {name}"


def site_with_ecdsa() -> Site:
    return site(SITE.replace(key_line("alice"), ecdsa_line("alice")))


def test_a_host_with_strong_algorithms_has_no_gap() -> None:
    assert found(host()) == []


def test_a_fresh_server_loses_its_weak_algorithms_and_nothing_else() -> None:
    weak = {keyword: "-" + ",".join(patterns) for keyword, patterns in WEAK.items()}
    del weak["Ciphers"]  # Debian offers no weak one
    assert wanted(snapshot(sshd=sshd())) == weak | {SMALLEST_RSA: "3072"}


def test_everything_only_narrows() -> None:
    wants = [want for gap in found(snapshot(sshd=sshd())) for want in gap.wants]
    assert {want.phase for want in wants} == {Phase.NARROW}


@pytest.mark.parametrize(
    ("keyword", "name"),
    [
        ("KexAlgorithms", "ecdh-sha2-nistp256"),
        ("KexAlgorithms", "diffie-hellman-group1-sha1"),
        ("KexAlgorithms", "diffie-hellman-group14-sha1"),
        ("KexAlgorithms", "diffie-hellman-group14-sha256"),
        ("KexAlgorithms", "diffie-hellman-group-exchange-sha256"),
        ("Ciphers", "aes256-cbc"),
        ("Ciphers", "3des-cbc"),
        ("Ciphers", "rijndael-cbc@lysator.liu.se"),
        ("Ciphers", "arcfour"),
        ("MACs", "hmac-sha1"),
        ("MACs", "hmac-sha1-etm@openssh.com"),
        ("MACs", "hmac-md5-96"),
        ("MACs", "umac-64@openssh.com"),
        ("HostKeyAlgorithms", "ssh-rsa"),
        ("HostKeyAlgorithms", "ssh-dss"),
        ("HostKeyAlgorithms", "ecdsa-sha2-nistp256"),
        ("HostKeyAlgorithms", "ecdsa-sha2-nistp521-cert-v01@openssh.com"),
        ("PubkeyAcceptedAlgorithms", "ssh-rsa"),
        ("PubkeyAcceptedAlgorithms", "ssh-rsa-cert-v01@openssh.com"),
        ("PubkeyAcceptedAlgorithms", "ecdsa-sha2-nistp384"),
        ("CASignatureAlgorithms", "ecdsa-sha2-nistp256"),
    ],
)
def test_one_weak_algorithm_is_subtracted(keyword: str, name: str) -> None:
    assert wanted(host({keyword: f"{GOOD[keyword]},{name}"})) == {
        keyword: "-" + ",".join(WEAK[keyword])
    }


@pytest.mark.parametrize(
    ("keyword", "name"),
    [
        ("KexAlgorithms", "mlkem1024-sha512"),
        ("KexAlgorithms", "diffie-hellman-group16-sha512"),
        ("KexAlgorithms", "diffie-hellman-group18-sha512"),
        ("Ciphers", "aegis256@example.com"),
        ("MACs", "hmac-sha3-256"),
        ("HostKeyAlgorithms", "ssh-mldsa-87@openssh.com"),
        ("PubkeyAcceptedAlgorithms", "webauthn-sk-ecdsa-sha2-nistp256@openssh.com"),
    ],
)
def test_what_is_not_known_to_be_weak_passes(keyword: str, name: str) -> None:
    assert found(host({keyword: f"{GOOD[keyword]},{name}"})) == []


def test_an_exchange_of_a_later_release_may_stand_first() -> None:
    assert found(host({"KexAlgorithms": f"frodokem-of-2031,{GOOD['KexAlgorithms']}"})) == []


def test_a_server_without_any_post_quantum_exchange_is_no_gap() -> None:
    assert found(host({"KexAlgorithms": "curve25519-sha256,diffie-hellman-group16-sha512"})) == []


@pytest.mark.parametrize("weak", ["", ",ecdh-sha2-nistp256"])
def test_a_post_quantum_exchange_is_put_first(weak: str) -> None:
    late = f"curve25519-sha256{weak},sntrup761x25519-sha512@openssh.com"
    assert wanted(host({"KexAlgorithms": late})) == {
        "KexAlgorithms": "sntrup761x25519-sha512@openssh.com,curve25519-sha256"
    }


def test_a_list_that_was_written_for_its_order_is_left_alone() -> None:
    kex = "sntrup761x25519-sha512,curve25519-sha256"
    assert found(host({"KexAlgorithms": kex}, ours=render({"KexAlgorithms": kex}))) == []


def test_what_is_offered_despite_our_file_is_for_a_person() -> None:
    value = "-" + ",".join(WEAK["MACs"])
    (gap,) = found(host({"MACs": "hmac-sha1"}, ours=render({"MACs": value})))
    assert (gap.automatic, "overridden" in gap.mend) == (False, True)


def test_a_gap_says_what_is_weak_about_it() -> None:
    (gap,) = found(host({"MACs": "hmac-sha2-256,hmac-sha1,umac-64@openssh.com"}))
    assert ("SHA-1" in gap.what, "64 bits" in gap.what, "hmac-sha1" in gap.evidence) == (True,) * 3


@pytest.mark.parametrize("bits", ["1024", "2048", "0", "many"])
def test_short_rsa_keys_are_not_taken(bits: str) -> None:
    assert wanted(host({"RequiredRSASize": bits})) == {SMALLEST_RSA: "3072"}


@pytest.mark.parametrize("bits", ["3072", "4096", "unset"])
def test_long_rsa_keys_are_taken(bits: str) -> None:
    assert found(host({"RequiredRSASize": bits})) == []


def test_sshd_that_says_nothing_of_its_ciphers_cannot_be_judged() -> None:
    seen = host()
    with pytest.raises(CannotJudge):
        found(seen.model_copy(update={"sshd": sshd({"ciphers": ("unset",)})}))


def test_names_that_are_no_algorithms_are_written_nowhere() -> None:
    with pytest.raises(CannotJudge):
        found(host({"KexAlgorithms": "curve25519-sha256,sntrup761 \nPermitRootLogin yes"}))


RSA_ONLY = {"host_keys": ("ecdsa-sha2-nistp256 SHA256:x", "ssh-rsa SHA256:y")}


def test_a_host_without_an_ed25519_key_is_for_a_person() -> None:
    (gap,) = found(host(daemon=RSA_ONLY))
    assert (gap.automatic, "ssh-keygen -A" in gap.mend) == (False, True)


def test_no_host_key_is_taken_away_before_there_is_an_ed25519_key() -> None:
    weak = SSHD_DEFAULTS["hostkeyalgorithms"][0]
    seen = host({"HostKeyAlgorithms": weak, SMALLEST_RSA: "1024"}, daemon=RSA_ONLY)
    assert wanted(seen) == {}


def test_an_admins_key_on_a_nist_curve_is_for_a_person() -> None:
    (gap,) = found(host(), site_with_ecdsa())
    assert (gap.automatic, "admins.alice.keys" in gap.mend) == (False, True)


def test_the_algorithm_of_an_admins_key_is_never_taken_away() -> None:
    algorithms = f"{GOOD['PubkeyAcceptedAlgorithms']},ecdsa-sha2-nistp256,ecdsa-sha2-nistp384"
    value = wanted(host({"PubkeyAcceptedAlgorithms": algorithms}), site_with_ecdsa())
    assert value == {
        "PubkeyAcceptedAlgorithms": "-ecdsa-sha2-nistp384*,ecdsa-sha2-nistp521*,ssh-dss*,ssh-rsa,"
        "ssh-rsa-cert-*"
    }


def test_an_admins_algorithm_alone_is_no_gap_of_the_host() -> None:
    algorithms = f"{GOOD['PubkeyAcceptedAlgorithms']},ecdsa-sha2-nistp256"
    assert wanted(host({"PubkeyAcceptedAlgorithms": algorithms}), site_with_ecdsa()) == {}


def test_nothing_is_wanted_while_sshd_has_not_read_its_files() -> None:
    seen = host({"MACs": "hmac-sha1"}, daemon={"changed": 201.0, "loaded": 200.0})
    (gap,) = found(seen)
    assert (gap.automatic, "systemctl reload ssh" in gap.mend) == (False, True)


@pytest.mark.parametrize(
    ("of", "keyword"),
    [
        (AlgorithmClass.KEX, "KexAlgorithms"),
        (AlgorithmClass.CIPHER, "Ciphers"),
        (AlgorithmClass.MAC, "MACs"),
        (AlgorithmClass.HOST_KEY, "HostKeyAlgorithms"),
    ],
)
def test_the_attack_offers_nothing_but_what_is_weak(of: AlgorithmClass, keyword: str) -> None:
    for name in OFFERS[of]:
        assert wanted(host({keyword: f"{GOOD[keyword]},{name}"})), name


def test_keywords_that_no_match_block_takes_stand_above_ours() -> None:
    assert set(WEAK) - {"PubkeyAcceptedAlgorithms", "CASignatureAlgorithms"} <= GLOBAL
