"""Hashes of elsewhere: made by other programs or published, verified, wrong ones refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.conf import settings
from django.contrib.auth import hashers as django_hashers
from django.contrib.auth.hashers import check_password
from hypothesis import given
from hypothesis import settings as pace
from hypothesis import strategies as st

from holdfast.accounts.configuration import Configuration, Passwords, Pepper
from holdfast.accounts.passwords import legacy, queue, wrapped
from holdfast.accounts.passwords.legacy import UnknownHash, recognise

SECRET = "correct horse 9!"


def made_by(*argv: str) -> str:
    if shutil.which(argv[0]) is None:
        pytest.skip(f"{argv[0]} is not installed")
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=30)
    return done.stdout.strip()


PROGRAMS = {
    "openssl md5-crypt": ("openssl", "passwd", "-1", SECRET),
    "openssl apr1": ("openssl", "passwd", "-apr1", SECRET),
    "openssl sha256-crypt": ("openssl", "passwd", "-5", SECRET),
    "openssl sha512-crypt": ("openssl", "passwd", "-6", SECRET),
    "mkpasswd yescrypt": ("mkpasswd", "-m", "yescrypt", SECRET),
    "mkpasswd bcrypt": ("mkpasswd", "-m", "bcrypt", SECRET),
    "mkpasswd sha512-crypt": ("mkpasswd", "-m", "sha512crypt", SECRET),
    "php bcrypt": ("php", "-r", f"echo password_hash('{SECRET}', PASSWORD_BCRYPT);"),
    "php argon2id": ("php", "-r", f"echo password_hash('{SECRET}', PASSWORD_ARGON2ID);"),
    "php argon2i": ("php", "-r", f"echo password_hash('{SECRET}', PASSWORD_ARGON2I);"),
}


@pytest.mark.parametrize("argv", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_what_another_program_made_is_verified(argv: tuple[str, ...]) -> None:
    verified(made_by(*argv))


def test_what_htpasswd_made_is_verified() -> None:
    verified(made_by("htpasswd", "-nbB", "x", SECRET).partition(":")[2])


def verified(text: str) -> None:
    kept = recognise(text)
    upgraded: list[str] = []
    assert check_password(SECRET, kept, setter=upgraded.append)
    assert upgraded == [SECRET]
    for wrong in (SECRET[:-1], SECRET + "!", SECRET.upper(), ""):
        assert not check_password(wrong, kept)


@pytest.mark.parametrize(
    "name",
    [
        "PBKDF2PasswordHasher",
        "PBKDF2SHA1PasswordHasher",
        "Argon2PasswordHasher",
        "BCryptSHA256PasswordHasher",
        "BCryptPasswordHasher",
        "ScryptPasswordHasher",
        "MD5PasswordHasher",
    ],
)
def test_what_another_django_project_made_is_verified(name: str) -> None:
    hasher = getattr(django_hashers, name)()
    verified(hasher.encode(SECRET, hasher.salt()))


def salted(name: str, salt: str, count: int, where: str) -> str:
    data = (salt + SECRET if where == "before" else SECRET + salt).encode()
    for _ in range(count):
        data = hashlib.new(name, data).digest()
    return f"{name}:{where}:{count}:{salt}:{data.hex()}"


@pytest.mark.parametrize("name", ["md5", "sha1", "sha256", "sha512"])
@pytest.mark.parametrize("where", ["before", "after"])
@pytest.mark.parametrize("count", [1, 1000])
def test_a_salted_digest_is_verified(name: str, where: str, count: int) -> None:
    verified(salted(name, "c2FsdA==", count, where))


@pytest.mark.parametrize("place", ["before", "after", "key"])
@pytest.mark.parametrize("name", ["md5", "sha1", "sha256", "sha512"])
def test_a_salt_may_be_any_bytes(name: str, place: str) -> None:
    salt, secret = bytes(range(200, 230)), SECRET.encode()
    data = {
        "before": lambda: hashlib.new(name, salt + secret).digest(),
        "after": lambda: hashlib.new(name, secret + salt).digest(),
        "key": lambda: hmac.digest(salt, secret, name),
    }[place]()
    kept = recognise(f"{name}:{place}64:1:{base64.b64encode(salt).decode()}:{data.hex()}")
    verified(kept)
    assert check_password(SECRET, wrapped.wrap(kept))
    assert not check_password(SECRET + "x", wrapped.wrap(kept))


@pytest.mark.parametrize("name", ["sha1", "sha224", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("length", [16, 32, 64, 128])
def test_a_derived_key_of_any_length_is_verified(name: str, length: int) -> None:
    salt = bytes(range(200, 216))
    key = hashlib.pbkdf2_hmac(name, SECRET.encode(), salt, 1000, length)
    parts = ":".join(base64.b64encode(one).decode() for one in (salt, key))
    verified(f"derived$pbkdf2-{name}:1000:{parts}")


@pytest.mark.parametrize(
    "kept",
    [
        "pbkdf2-sha1:4096:c2FsdA==:SwB5AbdlSJq+rUnZJvch0GWkKcE=",  # RFC 6070
        # Keycloak's own
        "pbkdf2-sha256:27500:P5rtFkGtPfoaryJ6PizUJw==:JsfNbCOIdZUbyBJ+BT+VoGI91Ec2rWLOvkLPDaX8e9k=",
    ],
)
def test_a_published_derived_key_is_verified(kept: str) -> None:
    kept = recognise(f"derived${kept}")
    assert check_password("password", kept)
    assert not check_password("passwore", kept)


def ldap(scheme: str, name: str) -> str:
    digest = hashlib.new(name, SECRET.encode() + b"salt").digest()
    return f"{{{scheme}}}{base64.b64encode(digest + b'salt').decode()}"


@pytest.mark.parametrize(
    ("scheme", "name"), [("SSHA", "sha1"), ("SSHA256", "sha256"), ("SSHA512", "sha512")]
)
def test_what_a_directory_had_is_verified(scheme: str, name: str) -> None:
    verified(ldap(scheme, name))


PUBLISHED = [
    # phpass, test program of its author: "test12345"
    ("test12345", "$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0"),
    # RFC 7914's third vector in the modular form
    ("pleaseletmein", "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/"),
    # bcrypt, John the Ripper's own tests: "U*U"
    ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
]


@pytest.mark.parametrize(("password", "text"), [PUBLISHED[0], *PUBLISHED[2:]])
def test_what_was_published_is_verified(password: str, text: str) -> None:
    assert check_password(password, recognise(text))
    assert not check_password(password + "x", recognise(text))


def test_firebases_published_example_is_verified() -> None:
    # from the documentation of firebase/scrypt
    signer = (
        "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA=="
    )
    kept = (
        f"8:14:42xEC+ixf3L2lw==:Bw==:{signer}:"
        "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=="
    )
    assert check_password("user1password", f"firebase${kept}")
    assert not check_password("user1passwore", f"firebase${kept}")


def test_bcrypt_reads_as_much_of_a_long_password_as_it_did() -> None:
    kept = recognise(made_by("mkpasswd", "-m", "bcrypt", "x" * 72))
    assert check_password("x" * 100, kept)
    assert not check_password("x" * 71, kept)


EXPENSIVE = [
    "$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    "$argon2id$v=19$m=999999999,t=2,p=1$c2FsdHNhbHQ$aGFzaA",
    "$6$rounds=999999999$salt$hash",
    "pbkdf2_sha256$99999999999$salt$hash",
    "$argon2id$v=19$m=65536,t=4000000,p=1$c2FsdHNhbHQ$aGFzaA",
    "argon2id$$argon2id$v=19$m=65536,t=4000000,p=1$c2FsdHNhbHQ$aGFzaA",
    "argon2$argon2id$v=19$m=65536,t=4000000,p=1$c2FsdHNhbHQ$aGFzaA",
    "wrapped$$md5:before:1:abc|$argon2id$v=19$m=65536,t=4000000,p=1$c2FsdHNhbHQ$aGFzaA",
    "$P$S" + "x" * 30,
    "$scrypt$ln=30,r=8,p=1$c2FsdA$aGFzaA",
    "scrypt$1073741824$salt$8$1$aGFzaA==",
    "scrypt$16384$salt$8$9999$aGFzaA==",
    "firebase$8:30:42xEC+ixf3L2lw==:Bw==:jxspr8Ki0RYy:lSrfV15cpx95",
    "$y$jJT$c2FsdA$" + "x" * 43,
    "derived$pbkdf2-sha1:6000000:c2FsdA==:" + "A" * 27 + "=",
    "derived$pbkdf2-sha1:1000000:c2FsdA==:" + "A" * 170,
]


@pytest.mark.parametrize("text", EXPENSIVE)
def test_what_would_take_all_there_is_to_verify_is_refused(text: str) -> None:
    with pytest.raises(UnknownHash, match="would cost too much"):
        recognise(text)


@pytest.mark.parametrize("text", ["", "x" * 2000, "plain", "$9$x", "\x00", "grüße", "{WHO}abc"])
def test_what_is_no_hash_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(UnknownHash) as refused:
        recognise(text)
    assert not text or text not in str(refused.value)


@given(
    st.sampled_from(["passlib", "crypt", "salted", "firebase", "wrapped", "derived"]),
    st.text(max_size=120),
    st.text(max_size=40),
)
@pace(max_examples=150, deadline=None)
def test_a_damaged_hash_fits_nothing_and_raises_nothing(
    scheme: str, rest: str, password: str
) -> None:
    assert check_password(password, f"{scheme}${rest}") is False


DAMAGED = [
    "pbkdf2_sha256$many$salt$hash",
    "pbkdf2_sha256$1000",
    "argon2$argon2id$v=19$m=7168,t=1,p=1$!!$??",
    "bcrypt$$2b$05$short",
    "bcrypt_sha256$$2b$05$",
    "scrypt$16384$salt$8$x$hash",
    "scrypt$16385$salt$8$1$aGFzaA==",
    "md5$salt",
    "md5$$",
    "firebase$8:14:?:?:?:?",
    "$7$CU..../....",
    "derived$pbkdf2-sha256:1000:a:" + "A" * 43,
    "derived$pbkdf2-md5:1000::" + "A" * 43,
    "salted$md5:after64:1:a:" + "0" * 32,
]


@pytest.mark.parametrize("kept", DAMAGED)
@pytest.mark.parametrize("password", ["secret", "\ud800", "x\0y", "x" * 5000])
def test_a_damaged_hash_of_djangos_forms_fits_nothing_and_raises_nothing(
    kept: str, password: str
) -> None:
    assert check_password(password, kept) is False


@pytest.mark.parametrize("hasher", ["BCryptPasswordHasher", "BCryptSHA256PasswordHasher"])
def test_django_bcrypt_takes_long_passwords_and_no_text(hasher: str) -> None:
    made: django_hashers.BCryptSHA256PasswordHasher = getattr(django_hashers, hasher)()
    made.rounds = 4
    kept = made.encode("x" * 72, made.salt())
    assert check_password("x" * 72, kept)
    assert not check_password("y" * 100, kept)
    assert not check_password("\ud800", kept)
    assert check_password("x" * 100, kept) is (hasher == "BCryptPasswordHasher")


@given(st.sampled_from([*EXPENSIVE, *DAMAGED]), st.data())
@pace(max_examples=200, deadline=2000)
def test_whatever_stands_in_the_database_is_verified_soon_or_not_at_all(
    kept: str, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(kept)))
    altered = kept[:place] + data.draw(st.text(max_size=3)) + kept[place + 1 :]
    assert check_password("secret", altered) is False


def test_hashes_of_elsewhere_wait_in_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[bool] = []

    @contextmanager
    def place() -> Iterator[None]:
        held.append(True)
        yield

    monkeypatch.setattr(queue, "place", place)
    for kept in (
        "md5$salt$" + "0" * 32,
        recognise(PUBLISHED[2][1]),
        "salted$" + salted("md5", "a", 1, "after"),
    ):
        held.clear()
        check_password("secret", kept)
        assert held


# Wrapped


@pytest.mark.parametrize("name", ["md5", "sha1", "sha256", "sha512"])
def test_a_weak_hash_is_wrapped_and_still_fits(name: str) -> None:
    weak = recognise(salted(name, "abc", 1, "before"))
    strong = wrapped.wrap(weak)
    assert strong.startswith(f"wrapped$${name}:before:1:abc|$argon2id$")
    assert weak.rpartition(":")[2] not in strong
    assert check_password(SECRET, strong)
    assert not check_password(SECRET + "x", strong)


def test_djangos_md5_is_wrapped_too() -> None:
    weak = django_hashers.MD5PasswordHasher().encode(SECRET, "abc")
    assert check_password(SECRET, wrapped.wrap(weak))


def test_a_pepper_is_mixed_into_a_wrapped_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    weak = recognise(salted("md5", "abc", 1, "before"))
    peppers = (Pepper(name="one", key="o" * 32),)  # type: ignore[arg-type]
    chosen = Configuration(passwords=Passwords(peppers=peppers))
    monkeypatch.setattr(settings, "HOLDFAST", chosen)
    strong = wrapped.wrap(weak)
    assert strong.startswith("wrapped$one$md5:before:1:abc|$argon2id$")
    assert check_password(SECRET, strong)
    assert not check_password(SECRET, strong.replace("wrapped$one$", "wrapped$$"))
    monkeypatch.setattr(settings, "HOLDFAST", Configuration())
    assert not check_password(SECRET, strong)


def test_what_is_slow_by_itself_stays_as_it_is() -> None:
    kept = recognise(PUBLISHED[2][1])
    assert (wrapped.can_wrap(kept), wrapped.wrap(kept)) == (False, kept)


def test_a_scheme_of_ones_own_takes_a_few_lines() -> None:
    class Mine(legacy.Legacy):
        algorithm = "mine"

        def fits(self, password: str, kept: str) -> bool:
            return kept == password[::-1]

    assert Mine().verify("abc", "mine$cba")
    assert not Mine().verify("abc", "mine$abc")
