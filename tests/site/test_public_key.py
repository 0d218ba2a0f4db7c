from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.site import PublicKey, Refused

KINDS = [
    ("ed25519", None, "ssh-ed25519"),
    ("ecdsa", 256, "ecdsa-sha2-nistp256"),
    ("ecdsa", 384, "ecdsa-sha2-nistp384"),
    ("ecdsa", 521, "ecdsa-sha2-nistp521"),
    ("rsa", 3072, "ssh-rsa"),
]


def string(value: bytes | str) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return len(data).to_bytes(4, "big") + data


def line(type_: str, *fields: bytes | str, outside: str | None = None, comment: str = "") -> str:
    blob = base64.b64encode(string(type_) + b"".join(map(string, fields))).decode()
    return f"{outside or type_} {blob} {comment}".strip()


def made(folder: Path, kind: str, bits: int | None) -> Path:
    """A new public key file."""
    file = folder / "id"
    size = ["-b", str(bits)] if bits else []
    command = [
        "ssh-keygen",
        "-q",
        "-t",
        kind,
        *size,
        "-N",
        "",
        "-C",
        "alice@laptop",
        "-f",
        str(file),
    ]
    subprocess.run(command, check=True)
    return file.with_suffix(".pub")


@pytest.mark.parametrize(("kind", "bits", "type_"), KINDS)
def test_a_key_of_ssh_keygen_is_read_and_written_back(
    kind: str, bits: int | None, type_: str, tmp_path: Path
) -> None:
    text = made(tmp_path, kind, bits).read_text()
    key = PublicKey.parse(text)
    assert (key.type, key.comment) == (type_, "alice@laptop")
    assert key.line == text.strip()


@pytest.mark.parametrize(("kind", "bits", "type_"), KINDS)
def test_the_fingerprint_is_the_one_of_ssh_keygen(
    kind: str, bits: int | None, type_: str, tmp_path: Path
) -> None:
    file = made(tmp_path, kind, bits)
    listed = subprocess.run(["ssh-keygen", "-lf", file], check=True, capture_output=True, text=True)
    assert PublicKey.parse(file.read_text()).fingerprint == listed.stdout.split()[1]


POINT = b"\x04" + bytes(64)
SECURITY_KEYS = [
    line("sk-ssh-ed25519@openssh.com", bytes(32), "ssh:", comment="token"),
    line("sk-ecdsa-sha2-nistp256@openssh.com", "nistp256", POINT, "ssh:"),
]


@pytest.mark.parametrize("text", SECURITY_KEYS)
def test_a_key_on_a_security_key_is_read(text: str) -> None:
    assert PublicKey.parse(text).line == text


def test_the_comment_makes_no_other_key() -> None:
    first, second = (PublicKey.parse(line("ssh-ed25519", bytes(32), comment=c)) for c in "ab")
    assert first == second
    assert hash(first) == hash(second)


def test_another_blob_makes_another_key() -> None:
    one, other = (PublicKey.parse(line("ssh-ed25519", byte * 32)) for byte in (b"a", b"b"))
    assert one != other


