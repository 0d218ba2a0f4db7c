"""The options that the verbs share."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from holdfast.servers.fleet import ROOT


def add_site_file(parser: argparse.ArgumentParser) -> None:
    """`--site` and `--as`."""
    parser.add_argument("--site", type=Path, default=Path("holdfast.toml"), metavar="FILE")
    parser.add_argument("--as", dest="operator", metavar="ADMIN", help="the admin you are")


def add_site(parser: argparse.ArgumentParser) -> None:
    """`--site`, `--as`, `--first-login` and the options of a connection."""
    add_site_file(parser)
    parser.add_argument(
        "--first-login",
        type=_account,
        default=ROOT,
        metavar="ACCOUNT",
        help="who is logged in as where you have no account yet: root (default), or the account "
        "of the provider's image, such as debian",
    )
    parser.add_argument(
        "--accept-new-host-keys",
        action="store_true",
        help="accept the key of a host seen for the first time; never a changed one",
    )


def add_hosts(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("hosts", nargs="*", metavar="HOST", help="default: every host of the site")


def add_format(parser: argparse.ArgumentParser, formats: Sequence[str] = ("text", "json")) -> None:
    """`--format` with those of the verb, the default first, and `--output`."""
    parser.add_argument("--format", choices=formats, default=formats[0], type=_format(formats))
    parser.add_argument("--output", type=Path, metavar="FILE", help="write there, not to stdout")


def add_output(parser: argparse.ArgumentParser, formats: Sequence[str] = ("text", "json")) -> None:
    """`--format`, `--output`, and how much is said meanwhile."""
    add_format(parser, formats)
    parser.add_argument("--quiet", action="store_true", help="no progress")
    parser.add_argument("--verbose", action="store_true")


def add_yes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--yes", action="store_true", help="do not ask, whatever is asked otherwise"
    )


def add_confirmation(parser: argparse.ArgumentParser) -> None:
    """`--yes` and `--confirm-within`."""
    add_yes(parser)
    parser.add_argument(
        "--confirm-within",
        type=_seconds,
        default=120.0,
        metavar="SECONDS",
        help="a transaction that is not confirmed by then is taken back (default 120)",
    )


def add_self_confirm(parser: argparse.ArgumentParser) -> None:
    """`--self-confirm`, which only `@local` needs and takes."""
    parser.add_argument(
        "--self-confirm",
        action="store_true",
        help="on @local: keep the changes without the proof of a new login",
    )


def _account(text: str) -> str:
    if not re.fullmatch(r"[a-z_][a-z0-9_-]{0,31}", text):
        raise argparse.ArgumentTypeError("is no name of an account")
    return text


def _format(formats: Sequence[str]) -> Callable[[str], str]:
    def known(text: str) -> str:
        if text == "html" and text not in formats:
            raise argparse.ArgumentTypeError(
                f"html is for audit, prove and report; here use {' or '.join(formats)}"
            )
        return text

    return known


def _seconds(text: str) -> float:
    return seconds_between(text, 5, 3600)


def seconds_between(text: str, least: float, most: float) -> float:
    """Return a number of seconds. Raises ArgumentTypeError for what is none, or out of bounds."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not least <= seconds <= most:
        raise argparse.ArgumentTypeError(f"must be between {least:g} and {most:g} seconds")
    return seconds
