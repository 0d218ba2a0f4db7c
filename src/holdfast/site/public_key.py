"""OpenSSH public keys, as admins have them and as `authorized_keys` holds them (RFC 4253, 6.6)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from holdfast.site.errors import Refused, is_control

SMALLEST_RSA_BITS = 3072
LARGEST_RSA_BITS = 16384
LONGEST_COMMENT = 200
MAKE_ONE = "make one with: ssh-keygen -t ed25519"
COPY_AGAIN = "copy the line of the .pub file again"
PRIVATE = re.compile(r"-----BEGIN|PRIVATE KEY|AGE-SECRET-KEY", re.IGNORECASE)
CURVES = {"nistp256": 32, "nistp384": 48, "nistp521": 66}  # bytes of a coordinate


class _Blob:
    """Reads the fields of a key blob in order; raises `Refused` where it ends too early."""

    def __init__(self, data: bytes) -> None:
        self.rest = data

    def string(self) -> bytes:
        length = int.from_bytes(self.rest[:4], "big")
        if len(self.rest) < 4 or len(self.rest) < 4 + length:
            raise Refused("the public key is cut short", COPY_AGAIN)
        value, self.rest = self.rest[4 : 4 + length], self.rest[4 + length :]
        return value

    def positive(self) -> int:
        value = self.string()
        if not value or value[0] & 0x80 or (value[0] == 0 and not (value[1:2] or b"\0")[0] & 0x80):
            raise Refused("the public key holds a malformed number", COPY_AGAIN)
        return int.from_bytes(value, "big")


def _ed25519(blob: _Blob) -> None:
    if len(blob.string()) != 32:
        raise Refused("the ed25519 key has not 32 bytes", COPY_AGAIN)


def _sk_ed25519(blob: _Blob) -> None:
    _ed25519(blob)
    _application(blob)


def _application(blob: _Blob) -> None:
    if not blob.string():
        raise Refused("the security key's application is empty", COPY_AGAIN)


def _point_on(curve: str) -> Callable[[_Blob], None]:
    def check(blob: _Blob) -> None:
        if blob.string() != curve.encode():
            raise Refused("the key's curve is not the one its type names", COPY_AGAIN)
        point = blob.string()
        if len(point) != 1 + 2 * CURVES[curve] or point[0] != 4:
            raise Refused(f"the key holds no point of {curve}", COPY_AGAIN)

    return check


def _sk_ecdsa(blob: _Blob) -> None:
    _point_on("nistp256")(blob)
    _application(blob)


def _rsa(blob: _Blob) -> None:
    exponent, modulus = blob.positive(), blob.positive()
    bits = modulus.bit_length()
    if bits < SMALLEST_RSA_BITS:
        raise Refused(f"the RSA key has {bits} bits, fewer than {SMALLEST_RSA_BITS}", MAKE_ONE)
    if bits > LARGEST_RSA_BITS or exponent < 3 or exponent % 2 == 0 or modulus % 2 == 0:
        raise Refused("the RSA key's numbers cannot belong to a key", MAKE_ONE)


FORMS: dict[str, Callable[[_Blob], None]] = {
    "ssh-ed25519": _ed25519,
    "sk-ssh-ed25519@openssh.com": _sk_ed25519,
    "sk-ecdsa-sha2-nistp256@openssh.com": _sk_ecdsa,
    "ecdsa-sha2-nistp256": _point_on("nistp256"),
    "ecdsa-sha2-nistp384": _point_on("nistp384"),
    "ecdsa-sha2-nistp521": _point_on("nistp521"),
    "ssh-rsa": _rsa,
}


@dataclass(frozen=True)
class PublicKey:
    """A checked public key: its type, its blob in base64, and a comment that names it.

    Two keys are equal when type and blob are; the comment is only for people. Raises `Refused`.
    """

    type: str
    blob: str
    comment: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        _check(self.type, self.blob)
        if len(self.comment) > LONGEST_COMMENT or any(map(is_control, self.comment)):
            raise Refused(
                "the key's comment is too long or holds control characters",
                f"keep it to one line of {LONGEST_COMMENT} characters",
            )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads one line of a `.pub` file; raises `Refused`, never repeating what it was given."""
        if PRIVATE.search(text):
            raise Refused(
                "this is a private key, which must not be here nor on any server",
                "write the line of the .pub file; if others could read this one, make a new key",
            )
        if "\n" in text.strip() or "\r" in text.strip():
            raise Refused("a public key is one line", "write each key as its own list element")
        words = text.split(maxsplit=2)
        if not words:
            raise Refused("the public key is empty", MAKE_ONE)
        if words[0] not in FORMS and any(word in FORMS for word in text.split()[1:]):
            raise Refused(
                "options stand in front of the key",
                "write the key alone; who may do what follows from the site",
            )
        if len(words) < 2:
            raise Refused("this is not a public key", f"write type and key, or {MAKE_ONE}")
        return cls(words[0], words[1], words[2].strip() if len(words) == 3 else "")

    @property
    def line(self) -> str:
        """The key as a line of `authorized_keys`, without options."""
        return f"{self.type} {self.blob} {self.comment}".strip()

    @property
    def fingerprint(self) -> str:
        """`SHA256:…` as `ssh-keygen -l` prints it."""
        digest = hashlib.sha256(base64.b64decode(self.blob)).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def _check(type_: str, blob: str) -> None:
    if type_ == "ssh-dss":
        raise Refused("DSA keys are broken and sshd no longer takes them", MAKE_ONE)
    if "-cert-v0" in type_:
        raise Refused("this is a certificate, not a key", "write the key it was made for")
    if type_ not in FORMS:
        raise Refused("this is not a public key of a type that is accepted", MAKE_ONE)
    try:
        data = base64.b64decode(blob, validate=True)
    except (binascii.Error, ValueError):
        raise Refused("the public key is not base64", COPY_AGAIN) from None
    if base64.b64encode(data).decode() != blob:
        raise Refused("the public key is not base64 as OpenSSH writes it", COPY_AGAIN)
    fields = _Blob(data)
    if fields.string() != type_.encode():
        raise Refused("the key is of another type than its line says", COPY_AGAIN)
    FORMS[type_](fields)
    if fields.rest:
        raise Refused("the public key has bytes after its end", COPY_AGAIN)
