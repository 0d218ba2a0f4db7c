"""Signed checkpoints: the size and root of a tree as text, signed with Ed25519.

The forms are C2SP's (signed-note, tlog-checkpoint) and the keys are written as Go's sumdb/note
writes them, so that other tools of transparency logs read both.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from holdfast.trail.merkle import HASH_BYTES

ED25519 = b"\x01"
SIGNATURE_BYTES, KEY_BYTES, NAMED_BYTES = 64, 32, 4
LONGEST = 4096
PRIVATE = "PRIVATE+KEY+"
_NAME = re.compile(r"[A-Za-z0-9._/-]{1,100}")
_SIGNATURE = re.compile(r"— ([^\s+]{1,100}) ([A-Za-z0-9+/=]{1,200})")


class NoteError(Exception):
    """A key or a checkpoint is not what it should be; the message says what is wrong."""


@dataclass(frozen=True)
class Checkpoint:
    """What a tree was at one moment: of whose trail, how many leaves, and its root."""

    origin: str
    size: int
    root: bytes

    def text(self) -> bytes:
        """Return what is signed."""
        encoded = base64.b64encode(self.root).decode()
        return f"{self.origin}\n{self.size}\n{encoded}\n".encode()


@dataclass(frozen=True)
class Verifier:
    """Whose signature is looked for: a public key, and the name of the trail."""

    name: str
    key: bytes

    def verifies(self, checkpoint: Checkpoint, signature: bytes) -> bool:
        """Whether the signature is of this trail's key."""
        if checkpoint.origin != self.name:
            return False
        try:
            Ed25519PublicKey.from_public_bytes(self.key).verify(signature, checkpoint.text())
        except InvalidSignature:
            return False
        return True

    def number(self) -> bytes:
        """Return the first bytes of the key's hash, by which a signature names it."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.key).digest()[
            :NAMED_BYTES
        ]

    def __str__(self) -> str:
        encoded = base64.b64encode(ED25519 + self.key).decode()
        return f"{self.name}+{self.number().hex()}+{encoded}"

    @classmethod
    def parse(cls, text: str) -> Verifier:
        """Read `NAME+NUMBER+KEY`. Raises NoteError."""
        name, number, key = _parts(text.strip())
        found = cls(name, key)
        if not hmac.compare_digest(found.number(), number):
            raise NoteError("the number of the key does not belong to it")
        return found


class Signer:
    """A private key, and the name of the trail that it signs."""

    def __init__(self, name: str, seed: bytes) -> None:
        """Raises NoteError for what can be no name."""
        if _NAME.fullmatch(name) is None:
            raise NoteError("a trail is named with letters, digits and . _ / - (at most 100)")
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self._seed = seed
        self.verifier = Verifier(name, self._key.public_key().public_bytes_raw())

    @classmethod
    def new(cls, name: str) -> Signer:
        """Make a key. Raises NoteError for what can be no name."""
        return cls(name, Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def parse(cls, text: str) -> Signer:
        """Read what `secret_text` wrote. Raises NoteError, which never repeats it."""
        if not text.startswith(PRIVATE):
            raise NoteError("that is no private key of a trail")
        name, number, seed = _parts(text.removeprefix(PRIVATE).strip())
        found = cls(name, seed)
        if not hmac.compare_digest(found.verifier.number(), number):
            raise NoteError("the number of the key does not belong to it")
        return found

    def secret_text(self) -> str:
        """Return the private key as text."""
        encoded = base64.b64encode(ED25519 + self._seed).decode()
        return f"{PRIVATE}{self.verifier.name}+{self.verifier.number().hex()}+{encoded}\n"

    def checkpoint(self, size: int, root: bytes) -> Checkpoint:
        return Checkpoint(self.verifier.name, size, root)

    def signature(self, checkpoint: Checkpoint) -> bytes:
        """Return the signature, 64 bytes."""
        return self._key.sign(checkpoint.text())


def _parts(text: str) -> tuple[str, bytes, bytes]:
    name, _, rest = text.partition("+")
    number, _, encoded = rest.partition("+")
    try:
        key = base64.b64decode(encoded, validate=True)
        numbered = bytes.fromhex(number)
    except (ValueError, binascii.Error):
        raise NoteError("that is no key of a trail") from None
    if _NAME.fullmatch(name) is None or key[:1] != ED25519 or len(key) != 1 + KEY_BYTES:
        raise NoteError("that is no key of a trail")
    return name, numbered, key[1:]


def signed(checkpoint: Checkpoint, signature: bytes, verifier: Verifier) -> str:
    """Return a checkpoint with its signature as a note."""
    encoded = base64.b64encode(verifier.number() + signature).decode()
    return f"{checkpoint.text().decode()}\n— {verifier.name} {encoded}\n"


def opened(text: str, verifier: Verifier) -> Checkpoint:
    """Read a signed checkpoint that this key has signed. Raises NoteError.

    Signatures of others (witnesses) may stand beside it.
    """
    if len(text) > LONGEST:
        raise NoteError("that is too long for a checkpoint")
    body, separator, signatures = text.rpartition("\n\n")
    lines = body.split("\n")
    if not separator or len(lines) != 3 or not signatures.endswith("\n"):
        raise NoteError("that is no checkpoint: three lines, an empty one, and signatures")
    origin, size, root = lines
    if re.fullmatch(r"0|[1-9][0-9]{0,18}", size) is None:
        raise NoteError("the second line of a checkpoint is its size")
    try:
        checkpoint = Checkpoint(origin, int(size), base64.b64decode(root, validate=True))
    except (ValueError, binascii.Error):
        raise NoteError("the third line of a checkpoint is its root") from None
    if len(checkpoint.root) != HASH_BYTES:
        raise NoteError("the third line of a checkpoint is its root")
    for line in signatures.splitlines():
        found = _SIGNATURE.fullmatch(line)
        if found is None:
            raise NoteError("a signature of a checkpoint is `— NAME BASE64`")
        if found[1] == verifier.name and _is_signature(found[2], checkpoint, verifier):
            return checkpoint
    raise NoteError(f"the key of {verifier.name} has not signed this checkpoint")


def _is_signature(encoded: str, checkpoint: Checkpoint, verifier: Verifier) -> bool:
    try:
        data = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error):
        return False
    number, signature = data[:NAMED_BYTES], data[NAMED_BYTES:]
    return number == verifier.number() and verifier.verifies(checkpoint, signature)
