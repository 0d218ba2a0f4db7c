"""Cookies that the guard sets: bound to the host, kept from scripts unless a script must read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

HOST_ONLY = "__Host-"


class SameSite(StrEnum):
    """Whether requests that another site starts bring a cookie along."""

    LAX = "Lax"
    STRICT = "Strict"


@dataclass(frozen=True)
class Cookie:
    """One cookie to set; without a value it is one to remove. `age_s` of None: with the browser."""

    name: str
    value: str = ""
    age_s: int | None = None
    readable: bool = False
    same_site: SameSite = SameSite.LAX

    def header(self, *, secure: bool) -> str:
        """Return it as the value of a Set-Cookie header (RFC 6265bis)."""
        parts = [f"{self.name}={self.value}", "Path=/", f"SameSite={self.same_site}"]
        if not self.value:
            parts.append("Max-Age=0")
        elif self.age_s is not None:
            parts.append(f"Max-Age={self.age_s}")
        if not self.readable:
            parts.append("HttpOnly")
        if secure:
            parts.append("Secure")
        return "; ".join(parts)


def named(name: str, *, secure: bool) -> str:
    """Return what a cookie is called.

    Behind https the prefix has browsers refuse one that a sub-domain or plain http would plant.
    """
    return HOST_ONLY + name if secure else name
