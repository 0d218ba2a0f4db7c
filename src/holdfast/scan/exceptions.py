"""What a tree's keepers have decided to let be: `.holdfast-scan.toml`, each with its reason."""

from __future__ import annotations

import fnmatch
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from holdfast.scan.finding import Finding, Rule, ScanError

NAME = ".holdfast-scan.toml"
MOST_BYTES = 100_000


class _Exception(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: Rule
    path: str = Field(min_length=1, max_length=300)
    because: str = Field(min_length=5, max_length=300)
    until: date | None = None


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    let_be: tuple[_Exception, ...] = Field(default=(), alias="let-be")


@dataclass(frozen=True)
class Exceptions:
    """The exceptions of a tree. A path may have * for any letters."""

    listed: tuple[_Exception, ...] = ()

    def applied(self, findings: Sequence[Finding], today: date) -> tuple[Finding, ...]:
        """Return the findings, those that are let be with the reason."""
        return tuple(replace(one, because=self._because(one, today)) for one in findings)

    def _because(self, finding: Finding, today: date) -> str:
        for one in self.listed:
            is_over = one.until is not None and one.until < today
            if one.rule is finding.rule and fnmatch.fnmatchcase(finding.path, one.path):
                return "" if is_over else one.because
        return ""


def read(folder: Path) -> Exceptions:
    """Return the exceptions of a tree; none where it has no such file. Raises ScanError."""
    path = folder / NAME
    if not path.exists():
        return Exceptions()
    if path.is_symlink() or path.stat().st_size > MOST_BYTES:
        raise ScanError(f"{path}: is a link or too long: write a file of exceptions there")
    try:
        return Exceptions(_File.model_validate(tomllib.loads(path.read_text("utf-8"))).let_be)
    except (tomllib.TOMLDecodeError, UnicodeError) as error:
        raise ScanError(f"{path}: {error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ScanError(f"{path}: {where}: {first['msg']}") from None
