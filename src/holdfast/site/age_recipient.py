"""Public keys of age: Bech32 of 32 bytes with the prefix `age` (BIP 173, without its limit)."""

from __future__ import annotations

from holdfast.site.errors import Refused

PREFIX = "age"
ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
LENGTH = 62  # prefix, separator, 52 characters for 32 bytes, 6 of checksum
MAKE_ONE = "make one on your own machine with: age-keygen -o key.txt, and write its public key"


def recipient(text: str) -> str:
    """Checks a public key `age1…`; raises `Refused`, never repeating what it was given."""
    if "SECRET" in text.upper() or "PRIVATE" in text.upper():
        raise Refused(
            "this is a private key, which must not be here nor on any server",
            "write the public key age1… and, if others could read this one, make a new one",
        )
    if not text.startswith(f"{PREFIX}1"):
        raise Refused("this is not a public key of age", MAKE_ONE)
    body = text[len(PREFIX) + 1 :]
    if len(text) != LENGTH or not set(body) <= set(ALPHABET):
        raise Refused("the public key of age is cut short or mistyped", "copy it again")
    values = [ALPHABET.index(character) for character in body]
    if _checksum(values) != 1 or values[-7] & 0b1111:
        raise Refused("the public key of age is mistyped: its checksum differs", "copy it again")
    return text


def _checksum(values: list[int]) -> int:
    expanded = [ord(c) >> 5 for c in PREFIX] + [0] + [ord(c) & 31 for c in PREFIX]
    state = 1
    for value in expanded + values:
        top = state >> 25
        state = (state & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(GENERATORS):
            if top >> bit & 1:
                state ^= generator
    return state
