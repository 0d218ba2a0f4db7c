"""The provider's keys: they rotate, it goes away, names are made up; applications go on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, HMACAlgorithm, RSAAlgorithm

from guard.provider import Pretended, dripping, provider
from guard.signing import PRIVATE, jwk, key_set
from holdfast.guard.fetching import ProviderDown, fetch
from holdfast.guard.keys import Keys, Pace, keys_of

MINUTE = 60.0
PACE = Pace()


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Known:
    """Keys of a provider, and the clock that they go by."""

    def __init__(self, pretended: Pretended) -> None:
        self.provider, self.clock = pretended, Clock()
        self.keys = Keys(lambda: f"{pretended.address}/keys", fetch, clock=self.clock)

    def has(self, kid: str) -> bool:
        return self.keys.key(kid) is not None

    def fetched(self) -> int:
        return self.provider.asked.count("/keys")


@pytest.fixture
def known() -> Iterator[Known]:
    with provider() as pretended:
        yield Known(pretended)


def test_keys_are_fetched_once_and_used_for_ten_minutes(known: Known) -> None:
    for _ in range(9):
        assert known.has("RS256")
        known.clock.now += MINUTE
    assert known.fetched() == 1
    known.clock.now += 2 * MINUTE
    assert (known.has("RS256"), known.fetched()) == (True, 2)


def test_while_the_provider_hangs_invented_kids_hold_no_thread_for_long() -> None:
    began, go_on = threading.Event(), threading.Event()

    def hanging(address: str) -> bytes:
        began.set()
        assert go_on.wait(30)
        return key_set(jwk("RS256"))

    keys = Keys(lambda: "keys", hanging)
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(keys.key, "invented-0")
        assert began.wait(30)
        others = [pool.submit(keys.key, f"invented-{n}") for n in range(1, 9)]
        assert [other.result(timeout=20) for other in others] == [None] * 8
        assert not first.done()
        go_on.set()
    assert keys.key("RS256") is not None


def test_while_the_provider_is_away_for_ten_minutes_keys_serve_on(known: Known) -> None:
    assert known.has("RS256")
    known.clock.now += PACE.fresh_s
    known.provider.status = 503
    for _ in range(60):
        known.clock.now += 10
        assert known.has("RS256")


def test_keys_that_rotated_meanwhile_are_right_after_it_comes_back(known: Known) -> None:
    assert known.has("RS256")
    known.provider.status = 503
    known.provider.keys = key_set(jwk("ES256"))
    known.clock.now += 10 * MINUTE
    assert known.has("RS256")
    known.provider.status = 200
    known.clock.now += PACE.interval_s
    assert (known.has("ES256"), known.has("RS256")) == (True, False)


def test_a_key_that_is_new_is_fetched_at_once(known: Known) -> None:
    assert known.has("RS256")
    known.provider.keys = key_set(jwk("RS256"), jwk("ES256", "new"))
    known.clock.now += PACE.interval_s
    assert known.has("new")


def test_a_key_that_was_withdrawn_is_refused_within_ten_minutes(known: Known) -> None:
    assert known.has("RS256")
    known.provider.keys = key_set(jwk("ES256"))
    known.clock.now += PACE.fresh_s
    assert not known.has("RS256")


def test_keys_that_were_not_seen_for_a_day_are_not_used(known: Known) -> None:
    assert known.has("RS256")
    known.provider.status = 503
    known.clock.now += PACE.kept_s
    assert not known.has("RS256")


def test_a_flood_of_names_causes_one_fetch_per_interval(known: Known) -> None:
    with ThreadPoolExecutor(16) as threads:
        assert not any(threads.map(known.has, (f"made-up-{n}" for n in range(1_000))))
        assert known.fetched() == 1
        known.clock.now += PACE.interval_s
        assert not any(threads.map(known.has, (f"made-up-{n}" for n in range(1_000))))
    assert known.fetched() == 2


def test_without_an_interval_a_flood_reaches_the_provider(known: Known) -> None:
    pace = Pace(interval_s=0)
    keys = Keys(lambda: f"{known.provider.address}/keys", fetch, pace, known.clock)
    for n in range(50):
        keys.key(f"made-up-{n}")
    assert known.fetched() == 50


def test_a_flood_while_it_is_away_causes_one_fetch_per_interval(known: Known) -> None:
    known.provider.status = 503
    with ThreadPoolExecutor(16) as threads:
        assert not any(threads.map(known.has, (f"made-up-{n}" for n in range(1_000))))
    assert known.fetched() == 1


def test_whoever_has_a_known_key_does_not_wait_for_anothers_request() -> None:
    clock, asked = Clock(), []

    def slow(address: str) -> bytes:
        asked.append(address)
        if len(asked) == 2:
            clock.now += 1  # the other one comes while this request is under way
            assert keys.key("RS256") is not None
        return key_set(jwk("RS256"))

    keys = Keys(lambda: "keys", slow, clock=clock)
    assert keys.key("RS256") is not None
    clock.now += PACE.fresh_s
    assert keys.key("RS256") is not None
    assert len(asked) == 2


NO_SETS = {
    "nothing": b"",
    "no JSON": b"<html>",
    "a list": b"[]",
    "no list": b'{"keys": {}}',
    "deep": b"[" * 100_000,
    "too many": b'{"keys": [' + b",".join([b"{}"] * 100) + b"]}",
}


@pytest.mark.parametrize("name", NO_SETS)
def test_what_is_no_set_of_keys_is_refused(name: str) -> None:
    with pytest.raises(ProviderDown):
        keys_of(NO_SETS[name])


@pytest.mark.parametrize("name", NO_SETS)
def test_the_keys_at_hand_stay_when_the_provider_talks_nonsense(known: Known, name: str) -> None:
    assert known.has("RS256")
    known.provider.keys = NO_SETS[name]
    known.clock.now += PACE.fresh_s
    assert known.has("RS256")


P384, SHORT = ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 1024)  # noqa: S505
USELESS: dict[str, dict[str, Any]] = {
    "a shared secret": {**HMACAlgorithm.to_jwk(b"s" * 32, as_dict=True), "kid": "x"},
    "a private key": {**RSAAlgorithm.to_jwk(PRIVATE["RS256"], as_dict=True), "kid": "x"},
    "one for encryption": {**jwk("RS256", "x"), "use": "enc"},
    "one without a name": {**jwk("RS256"), "kid": None},
    "a short one": {**RSAAlgorithm.to_jwk(SHORT.public_key(), as_dict=True), "kid": "x"},
    "another curve": {**ECAlgorithm.to_jwk(P384.public_key(), as_dict=True), "kid": "x"},
    "one for another algorithm": {**jwk("RS256", "x"), "alg": "PS256"},
    "one of algorithm none": {**jwk("RS256", "x"), "alg": "none"},
    "half of one": {"kty": "RSA", "kid": "x", "n": "AQAB"},
    "a point on no curve": {"kty": "EC", "crv": "P-256", "kid": "x", "x": "AQAB", "y": "AQAB"},
}


@pytest.mark.parametrize("name", USELESS)
def test_a_key_that_may_sign_nothing_is_left_out(name: str) -> None:
    assert list(keys_of(key_set(USELESS[name], jwk("EdDSA")))) == ["EdDSA"]


def test_a_provider_that_redirects_is_not_followed(known: Known) -> None:
    known.provider.status, known.provider.headers = 302, {"location": f"{known.provider.address}/x"}
    assert not known.has("RS256")
    assert known.provider.asked == ["/keys"]


def test_an_answer_without_end_is_broken_off(known: Known) -> None:
    known.provider.keys = b" " * 2_000_000
    with pytest.raises(ProviderDown, match="longer than"):
        fetch(f"{known.provider.address}/keys")


SLOW = {
    "headers without an end": (b"HTTP/1.1 200 OK\r\nx: ", b"a"),
    "a body without an end": (b"HTTP/1.1 200 OK\r\n\r\n", b"a"),
    "a body that never gets as long as it says": (
        b"HTTP/1.1 200 OK\r\ncontent-length: 9000\r\n\r\n",
        b"a",
    ),
    "nothing at all": (b"", b""),
}


@pytest.mark.parametrize("name", SLOW)
def test_a_provider_that_drips_is_broken_off(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holdfast.guard.fetching.WITHIN_S", 0.3)
    with dripping(*SLOW[name]) as address, pytest.raises(ProviderDown):
        fetch(address)


@pytest.mark.parametrize("address", ["http://accounts.example.com/keys", "file:///etc/passwd", "x"])
def test_nothing_is_asked_in_clear(address: str) -> None:
    with pytest.raises(ProviderDown, match="neither https nor"):
        fetch(address)
