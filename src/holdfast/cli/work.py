"""What the options of a verb mean together: the site as the operator works on it."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import os
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from holdfast.cli.asking import Asking, typed, typed_unseen
from holdfast.cli.errors import UsageError
from holdfast.report.paint import Paint
from holdfast.report.sarif import Execution
from holdfast.servers.apply import Run
from holdfast.servers.catalogue import all_controls, nearest
from holdfast.servers.each_host import Pace, each_host
from holdfast.servers.fleet import LOCAL, Failure, Fleet
from holdfast.servers.history import History
from holdfast.servers.route import SessionOptions
from holdfast.site import Host, Secret, Site, load_site, resolve
from holdfast.site.errors import escaped, key_text, shown

CONNECT_S = 5.0  # per address of a host

T = TypeVar("T")


@dataclass
class Work:
    """The site as the operator works on it, and everything a verb needs around it."""

    site: Site
    arguments: argparse.Namespace
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    _secrets: dict[tuple[str, str], Secret] = field(default_factory=dict, repr=False)
    _asking: Asking = field(default_factory=Asking, repr=False)

    @classmethod
    def load(cls, arguments: argparse.Namespace) -> Work:
        """Read the site file. Raises SiteError, UsageError."""
        if not arguments.site.exists() and set(getattr(arguments, "hosts", [])) == {LOCAL}:
            return cls(_no_site(arguments.site), arguments)
        site = load_site(arguments.site)
        _must_know_exceptions(site)
        return cls(site.run_by(_operator(site, arguments.operator)), arguments)

    @property
    def history(self) -> History:
        return History(self.site.folder, self.site.name, self.site.operator)

    def hosts(self) -> dict[str, Host]:
        """Return the hosts named on the command line, or all. Raises UsageError."""
        names = getattr(self.arguments, "hosts", []) or list(self.site.hosts)
        chosen = {}
        for name in names:
            if name == LOCAL:
                chosen[name] = self._here()
            elif name in self.site.hosts:
                chosen[name] = self.site.hosts[name]
            else:
                known = ", ".join(self.site.hosts) or "none"
                raise UsageError(f"there is no host {shown(name)} in the site; it has: {known}")
        if not chosen:
            raise UsageError(f"{self.site.path}: the site has no hosts: add one with [hosts.NAME]")
        return chosen

    def _here(self) -> Host:
        return Host.model_validate(
            {"\0name": LOCAL.removeprefix("@"), "roles": ("app",), "address": "127.0.0.1"}
        ).model_copy(update={"name": LOCAL})

    async def each(
        self,
        hosts: Iterable[str],
        do: Callable[[str], Awaitable[T]],
        host_s: float,
        after: Callable[[str], Iterable[str]] = lambda _: (),
    ) -> dict[str, T | Failure]:
        """Work on these hosts at the pace asked for, `host_s` seconds each unless told otherwise.

        `after` says which hosts of the run a host waits for.
        """
        names = list(hosts)
        pace = Pace(self.arguments.at_once, self.arguments.host_timeout or host_s)
        left = len(names)

        def ended(name: str) -> None:
            nonlocal left
            left -= 1
            if left:
                self.say(name, f"done; {left} of {len(names)} hosts to go")

        return await each_host(names, do, pace, self._asking.clocks, after, ended)

    def fleet(self) -> Fleet:
        """Return the lines to the hosts; use it as an async context manager."""
        history = self.history
        config = (history.ssh_config, Path.home() / ".ssh" / "config")
        options = SessionOptions(
            known_hosts=history.known_hosts,
            config=tuple(path for path in config if path.exists()),
            accept_new=self._accept_new,
            connect_s=CONNECT_S,
        )
        first_login = self.arguments.first_login
        return Fleet(self.site, options, self.sudo_password, self._first_password, first_login)

    async def _accept_new(self, host: str, key: str) -> bool:
        if self.arguments.accept_new_host_keys:
            self.say(host, f"accepted its host key {key}")
            return True
        if not sys.stdin.isatty():
            return False
        async with self._asking:
            shown_key = f"{escaped(host)} shows the host key {escaped(key)}, never seen before."
            print(shown_key, file=sys.stderr)
            return (await typed("Accept it? [y/N] ")).strip().lower() in ("y", "yes")

    async def _first_password(self, host: str) -> Secret | None:
        """Ask for the password that a provider gave with a fresh server; None where nobody is."""
        if not sys.stdin.isatty():
            return None
        async with self._asking:
            account = self.arguments.first_login
            key = (account, host)
            if key not in self._secrets:
                asked = f"{account}'s password on {host}, as its provider gave it (empty: none): "
                self._secrets[key] = Secret(await typed_unseen(asked))
            given = self._secrets[key]
        return given if given.reveal() else None

    async def sudo_password(self, host: str) -> Secret:
        """Return the operator's sudo password of a host."""
        return await self.secret(f"admins.{self.site.operator}.sudo_password", host)

    async def secret(self, name: str, host: str) -> Secret:
        """Return a secret of the site by its name: resolved, or asked once per run."""
        admin = self.site.admins[name.split(".")[1]]
        reference = admin.sudo_password
        key = (name, host if reference else "")
        async with self._asking:
            if key not in self._secrets:
                self._secrets[key] = (
                    await asyncio.to_thread(
                        resolve, reference, host=host, admin=admin.name, base_dir=self.site.folder
                    )
                    if reference
                    else await self._asked(admin.name)
                )
            return self._secrets[key]

    async def _asked(self, admin: str) -> Secret:
        if not sys.stdin.isatty():
            raise UsageError(
                f"the sudo password of {admin} is needed and there is no terminal to ask on: set "
                f"admins.{admin}.sudo_password in {self.site.path} to a command:, file: or env:"
            )
        return Secret(await typed_unseen(f"sudo password of {admin}: "))

    def say(self, host: str, text: str) -> None:
        """Show progress, on a terminal and unless told to be quiet."""
        if not self.arguments.quiet and (sys.stderr.isatty() or self.arguments.verbose):
            paint = Paint.on(sys.stderr)
            print(f"{paint('bold', host)} {paint('dim', text)}", file=sys.stderr, flush=True)

    def execution(self, exit_code: int) -> Execution:
        """Return what a log says of this run, which ends now."""
        name = self.site.path.name
        return Execution(self.site.name, name, self.at, datetime.now(UTC), exit_code)

    def must_be_provable(self) -> None:
        """Raise UsageError for `@local` without `--self-confirm`: no new login proves it."""
        if LOCAL in self.hosts() and not self.arguments.self_confirm:
            raise UsageError(
                f"{LOCAL} has no new login that could confirm its changes: add --self-confirm, "
                "or run Holdfast from another machine"
            )

    def run(self, fleet: Fleet) -> Run:
        """Return what changing hosts needs."""
        return Run(
            fleet,
            all_controls(),
            self.secret,
            self.at.date(),
            self.arguments.confirm_within,
            self.arguments.self_confirm and set(self.hosts()) == {LOCAL},
            self._asking.clocks,
        )

    def must_be_able_to_agree(self) -> None:
        """Raise UsageError where nobody could be asked, before anything is contacted."""
        if not self.arguments.yes and not sys.stdin.isatty():
            raise UsageError("there is no terminal to ask on: add --yes to go ahead")

    async def agreed(self, question: str) -> bool:
        """Ask before something is changed, unless `--yes`."""
        if self.arguments.yes:
            return True
        return (await typed(f"{question} [y/N] ")).strip().lower() in ("y", "yes")

    def write(self, lines: str) -> None:
        write(self.arguments, lines)

    def paint(self) -> Paint:
        return paint_for(self.arguments)


