"""Hashes that come from elsewhere: recognised, verified, and made anew at the next sign-in.

A hash is kept as `SCHEME$WHAT-THE-OTHER-SYSTEM-HAD`, so that nothing of it is lost. What it costs
to verify was chosen by whoever made it, so costs are bounded as it is taken in. Verifying is
passlib's (`libpass`), Django's and the C library's; Firebase's scrypt is a few lines here.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import Any

import bcrypt
import passlib.hash
from django.contrib.auth import hashers as django_hashers
from django.contrib.auth.hashers import BasePasswordHasher

from holdfast.accounts.passwords import costs, digests, queue, system_crypt

LONGEST_HASH = 1000  # the column has room for what stands before it
FAILS = (ValueError, TypeError, KeyError, IndexError, OverflowError, AssertionError, MemoryError)
"""What libraries raise on damaged hashes and strange passwords; UnicodeError is a ValueError."""

_HERE = "holdfast.accounts.passwords.legacy"
HASHERS = (
    *(
        f"{_HERE}.{name}"
        for name in (
            *("Pbkdf2", "Pbkdf2Sha1", "DjangoArgon2", "DjangoBcryptSha256", "DjangoBcrypt"),
            *("DjangoScrypt", "DjangoMd5", "PasslibHash", "SystemCrypt", "SaltedDigest"),
            "FirebaseScrypt",
        )
    ),
    "holdfast.accounts.passwords.derived.DerivedKey",
)
"""Django's own forms first, which other Django projects export as they are."""


class UnknownHash(Exception):
    """What was given is no hash that can be verified; the message says what would be."""


class Guarded(BasePasswordHasher):
    """A hash of elsewhere: verified in the line, within bounds, and never with an exception.

    What cannot be verified fits nothing; an exception would tell that somebody has such a hash.
    """

    bounded_by_form = True

    def verify(self, password: str, encoded: str) -> bool:
        if self.bounded_by_form and costs.bounded(encoded) is not True:
            return False
        with queue.place():
            try:
                return self.fits_encoded(password, encoded)
            except FAILS:
                return False

    def fits_encoded(self, password: str, encoded: str) -> bool:
        """Whether the password fits; may raise what a damaged hash leads to."""
        return bool(super().verify(password, encoded))

    def must_update(self, encoded: str) -> bool:
        return True

    def harden_runtime(self, password: str, encoded: str) -> None:
        """Nothing: whoever asks has a wrong password cost a new hash too."""


class Pbkdf2(Guarded, django_hashers.PBKDF2PasswordHasher):
    """Django's."""


class Pbkdf2Sha1(Guarded, django_hashers.PBKDF2SHA1PasswordHasher):
    """Django's."""


class DjangoArgon2(Guarded, django_hashers.Argon2PasswordHasher):
    """Django's."""


class DjangoBcryptSha256(Guarded, django_hashers.BCryptSHA256PasswordHasher):
    """Django's."""


class DjangoBcrypt(Guarded, django_hashers.BCryptPasswordHasher):
    """Django's; a password is cut where bcrypt cut it as it was set."""

    def fits_encoded(self, password: str, encoded: str) -> bool:
        kept = encoded.partition("$")[2].encode()
        return bcrypt.checkpw(password.encode()[:_BCRYPT_BYTES], kept)


class DjangoScrypt(Guarded, django_hashers.ScryptPasswordHasher):
    """Django's."""


class DjangoMd5(Guarded, django_hashers.MD5PasswordHasher):
    """Django's."""


class Legacy(Guarded):
    """A hash of elsewhere that Django does not know: it verifies, and makes none."""

    algorithm = ""
    bounded_by_form = False  # a scheme of one's own has a form of its own

    def fits(self, password: str, kept: str) -> bool:
        """Whether the password fits what the other system had. May raise ValueError."""
        raise NotImplementedError

    def fits_encoded(self, password: str, encoded: str) -> bool:
        return self.fits(password, encoded.partition("$")[2])

    def encode(self, password: str, salt: str) -> str:
        raise NotImplementedError("new passwords are hashed by Argon2id")

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
    bounded_by_form = True

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
    bounded_by_form = True

    def fits(self, password: str, kept: str) -> bool:
        return system_crypt.fits(password, kept)


class SaltedDigest(Legacy):
    """A fast digest of salt and password, see `digests.py`."""

    algorithm = "salted"
    bounded_by_form = True

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
    bounded_by_form = True

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


_KEPT = re.compile(
    r"(?:pbkdf2_sha256|pbkdf2_sha1|argon2|bcrypt_sha256|bcrypt|scrypt|md5"
    r"|argon2id|wrapped|passlib|crypt|salted|firebase|derived)\$.+"
)


def recognise(text: str) -> str:
    """Return how a hash of another system is kept. Raises UnknownHash, never repeating it."""
    if not text or len(text) > LONGEST_HASH or not text.isascii() or not text.isprintable():
        raise UnknownHash(f"a hash is printable ASCII of 1 to {LONGEST_HASH} characters")
    kept = _kept(text)
    bounded = costs.bounded(kept)
    if bounded is None:
        raise UnknownHash(
            "this is no form of hash that is known: see docs/accounts.md for those that are, or "
            "give the service a scheme of your own"
        )
    if not bounded:
        raise UnknownHash("verifying this hash would cost too much: have its owner set a new one")
    return kept


def _kept(text: str) -> str:
    if _KEPT.fullmatch(text):
        return text
    if text.startswith(("$y$", "$gy$")):
        return f"{SystemCrypt.algorithm}${text}"
    if digests.FORM.fullmatch(text):
        return f"{SaltedDigest.algorithm}${text}"
    return f"{PasslibHash.algorithm}${text}"
