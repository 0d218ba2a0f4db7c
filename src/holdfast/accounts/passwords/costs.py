"""What verifying a hash of elsewhere may cost: judged as it is taken in, and again before it runs.

Whoever made a hash chose its cost, so each form is read strictly, and one that is not read here is
not verified either. The bounds are some seconds and a few hundred MiB on an ordinary machine.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from holdfast.accounts.passwords import digests

MOST_ROUNDS = 5_000_000  # of a fast digest
MOST_BCRYPT = 15  # the logarithm of its rounds
MOST_PHPASS = 20
MOST_ARGON2_KIB = 512 * 1024
MOST_ARGON2_MOVED_KIB = 2 * 1024 * 1024  # memory times passes
MOST_SCRYPT_BYTES = 256 * 1024 * 1024
MOST_SCRYPT_LANES = 16
MOST_FIREBASE = 16
DIGEST_BYTES = {"sha1": 20, "sha224": 28, "sha256": 32, "sha384": 48, "sha512": 64}

_PHPASS_DIGITS = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_B64 = r"[A-Za-z0-9+/=_.-]"
_SALT = r"[A-Za-z0-9+/]{0,256}={0,2}"
_KEY = r"([A-Za-z0-9+/]{16,172}={0,2})"
_PHC = (
    r"\$argon2(?:id|i|d)\$(?:v=\d{1,3}\$)?m=(\d{1,10}),t=(\d{1,10}),p=(\d{1,3})"
    rf"(?:,[a-z]+={_B64}+)*\${_B64}+\${_B64}+"
)


def _rounds(most: int) -> Callable[..., bool]:
    return lambda count: 1 <= int(count or 1) <= most


def _argon2(memory: str, passes: str, lanes: str) -> bool:
    kib, count = int(memory), int(passes)
    small = 8 <= kib <= MOST_ARGON2_KIB and kib * count <= MOST_ARGON2_MOVED_KIB
    return small and count >= 1 and 1 <= int(lanes) <= MOST_SCRYPT_LANES


def _scrypt(n: int, r: int, p: int) -> bool:
    return n > 1 and r > 0 and 0 < p <= MOST_SCRYPT_LANES and 128 * n * r * p <= MOST_SCRYPT_BYTES


def _logarithmic_scrypt(ln: str, r: str, p: str) -> bool:
    return int(ln) < 32 and _scrypt(2 ** int(ln), int(r), int(p))


def _firebase(rounds: str, memory: str) -> bool:
    return 1 <= int(rounds) <= MOST_FIREBASE and 1 <= int(memory) <= MOST_FIREBASE


def _wrapped(count: str, *argon2: str) -> bool:
    return _rounds(MOST_ROUNDS)(count) and _argon2(*argon2)


def _derived(digest: str, rounds: str, key: str) -> bool:
    """PBKDF2 takes all its rounds for each digest's length of the key."""
    blocks = -(-(len(key) * 3 // 4) // DIGEST_BYTES[digest])
    return _rounds(MOST_ROUNDS)(int(rounds) * blocks)


_DIGEST = rf"(?:md5|sha1|sha256|sha512):{digests.PLACES}:(\d{{1,7}}):[A-Za-z0-9+/=_-]{{0,256}}"
_FORMS: tuple[tuple[str, Callable[..., bool]], ...] = (
    (rf"argon2id\$[a-z0-9]{{0,16}}{_PHC}", _argon2),
    (rf"argon2{_PHC}", _argon2),
    (rf"passlib\${_PHC}", _argon2),
    (rf"pbkdf2_sha(?:1|256)\$(\d{{1,12}})\$[^$]+\${_B64}+", _rounds(MOST_ROUNDS)),
    (
        rf"passlib\$\$pbkdf2(?:-sha256|-sha512)?\$(\d{{1,12}})\${_B64}*\${_B64}+",
        _rounds(MOST_ROUNDS),
    ),
    (rf"(?:bcrypt|bcrypt_sha256)\$\$2[abxy]\$(\d\d)\${_B64}{{53}}", _rounds(MOST_BCRYPT)),
    (rf"passlib\$\$2[abxy]\$(\d\d)\${_B64}{{53}}", _rounds(MOST_BCRYPT)),
    (
        rf"scrypt\$(\d{{1,12}})\$[^$]+\$(\d{{1,4}})\$(\d{{1,4}})\${_B64}+",
        lambda n, r, p: _scrypt(int(n), int(r), int(p)),
    ),
    (
        rf"passlib\$\$scrypt\$ln=(\d{{1,2}}),r=(\d{{1,4}}),p=(\d{{1,4}})\${_B64}*\${_B64}+",
        _logarithmic_scrypt,
    ),
    (
        rf"passlib\$\$[PH]\$([./0-9A-Za-z]){_B64}{{30}}",
        lambda digit: _PHPASS_DIGITS.index(digit) <= MOST_PHPASS,
    ),
    (
        rf"passlib\$\$[56]\$(?:rounds=(\d{{1,12}})\$)?[^$]{{0,16}}\${_B64}+",
        _rounds(MOST_ROUNDS),
    ),
    (rf"passlib\$\$(?:1|apr1)\$[^$]{{0,8}}\${_B64}{{22}}", lambda: True),
    (rf"(?i:passlib)\$(?i:\{{S?(?:SHA|SHA256|SHA512|MD5)\}}){_B64}+", lambda: True),
    (r"md5\$[^$]*\$[0-9a-f]{32}", lambda: True),
    (rf"salted\${_DIGEST}:[0-9a-f]{{32,128}}", _rounds(MOST_ROUNDS)),
    # yescrypt: N doubles with the first letter, and C of these takes 128 MiB
    (rf"crypt\$\$g?y\$j(.)[5T]\${_B64}*\${_B64}+", lambda size: size in "789ABC"),
    (rf"firebase\$(\d{{1,2}}):(\d{{1,2}})(?::{_B64}+){{4}}", _firebase),
    (rf"derived\$pbkdf2-({'|'.join(DIGEST_BYTES)}):(\d{{1,12}}):{_SALT}:{_KEY}", _derived),
    (rf"wrapped\$[a-z0-9]{{0,16}}\${_DIGEST}\|{_PHC}", _wrapped),
)
_COMPILED = tuple((re.compile(form, re.DOTALL), judge) for form, judge in _FORMS)


def bounded(kept: str) -> bool | None:
    """Whether a kept hash may be verified: None for no form that is known."""
    for form, judge in _COMPILED:
        found = form.fullmatch(kept)
        if found is not None:
            return judge(*found.groups())
    return None
