"""The provider's public keys: fetched now and then, kept while it is away (RFC 7517).

Applications go on verifying while the provider does not answer. A kid that is not known has the
keys fetched again, once per interval at most: whoever invents kids causes no more than that.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from holdfast.guard.fetching import Fetch, ProviderDown
from holdfast.guard.tokens import Algorithm, Key, PublicKey

log = logging.getLogger("holdfast.guard")
MOST_KEYS = 32
LEAST_RSA_BITS = 2048
WAITS_S = 1.0


@dataclass(frozen=True)
class Pace:
    """How often keys are fetched, in seconds.

    After `fresh_s` the next token has them fetched again; within `interval_s` of an attempt none is
    made; keys that have not been seen at the provider for `kept_s` are not used any more.
    """

    fresh_s: float = 600.0
    interval_s: float = 10.0
    kept_s: float = 86_400.0


class Keys:
    """The keys at one address. One per process, shared by its threads."""

    def __init__(
        self,
        address: Callable[[], str],
        fetch: Fetch,
        pace: Pace | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """The address is asked for at each fetch; it may raise ProviderDown."""
        self._address, self._fetch, self._clock = address, fetch, clock
        self._pace = pace or Pace()
        self._keys: Mapping[str, Key] = MappingProxyType({})
        self._seen_at = self._tried_at = float("-inf")
        self._fetching = threading.Lock()

    def settled(self, kid: str) -> bool:
        """Whether `key` answers at once, without a request to the provider."""
        now = self._clock()
        if now < self._tried_at + self._pace.interval_s:
            return True
        return now < self._seen_at + self._pace.fresh_s and kid in self._keys

    def key(self, kid: str) -> Key | None:
        """Return the key of this name, or None where the provider has none or never answered."""
        if not self.settled(kid):
            self._refresh(kid)
        if self._clock() >= self._seen_at + self._pace.kept_s:
            return None
        return self._keys.get(kid)

    def _refresh(self, kid: str) -> None:
        """Fetch the keys. Whoever has one that is known does not wait for another's request.

        Nobody else waits for long either: while the provider hangs, invented kids would hold every
        thread there is.
        """
        if not self._fetching.acquire(timeout=0 if kid in self._keys else WAITS_S):
            return
        try:
            if self.settled(kid):  # another thread was first
                return
            self._keys = MappingProxyType(keys_of(self._fetch(self._address())))
            self._seen_at = self._tried_at = self._clock()
        except ProviderDown as error:
            self._tried_at = self._clock()
            log.warning("keys of the provider: %s; the ones at hand are used", error)
        finally:
            self._fetching.release()


def keys_of(document: bytes) -> dict[str, Key]:
    """Return the keys of a JWK set that may sign tokens, by their names; others are left out.

    Raises ProviderDown where it is no such set.
    """
    try:
        listed = json.loads(document)["keys"]
        if not isinstance(listed, list) or len(listed) > MOST_KEYS:
            raise ValueError
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ProviderDown("what it answered is no set of keys") from None
    found = (_key(entry) for entry in listed)
    return {key.kid: key for key in found if key is not None}


def _key(entry: Any) -> Key | None:
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
        return None
    kid = entry.get("kid")
    if not isinstance(kid, str) or "d" in entry or entry.get("kty") == "oct":
        return None
    try:
        public = PyJWK.from_dict({**entry, "alg": _algorithm_name(entry)}).key
    except (PyJWTError, ValueError, TypeError, KeyError):
        return None
    algorithm = _algorithm(public)
    if algorithm is None or entry.get("alg", algorithm) != algorithm:
        return None
    return Key(kid, algorithm, public)


def _algorithm_name(entry: Mapping[str, Any]) -> str:
    """What PyJWT is to read a key as; which algorithm it is used with follows from the key."""
    return {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}.get(str(entry.get("kty")), "none")


def _algorithm(public: PublicKey) -> Algorithm | None:
    match public:
        case rsa.RSAPublicKey() if public.key_size >= LEAST_RSA_BITS:
            return Algorithm.RS256
        case ec.EllipticCurvePublicKey() if isinstance(public.curve, ec.SECP256R1):
            return Algorithm.ES256
        case ed25519.Ed25519PublicKey():
            return Algorithm.EDDSA
        case _:
            return None
