"""Good tokens that are cut, changed or spelled another way, and what is no token at all."""

from __future__ import annotations

import base64
from typing import Any

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guard.signing import CLIENT, EXPECTED, ISSUER, PRIVATE, by_key, claims, fault, token
from holdfast.guard.tokens import Fault

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@pytest.mark.parametrize("algorithm", PRIVATE)
def test_a_signature_has_one_spelling(algorithm: str) -> None:
    head, _, signature = token(algorithm).rpartition(".")
    last = ALPHABET.index(signature[-1])
    others = [signature[:-1] + ALPHABET[last + more] for more in range(1, 4)]
    meant = base64.urlsafe_b64decode(signature + "==")
    assert {base64.urlsafe_b64decode(other + "==") for other in others} == {meant}
    assert {fault(f"{head}.{other}") for other in others} == {Fault.MALFORMED}


@pytest.mark.parametrize("algorithm", PRIVATE)
def test_a_token_that_is_cut_short_anywhere_is_refused(algorithm: str) -> None:
    text = token(algorithm)
    assert not [end for end in range(len(text)) if fault(text[:end]) is None]


@pytest.mark.parametrize("algorithm", PRIVATE)
def test_a_token_with_one_letter_changed_is_refused(algorithm: str) -> None:
    text = token(algorithm)
    changed = (
        text[:at] + other + text[at + 1 :]
        for at in range(len(text))
        for other in ("A", "_", "b")
        if text[at] != other
    )
    assert not [one for one in changed if fault(one) is None]


SOME = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**60), 2**60),
    st.floats(),
    st.text(max_size=20),
    st.lists(st.text(max_size=5), max_size=3),
    st.sampled_from([ISSUER, CLIENT, "at+jwt", "RS256", "7"]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=60), st.sampled_from([b"{}", b"[]"])), max_size=5))
def test_whatever_comes_is_refused_and_breaks_nothing(parts: list[bytes]) -> None:
    spelt = (base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
    assert fault(".".join(spelt)) is not None


@settings(max_examples=300, deadline=None)
@given(
    algorithm=st.sampled_from(list(PRIVATE)),
    changed=st.dictionaries(st.sampled_from(["iss", "aud", "sub", "exp", "nbf", "iat"]), SOME),
    header=st.dictionaries(st.sampled_from(["typ", "crit", "jku", "zip"]), SOME),
)
def test_what_is_taken_here_a_strict_library_takes_too(
    algorithm: str, changed: dict[str, Any], header: dict[str, Any]
) -> None:
    body = {**claims(), **changed}
    head = {"alg": algorithm, "kid": algorithm, "typ": "at+jwt", **header}
    text = by_key(PRIVATE[algorithm], algorithm, head, body)
    if fault(text) is None:
        jwt.decode(
            text,
            PRIVATE[algorithm].public_key(),
            [algorithm],
            audience=CLIENT,
            issuer=ISSUER,
            leeway=EXPECTED.leeway_s,
            options={"require": ["iss", "aud", "sub", "exp"]},
        )
