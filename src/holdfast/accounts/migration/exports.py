"""An export of another system: which file, and what else there is to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from holdfast.accounts.configuration import Configuration
from holdfast.accounts.migration import auth0, django_dump, firebase, fusionauth, keycloak
from holdfast.accounts.migration.found import Numbered


@dataclass(frozen=True)
class Export:
    """What is to be read; `second` is the file that Auth0 and Keycloak put some of it into."""

    system: str
    file: Path
    second: Path | None = None
    firebase: firebase.HashParameters | None = None
    model: str = django_dump.DEFAULT_MODEL

    def people(self, configuration: Configuration) -> Iterator[Numbered]:
        """Yield everybody in it, with their number there."""
        match self.system:
            case "fusionauth":
                return fusionauth.read(self.file)
            case "keycloak":
                known = {name: one.roles for name, one in configuration.applications.items()}
                return keycloak.read(self.file, known, self.second)
            case "auth0":
                return auth0.read(self.file, self.second)
            case "firebase":
                kind = "csv" if self.file.suffix.lower() == ".csv" else "json"
                return firebase.read(self.file, kind, self.firebase)
            case _:
                return django_dump.read(self.file, self.model, configuration.sign_up.fields)
