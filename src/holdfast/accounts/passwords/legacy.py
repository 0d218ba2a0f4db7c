"""Hashes that come from elsewhere: recognised, verified, and made anew at the next sign-in.

A hash is kept as `SCHEME$WHAT-THE-OTHER-SYSTEM-HAD`, so that nothing of it is lost. What it costs
to verify was chosen by whoever made it, so costs are bounded as it is taken in. Verifying is
passlib's (`libpass`), Django's and the C library's; Firebase's scrypt is a few lines here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from typing import Any

import passlib.hash
from django.contrib.auth.hashers import BasePasswordHasher

from holdfast.accounts.passwords import digests, system_crypt

LONGEST_HASH = 1024
MOST_MEMORY_KIB = 1024 * 1024
MOST_BCRYPT = 16  # the logarithm of its rounds

_HERE = "holdfast.accounts.passwords.legacy"
HASHERS = (
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2SHA1PasswordHasher",
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.BCryptSHA256PasswordHasher",
    "django.contrib.auth.hashers.BCryptPasswordHasher",
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.MD5PasswordHasher",
    f"{_HERE}.PasslibHash",
    f"{_HERE}.SystemCrypt",
    f"{_HERE}.SaltedDigest",
    f"{_HERE}.FirebaseScrypt",
)
"""Django's own forms first, which other Django projects export as they are."""


class UnknownHash(Exception):
    """What was given is no hash that can be verified; the message says what would be."""


class Legacy(BasePasswordHasher):
    """A hash of elsewhere: it verifies, and makes none."""

    algorithm = ""

    def fits(self, password: str, kept: str) -> bool:
        """Whether the password fits what the other system had. May raise ValueError."""
        raise NotImplementedError

    def verify(self, password: str, encoded: str) -> bool:
        try:
            return self.fits(password, encoded.partition("$")[2])
        except (ValueError, TypeError, UnicodeError, binascii.Error):
            return False

    def encode(self, password: str, salt: str) -> str:
        raise NotImplementedError("new passwords are hashed by Argon2id")

    def must_update(self, encoded: str) -> bool:
        return True

    def harden_runtime(self, password: str, encoded: str) -> None:
        """Nothing: whoever asks has a wrong password cost a new hash too."""

    def safe_summary(self, encoded: str) -> dict[Any, Any]:
        return {"algorithm": self.algorithm}


_PASSLIB: dict[str, tuple[re.Pattern[str], Any]] = {
    "bcrypt": (re.compile(r"\$2[abxy]\$(\d\d)\$.{53}"), passlib.hash.bcrypt),
    "argon2": (re.compile(r"\$argon2(?:id|i|d)\$.+"), passlib.hash.argon2),
    "phpass": (re.compile(r"\$[PH]\$.{31}"), passlib.hash.phpass),
    "md5_crypt": (re.compile(r"\$1\$.{1,8}\$.{22}"), passlib.hash.md5_crypt),
    "apr_md5_crypt": (re.compile(r"\$apr1\$.{1,8}\$.{22}"), passlib.hash.apr_md5_crypt),
    "sha256_crypt": (re.compile(r"\$5\$.+"), passlib.hash.sha256_crypt),
    "sha512_crypt": (re.compile(r"\$6\$.+"), passlib.hash.sha512_crypt),
    "ldap_salted_sha1": (re.compile(r"\{SSHA\}.+", re.I), passlib.hash.ldap_salted_sha1),
    "ldap_salted_sha256": (re.compile(r"\{SSHA256\}.+", re.I), passlib.hash.ldap_salted_sha256),
    "ldap_salted_sha512": (re.compile(r"\{SSHA512\}.+", re.I), passlib.hash.ldap_salted_sha512),
    "ldap_sha1": (re.compile(r"\{SHA\}.+", re.I), passlib.hash.ldap_sha1),
    "ldap_salted_md5": (re.compile(r"\{SMD5\}.+", re.I), passlib.hash.ldap_salted_md5),
    "ldap_md5": (re.compile(r"\{MD5\}.+", re.I), passlib.hash.ldap_md5),
    "pbkdf2_sha1": (re.compile(r"\$pbkdf2\$\d+\$.+"), passlib.hash.pbkdf2_sha1),
    "pbkdf2_sha256": (re.compile(r"\$pbkdf2-sha256\$\d+\$.+"), passlib.hash.pbkdf2_sha256),
    "pbkdf2_sha512": (re.compile(r"\$pbkdf2-sha512\$\d+\$.+"), passlib.hash.pbkdf2_sha512),
    "scrypt": (re.compile(r"\$scrypt\$ln=\d+,r=\d+,p=\d+\$.+"), passlib.hash.scrypt),
}
_BCRYPT_BYTES = 72  # bcrypt reads no more; a longer password is cut here as it was where it was set


