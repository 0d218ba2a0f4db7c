"""What the verbs of the accounts service share: options, and how they become a configuration."""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from holdfast.cli.errors import UsageError
from holdfast.site.errors import Refused
from holdfast.site.secrets import SecretKind, SecretRef, resolve

if TYPE_CHECKING:
    from holdfast.accounts.configuration import Configuration

SECRET_OPTIONS = ("database", "cache", "mail")


def add_service(parser: argparse.ArgumentParser) -> None:
    """`--config`, `--data` and `--database`: which service is meant."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="accounts.toml")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="default ./accounts-data")
    parser.add_argument(
        "--database",
        metavar="URL",
        help="postgresql://… or mysql://…; with a password: env:NAME, file:PATH or command:… "
        "that gives it (default: SQLite in the data folder)",
    )


def require_accounts() -> None:
    """Raise UsageError where the extra `accounts` is not installed."""
    if importlib.util.find_spec("allauth") is None:
        raise UsageError("the accounts service is not installed: pip install 'holdfast[accounts]'")


def configuration_from(arguments: argparse.Namespace) -> Configuration:
    """Return the configuration that file and options give. Raises UsageError."""
    require_accounts()
    from holdfast.accounts.configuration import Configuration, ConfigurationError, load

    given = {
        name: value
        for name in Configuration.model_fields
        if (value := getattr(arguments, name, None)) is not None
    }
    base = arguments.config.parent if arguments.config else Path()
    for name in SECRET_OPTIONS:
        if name in given:
            given[name] = _revealed(name, str(given[name]), Path())
    try:
        return load(arguments.config, given, lambda name, text: _from_file(name, text, base))
    except ConfigurationError as error:
        raise UsageError(str(error)) from None


def start_service(arguments: argparse.Namespace) -> None:
    """Load the service that is meant, and bring its database up. Raises UsageError."""
    configuration = configuration_from(arguments)
    from holdfast.accounts import starting
    from holdfast.accounts.configuration import ConfigurationError

    try:
        starting.start(configuration)
        starting.migrate()
    except ConfigurationError as error:
        raise UsageError(str(error)) from None


def _revealed(name: str, text: str, base: Path) -> str:
    """Return what an option stands for; one with a password in it is refused: others see argv."""
    if not _is_reference(text):
        if _password(text):
            raise UsageError(
                f"--{name}: a password must not stand on the command line: put the URL into a file "
                f"that only you can read, and write --{name} file:PATH"
            )
        return text
    return _resolved(name, text, base)


def _from_file(name: str, text: str, base: Path) -> str:
    return _resolved(name, text, base) if _is_reference(text) else text


def _resolved(name: str, text: str, base: Path) -> str:
    try:
        return resolve(SecretRef.parse(text, key=name), base_dir=base).reveal()
    except Refused as error:
        raise UsageError(f"{name}: {error}") from None


def _is_reference(text: str) -> bool:
    return text.partition(":")[0] in list(SecretKind)


def _password(text: str) -> bool:
    try:
        return urlsplit(text).password is not None
    except ValueError:
        return False
