"""`holdfast init`: writes a first holdfast.toml by asking."""

from __future__ import annotations

import argparse
import getpass
import os
import shlex
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from holdfast.site import (
    Protection,
    PublicKey,
    Refused,
    Role,
    Site,
    SiteError,
    load_site,
    parse_site,
    protection,
)
from holdfast.site.addresses import address, network, private_address
from holdfast.site.errors import closest, escaped, shown
from holdfast.site.first_site import FirstHost, FirstSite
from holdfast.site.names import dns_name, host_name, linux_name, site_name
from holdfast.site.own_keys import OwnKey, UnusableKey, own_keys
from holdfast.site.ssh_config import ssh_config

GOOD, WRONG = 0, 2
DEFAULT_SITE = Path("holdfast.toml")
MOST_TRIES = 10
LONGEST_ANSWER = 8 * 1024
EXISTS = "it exists already; edit it, or name another file with --site"

Answer = TypeVar("Answer")


class NotWritten(Exception):
    """The site file could not be written; the message says why and what to do."""


class NoAnswer(NotWritten):
    """The answers ended, or stayed wrong, before the site was described."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `init` to the command line."""
    parser = subparsers.add_parser(
        "init",
        help="write a first holdfast.toml by asking",
        description="Asks what is to be protected and writes the site file. "
        "Without a terminal the answers are read from standard input, one a line.",
    )
    parser.add_argument(
        "--site",
        metavar="FILE",
        type=Path,
        default=argparse.SUPPRESS,
        help="the file to write (default: ./holdfast.toml)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Asks, checks and writes; never over a file that exists."""
    path = Path(getattr(args, "site", None) or DEFAULT_SITE)
    if os.path.lexists(path):
        return _wrong(f"{path}: {EXISTS}")
    if not path.parent.is_dir():
        return _wrong(f"{path}: there is no such folder; make it, or name another with --site")
    found = own_keys()
    offers = [key for key in found if isinstance(key, OwnKey)]
    for unusable in found:
        if isinstance(unusable, UnusableKey):
            place = escaped(str(unusable.file or "a key in the agent"))
            print(f"Not offered: {place}: {unusable.reason}")
    try:
        first = _ask(offers)
        site = parse_site(first.text(), path=path)
        _put_in_place(path, first.text())
    except NotWritten as reason:
        return _wrong(str(reason))
    except KeyboardInterrupt:
        return _wrong("interrupted; nothing was written")
    except SiteError as error:
        return _wrong(f"{error}\nnothing was written")
    _say_what_is_next(path, site, first, offers)
    return GOOD


def _ask(offers: list[OwnKey]) -> FirstSite:
    """All questions, in the order of the file."""
    name = _answer("Name of the site, such as todo", site_name)
    domain = _answer("Its domain, such as todo.example.com", dns_name)
    admin = _answer("Your login name on the servers", linux_name, default=_own_name())
    keys = _ask_keys(offers)
    print("\nThe hosts, one after another; a host that others are reached through comes first.")
    hosts: list[FirstHost] = []
    while (host := _ask_host(hosts)) is not None:
        hosts.append(host)
    controllers = _answer(
        "\nAddresses that unattended runs come from, separated by spaces (may be empty)",
        _each(lambda text: str(network(text))),
        default="",
    )
    return FirstSite(name, domain, admin, keys, tuple(hosts), controllers)


def _ask_keys(offers: list[OwnKey]) -> tuple[PublicKey, ...]:
    if offers:
        print("\nPublic keys on this machine:")
    for number, offer in enumerate(offers, start=1):
        place = escaped(str(offer.file)) if offer.file else "in the agent"
        print(f"  {number}  {offer.key.type} {offer.key.fingerprint} {offer.key.comment} ({place})")

    def chosen(text: str) -> tuple[PublicKey, ...]:
        words = text.replace(",", " ").split()
        if not words or not all(word.isascii() and word.isdigit() for word in words):
            return (PublicKey.parse(text),)
        if not all(len(word) < 4 and 0 < int(word) <= len(offers) for word in words):
            raise Refused("there is no key of that number", "give a number of the list")
        return tuple(dict.fromkeys(offers[int(word) - 1].key for word in words))

    question = "Your public key: its number, or the line of a .pub file"
    return _answer(question, chosen, default="1" if offers else None)


def _ask_host(earlier: list[FirstHost]) -> FirstHost | None:
    """The next host, or None when there are no more; the first one must be given."""
    taken = {host.name for host in earlier}

    def free_name(text: str) -> str | None:
        if not text:
            return None
        if text in taken:
            raise Refused(f"there is a host {shown(text)} already", "choose another name")
        return host_name(text)

    if earlier:
        name = _answer("\nName of the next host (empty: no more)", free_name, default="")
    else:
        name = _answer("\nName of the first host, such as app", host_name)
    if name is None:
        return None
    roles = _answer("  What it is for: app, database, backup (one or more)", _some(_role))
    public = _answer("  Address where admins reach it", _some(_unused(address, earlier)))
    private = _answer(
        "  Private address where the other hosts reach it (may be empty)",
        _each(_unused(lambda text: str(private_address(text)), earlier)),
        default="",
    )
    through = None
    if earlier:
        through = _answer("  Reached through (empty: directly)", _jump(taken), default="")
    return FirstHost(name, roles, public, private, through)


def _role(text: str) -> Role:
    if text not in list(Role):
        raise Refused(f"{shown(text)} is not a role", closest(text, Role, otherwise="see above"))
    return Role(text)


def _unused(check: Callable[[str], str], earlier: list[FirstHost]) -> Callable[[str], str]:
    """`check`, which also refuses what an earlier host has."""

    def unused(text: str) -> str:
        checked = check(text)
        for host in earlier:
            if checked in (*host.addresses, *host.private_addresses):
                raise Refused(f"{shown(checked)} is host {host.name}'s", "give this host's own")
        return checked

    return unused


def _jump(known: set[str]) -> Callable[[str], str | None]:
    def jump(text: str) -> str | None:
        if text and text not in known:
            otherwise = f"known: {', '.join(sorted(known))}"
            raise Refused(
                f"there is no host {shown(text)}", closest(text, known, otherwise=otherwise)
            )
        return text or None

    return jump


def _each(check: Callable[[str], Answer]) -> Callable[[str], tuple[Answer, ...]]:
    """Every word of the answer, checked; none twice."""
    return lambda text: tuple(dict.fromkeys(map(check, text.replace(",", " ").split())))


def _some(check: Callable[[str], Answer]) -> Callable[[str], tuple[Answer, ...]]:
    def some(text: str) -> tuple[Answer, ...]:
        if not text:
            raise Refused("an answer is needed")
        return _each(check)(text)

    return some


def _answer(question: str, check: Callable[[str], Answer], *, default: str | None = None) -> Answer:
    """Asks until the answer passes `check`, at most `MOST_TRIES` times."""
    shown_default = f" [{default}]" if default else ""
    for _ in range(MOST_TRIES):
        print(f"{question}{shown_default}: ", end="", flush=True)
        try:
            line = sys.stdin.readline(LONGEST_ANSWER)
        except UnicodeDecodeError:
            raise NoAnswer("the answers are not UTF-8; nothing was written") from None
        if not line:
            print()
            raise NoAnswer(f"the answers ended at “{question.strip()}”; nothing was written")
        if not sys.stdin.isatty():
            print()
        try:
            return check(line.strip() or default or "")
        except Refused as refused:
            print(f"  {refused}")
    raise NoAnswer(
        f"no usable answer to “{question.strip()}” in {MOST_TRIES} tries; nothing was written"
    )


def _own_name() -> str | None:
    """The name of who asks, where it can be an admin's."""
    try:
        return linux_name(os.environ.get("SUDO_USER") or getpass.getuser())
    except (Refused, KeyError, OSError):
        return None


def _put_in_place(path: Path, text: str) -> None:
    """Writes a new file at once or not at all; raises `NotWritten` if it cannot."""
    try:
        with tempfile.TemporaryDirectory(prefix=".holdfast-init-", dir=path.parent) as folder:
            draft = Path(folder) / path.name
            with draft.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fchmod(file.fileno(), 0o644)
                os.fsync(file.fileno())
            load_site(draft)
            # A link, unlike a rename, fails where the name has been taken in the meantime.
            path.hardlink_to(draft)
    except FileExistsError:
        raise NotWritten(f"{path}: {EXISTS}") from None
    except OSError as error:
        what = f"{path}: it cannot be written ({error.strerror})"
        raise NotWritten(f"{what}; name a file in another folder with --site") from None


def _say_what_is_next(path: Path, site: Site, first: FirstSite, offers: list[OwnKey]) -> None:
    chosen = [offer.private_file for offer in offers if offer.key in first.keys]
    private_keys = [file for file in chosen if file is not None]
    identity = private_keys[0] if len(private_keys) == 1 else None
    print(f"\nWritten: {escaped(str(path))}")
    for private_key in private_keys:
        if protection(private_key) is Protection.NONE:
            print(f"\nNote: the private key {escaped(str(private_key))} has no passphrase;")
            print("whoever gets the file can log in. Give it one:")
            print(f"    ssh-keygen -p -f {shlex.quote(str(private_key))}")
    print("\nFor ~/.ssh/config:\n")
    print(ssh_config(site, first.admin, identity))
    option = "" if path == DEFAULT_SITE else f" --site {shlex.quote(str(path))}"
    print(f"Next:\n    holdfast audit{option}")


def _wrong(message: str) -> int:
    for line in message.splitlines():
        print(f"holdfast: {escaped(line)}", file=sys.stderr)
    return WRONG
