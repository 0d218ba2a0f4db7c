"""Groups: people who have the same roles, whoever joins them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from holdfast.accounts.applications import configured


class UnknownRole(ValueError):
    """An application that is not configured, or a role that it does not have; says which."""


def checked(roles: Any) -> dict[str, list[str]]:
    """Return roles by application, each once and in order. Raises UnknownRole."""
    if not isinstance(roles, Mapping):
        raise UnknownRole('roles: write {"application": ["ROLE"]}')
    return {str(name): known_roles(str(name), held) for name, held in sorted(roles.items())}


def known_roles(client_id: str, roles: Any) -> list[str]:
    """Return the roles of one application, each once and in order. Raises UnknownRole."""
    known = configured.application(client_id)
    if known is None:
        raise UnknownRole(f"{client_id[:60]}: no such application is configured")
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise UnknownRole(f"{client_id}: its roles are a list of texts")
    unknown = sorted(set(roles) - set(known.roles))
    if unknown:
        held = ", ".join(known.roles) or "none"
        raise UnknownRole(f"{client_id}: {unknown[0][:60]} is none of its roles ({held})")
    return sorted(set(roles))