def write(arguments: argparse.Namespace, lines: str) -> None:
    """Print the result, or write it to `--output`, private, in one rename."""
    target: Path | None = arguments.output
    if target is None:
        print(lines)
        return
    draft = target.with_name(f".{target.name}.draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(lines + "\n")
    draft.rename(target)


def paint_for(arguments: argparse.Namespace) -> Paint:
    """Return the colours of what goes to stdout; a file gets none."""
    return Paint(False) if arguments.output else Paint.on(sys.stdout)


def _must_know_exceptions(site: Site) -> None:
    """Raise UsageError for a misspelt control; say so where this Holdfast has none of that name.

    An exception to nothing weakens nothing, and a control may come with a later version: only
    what is near a known id is refused.
    """
    known = tuple(control.id for control in all_controls())
    for control_id in (control_id for control_id in site.exceptions if control_id not in known):
        where = f"{site.path}: {key_text(('exceptions', control_id))}"
        if near := nearest(control_id, known):
            raise UsageError(
                f"{escaped(where)}: there is no such control; did you mean {' or '.join(near)}? "
                "`holdfast explain` lists them all"
            )
        note = "this version has no such control, so nothing is exempt by it"
        print(f"holdfast: note: {escaped(where)}: {note}", file=sys.stderr)


def _operator(site: Site, chosen: str | None) -> str:
    if chosen is not None:
        if chosen not in site.admins:
            known = ", ".join(site.admins)
            raise UsageError(
                f"--as: there is no admin {shown(chosen)} in the site; it has: {known}"
            )
        return chosen
    if len(site.admins) == 1:
        return next(iter(site.admins))
    here = getpass.getuser()
    if here in site.admins or not site.admins:
        return here
    raise UsageError(f"who are you? add --as with one of: {', '.join(site.admins)}")


def _no_site(path: Path) -> Site:
    """A site without a file, for `audit @local`: this machine alone, no admins."""
    name: Mapping[str, object] = {"name": "this-machine", "domain": "localhost.localdomain"}
    return Site.model_validate({"\0path": path, "site": name})