GOOD = line("ssh-ed25519", bytes(32), comment="alice@laptop")
MODULUS = b"\x00\xc0" + bytes(382) + b"\x01"  # 3072 bits
REFUSED = {
    "empty": ("", "the public key is empty"),
    "one word": ("ssh-ed25519", "this is not a public key"),
    "not a key": ("hello world", "not a public key of a type that is accepted"),
    "dsa": (line("ssh-dss", b"\x01"), "DSA keys are broken"),
    "certificate": (
        line("ssh-ed25519-cert-v01@openssh.com", bytes(32)),
        "this is a certificate, not a key",
    ),
    "options": (f'command="id" {GOOD}', "options stand in front of the key"),
    "option": (f"restrict {GOOD}", "options stand in front of the key"),
    "two lines": (f"{GOOD}\n{GOOD}", "a public key is one line"),
    "carriage return": (f"{GOOD}\rx", "a public key is one line"),
    "not base64": ("ssh-ed25519 A*B=", "the public key is not base64"),
    "not ASCII": ("ssh-ed25519 ÄÄÄÄ", "the public key is not base64"),
    "base64 with bits left": ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAB=", "not base64 as OpenSSH"),
    "another type inside": (
        line("ssh-rsa", bytes(32), outside="ssh-ed25519"),
        "the key is of another type than its line says",
    ),
    "cut short": (
        "ssh-ed25519 " + base64.b64encode(string("ssh-ed25519") + b"\0\0\0\x20abc").decode(),
        "the public key is cut short",
    ),
    "no length": (
        "ssh-ed25519 " + base64.b64encode(b"\0\0").decode(),
        "the public key is cut short",
    ),
    "too short": (line("ssh-ed25519", bytes(31)), "has not 32 bytes"),
    "bytes after": (line("ssh-ed25519", bytes(32), b"x"), "bytes after its end"),
    "another curve": (
        line("ecdsa-sha2-nistp256", "nistp384", POINT),
        "the key's curve is not the one",
    ),
    "no point": (line("ecdsa-sha2-nistp256", "nistp256", b"\x02" + bytes(32)), "no point"),
    "no application": (
        line("sk-ssh-ed25519@openssh.com", bytes(32), ""),
        "application is empty",
    ),
    "even modulus": (line("ssh-rsa", b"\x01\x00\x01", MODULUS[:-1] + b"\x02"), "cannot belong"),
    "exponent of one": (line("ssh-rsa", b"\x01", MODULUS), "cannot belong"),
    "negative modulus": (line("ssh-rsa", b"\x01\x00\x01", MODULUS[1:]), "a malformed number"),
    "padded modulus": (line("ssh-rsa", b"\x01\x00\x01", b"\0" + MODULUS), "a malformed number"),
    "comment": (f"{GOOD}{'x' * 200}", "the key's comment is too long"),
    "control character": (f"{GOOD}\x1b[2J", "the key's comment is too long or holds control"),
}


@pytest.mark.parametrize(("text", "what"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_usable_key_is_refused_with_a_mend(text: str, what: str) -> None:
    with pytest.raises(Refused) as caught:
        PublicKey.parse(text)
    assert what in caught.value.what
    assert caught.value.mend


def test_a_small_rsa_key_is_refused_with_its_size(tmp_path: Path) -> None:
    text = made(tmp_path, "rsa", 2048).read_text()
    with pytest.raises(Refused, match=r"has 2048 bits, fewer than 3072; .*ssh-keygen -t ed25519"):
        PublicKey.parse(text)


def test_a_private_key_is_named_and_never_repeated(tmp_path: Path) -> None:
    private = made(tmp_path, "ed25519", None).with_suffix("").read_text()
    with pytest.raises(Refused, match="this is a private key, which must not be here") as caught:
        PublicKey.parse(private)
    assert not any(part in str(caught.value) for part in private.split() if len(part) > 7)


@given(
    st.text() | st.builds(lambda blob: f"ssh-rsa {base64.b64encode(blob).decode()}", st.binary())
)
def test_every_text_is_a_key_or_refused(text: str) -> None:
    try:
        assert PublicKey.parse(text).line
    except Refused as refused:
        assert refused.what  # noqa: PT017


@given(st.integers(0, 50), st.integers(0, 255))
def test_a_changed_byte_is_refused_or_makes_another_key(place: int, byte: int) -> None:
    key = PublicKey.parse(GOOD)
    blob = bytearray(base64.b64decode(key.blob))
    if blob[place] == byte:
        return
    blob[place] = byte
    try:
        other = PublicKey(key.type, base64.b64encode(blob).decode())
    except Refused:
        return
    assert other != key
    assert place > 18  # only the key itself may differ, not its type nor a length
