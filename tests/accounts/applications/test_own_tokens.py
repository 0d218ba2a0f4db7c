"""Only what was signed here counts, of the kind that is asked for, in its one spelling."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import replace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from holdfast.accounts.applications import signing_key, tokens

SAID = {"sub": "ann", "aud": "todo", "client_id": "todo"}
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def own() -> tuple[str, str]:
    """Our signing key, and its name."""
    pem = signing_key.signs(settings.HOLDFAST.data).pem
    name = jwt.get_unverified_header(tokens.access_token(SAID, 60))["kid"]
    return pem, str(name)


def part(said: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")


def test_what_was_signed_here_is_read_and_by_others_too() -> None:
    made = tokens.access_token(SAID, 60)
    said = tokens.read_access_token(made)
    assert said is not None
    assert {**said, **SAID, "token_use": "access"} == said
    private = load_pem_private_key(own()[0].encode(), None)
    assert isinstance(private, rsa.RSAPrivateKey)
    assert jwt.decode(made, private.public_key(), ["RS256"], audience="todo") == said
    assert jwt.get_unverified_header(made)["typ"] == "at+jwt"


def test_one_kind_is_never_the_other() -> None:
    assert tokens.read_id_token(tokens.access_token(SAID, 60)) is None
    assert tokens.read_access_token(tokens.id_token(SAID)) is None
    assert tokens.read_id_token(tokens.id_token(SAID), "todo") is not None
    assert tokens.read_id_token(tokens.id_token(SAID), "shop") is None


def test_one_that_has_run_out_is_a_hint_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    access, hint = tokens.access_token(SAID, 60), tokens.id_token(SAID)
    later = time.time() + 3600
    monkeypatch.setattr(time, "time", lambda: later)
    assert tokens.read_access_token(access) is None
    assert tokens.read_id_token(hint) is not None


def test_what_another_service_of_the_same_key_said_is_not_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = tokens.access_token(SAID, 60)
    elsewhere = settings.HOLDFAST.model_copy(update={"origin": "https://elsewhere.example"})
    monkeypatch.setattr(settings, "HOLDFAST", elsewhere)
    assert tokens.read_access_token(made) is None


def test_forged_ones_are_refused() -> None:
    pem, name = own()
    made = tokens.access_token(SAID, 60)
    head, body, signature = made.split(".")
    said = jwt.decode(made, options={"verify_signature": False})
    ours = {"alg": "RS256", "kid": name, "typ": "at+jwt"}
    public = STRANGER.public_key().public_numbers()
    forged = {
        "unsigned": f"{part({**ours, 'alg': 'none'})}.{body}.",
        "unsigned, our head": f"{head}.{body}.",
        "by a stranger": jwt.encode(said, STRANGER, "RS256", headers=ours),
        "with a stranger's key": jwt.encode(
            said, STRANGER, "RS256", headers={**ours, "jwk": {"kty": "RSA", "n": str(public.n)}}
        ),
        "by a shared key": jwt.encode(said, "x" * 64, "HS256", headers={"kid": name}),
        "another body": f"{head}.{part({**said, 'sub': 'eve'})}.{signature}",
        "another head": f"{part({**ours, 'x': 1})}.{body}.{signature}",
        "another algorithm of our key": jwt.encode(
            said, pem, "PS256", headers={"kid": name, "typ": "at+jwt"}
        ),
        "no head": f".{body}.{signature}",
        "too long": f"{head}.{'A' * tokens.LONGEST}.{signature}",
        "two parts": f"{body}.{signature}",
        "four parts": f"{made}.{signature}",
        "not ASCII": f"{head}.{body}é.{signature}",
    }
    assert tokens.read_access_token(made) is not None
    assert [what for what, text in forged.items() if tokens.read_access_token(text)] == []


@given(st.integers(0, 10_000), st.sampled_from(f"{LETTERS}.=!\n +/é"))
def test_a_token_has_one_spelling(place: int, letter: str) -> None:
    made = tokens.access_token(SAID, 60)
    place %= len(made)
    changed = f"{made[:place]}{letter}{made[place + 1 :]}"
    added = f"{made[:place]}{letter}{made[place:]}"
    for text in {changed, added} - {made}:
        assert tokens.read_access_token(text) is None
    assert tokens.read_access_token(f"{made}{letter}") is None


def test_a_key_that_is_added_is_found_whenever_it_was(tmp_path: Any) -> None:
    signing_key.ready(tmp_path)
    first = signing_key.signs(tmp_path)
    assert signing_key.known_keys(tmp_path) == [first]
    later = tmp_path / "signing-key-20200101T000000Z.pem"
    later.write_text(first.pem)
    later.chmod(0o600)
    changed = tmp_path.stat().st_mtime_ns
    deadline = time.monotonic() + 3
    while signing_key.signs(tmp_path).path != later:
        assert time.monotonic() < deadline, f"changed at {changed}"
        time.sleep(0.01)
    assert replace(signing_key.signs(tmp_path), path=first.path, begins=None) == first
