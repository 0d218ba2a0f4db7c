"""Headers that every answer gets: what the browser is to allow, and what to keep to itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

POLICY: Mapping[str, str] = MappingProxyType(
    {
        "default-src": "'self'",
        "script-src": "'self' 'wasm-unsafe-eval'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
)
"""What pages may load, run and send (CSP 3); scripts and styles in the page need its nonce."""
WITH_NONCE = ("script-src", "style-src")
ALWAYS = (
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
TELLING = frozenset({"server", "x-powered-by", "x-aspnet-version"})
"""Headers that say what runs here; they are taken out."""
HSTS_S = 31_536_000


@dataclass(frozen=True)
class Headers:
    """What is laid down for all pages. `policy` is laid over POLICY, directive by directive.

    What the application sets itself under one of these names stays as it set it.
    """

    policy: Mapping[str, str] = field(default_factory=dict)
    hsts_s: int = HSTS_S

    def policy_with(self, nonce: str, *also_form_action: str) -> str:
        """Return the policy as a header's value; the nonce of "" is none."""
        rules = {**POLICY, **self.policy}
        for directive in WITH_NONCE if nonce else ():
            rules[directive] = f"{rules[directive]} 'nonce-{nonce}'"
        rules["form-action"] = " ".join((rules["form-action"], *also_form_action))
        return "; ".join(f"{directive} {value}" for directive, value in rules.items())

    def always(self, *, secure: bool) -> tuple[tuple[str, str], ...]:
        """Return the headers that are the same for every answer."""
        if not secure:
            return ALWAYS
        return (*ALWAYS, ("strict-transport-security", f"max-age={self.hsts_s}"))