class PasslibHash(Legacy):
    """Every form that passlib knows."""

    algorithm = "passlib"

    def fits(self, password: str, kept: str) -> bool:
        for form, handler in _PASSLIB.values():
            if form.fullmatch(kept):
                secret: str | bytes = password
                if handler is passlib.hash.bcrypt:
                    secret = password.encode()[:_BCRYPT_BYTES]
                return bool(handler.verify(secret, kept))
        return False


class SystemCrypt(Legacy):
    """What only the C library knows: yescrypt, which Debian uses for accounts."""

    algorithm = "crypt"

    def fits(self, password: str, kept: str) -> bool:
        return system_crypt.fits(password, kept)


class SaltedDigest(Legacy):
    """A fast digest of salt and password, see `digests.py`."""

    algorithm = "salted"

    def fits(self, password: str, kept: str) -> bool:
        found = digests.FORM.fullmatch(kept)
        return found is not None and hmac.compare_digest(
            digests.digest(found[1], password), found[2]
        )


class FirebaseScrypt(Legacy):
    """Firebase's: `ROUNDS:MEMCOST:SALT:SEPARATOR:SIGNERKEY:HASH`, the last four in base64.

    scrypt makes a key of password and salt, by which the signer's key is encrypted (AES-256-CTR).
    """

    algorithm = "firebase"

    def fits(self, password: str, kept: str) -> bool:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        rounds, memory, *parts = kept.split(":")
        salt, separator, signer, wanted = (base64.b64decode(part, validate=False) for part in parts)
        if not (1 <= int(rounds) <= 16 and 1 <= int(memory) <= 16):
            return False
        key = hashlib.scrypt(
            password.encode(),
            salt=salt + separator,
            n=2 ** int(memory),
            r=int(rounds),
            p=1,
            maxmem=256 * 1024 * 1024,
            dklen=32,
        )
        encryptor = Cipher(algorithms.AES(key), modes.CTR(b"\0" * 16)).encryptor()
        return hmac.compare_digest(encryptor.update(signer) + encryptor.finalize(), wanted)


_DJANGO = re.compile(
    r"(pbkdf2_sha256|pbkdf2_sha1|argon2|bcrypt_sha256|bcrypt|scrypt|md5)\$.+", re.DOTALL
)
OURS = re.compile(r"(argon2id|wrapped|passlib|crypt|salted|firebase)\$.+", re.DOTALL)
_COSTS = re.compile(r"(?:rounds=|\bt=|pbkdf2(?:_sha1|_sha256|-sha256|-sha512)?\$)(\d+)")
_MEMORY = re.compile(r"\bm=(\d+)")
_BCRYPT_COST = re.compile(r"\$2[abxy]\$(\d\d)\$")


def recognise(text: str) -> str:
    """Return how a hash of another system is kept. Raises UnknownHash, never repeating it."""
    if not text or len(text) > LONGEST_HASH or not text.isascii() or not text.isprintable():
        raise UnknownHash(f"a hash is printable ASCII of 1 to {LONGEST_HASH} characters")
    _require_bounded(text)
    if _DJANGO.fullmatch(text) or OURS.fullmatch(text):
        return text
    if any(form.fullmatch(text) for form, _ in _PASSLIB.values()):
        return f"{PasslibHash.algorithm}${text}"
    if text.startswith(("$y$", "$gy$", "$7$")):
        return f"{SystemCrypt.algorithm}${text}"
    if digests.FORM.fullmatch(text):
        return f"{SaltedDigest.algorithm}${text}"
    raise UnknownHash(
        "this is no form of hash that is known: see docs/accounts.md for those that are, or give "
        "the service a scheme of your own"
    )


def _require_bounded(text: str) -> None:
    """Refuse a hash that would take minutes, or all memory, to verify."""
    rounds = max((int(found[:12]) for found in _COSTS.findall(text)), default=0)
    memory = max((int(found[:12]) for found in _MEMORY.findall(text)), default=0)
    bcrypt = _BCRYPT_COST.search(text)
    if (
        rounds > digests.MOST_ROUNDS
        or memory > MOST_MEMORY_KIB
        or (bcrypt and int(bcrypt[1]) > MOST_BCRYPT)
    ):
        raise UnknownHash("verifying this hash would cost too much: have its owner set a new one")
