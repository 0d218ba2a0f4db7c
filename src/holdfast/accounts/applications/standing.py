"""What somebody is in an application, by their registration and their groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from holdfast.accounts.configuration import Application


@dataclass(frozen=True)
class Standing:
    """The roles that somebody was given in one application.

    `own` are those of their registration, and `of_groups` those of each of their groups there;
    `is_invited` says whether an administrator has registered them.
    """

    own: tuple[str, ...]
    is_invited: bool
    of_groups: tuple[tuple[str, ...], ...]

    @classmethod
    def of(
        cls,
        client_id: str,
        own: Iterable[str],
        groups: Iterable[Mapping[str, Any]],
        *,
        is_invited: bool,
    ) -> Standing:
        """Return it from what is kept; a group has roles by application."""
        of_groups = tuple(tuple(group.get(client_id, ())) for group in groups)
        return cls(tuple(own), is_invited, of_groups)

    def roles(self, known: Application) -> list[str]:
        """Return the roles that count: those that the application has."""
        return sorted(set(self.own).union(*self.of_groups) & set(known.roles))

    def may_enter(self, known: Application) -> bool:
        """Whether they get into the application at all."""
        return not known.members_only or self.is_invited or any(self.of_groups)
