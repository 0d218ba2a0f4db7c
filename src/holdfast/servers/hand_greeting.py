"""How a hand is started, and what is said before it is ready.

SERVERS.md, "The hand": sudo's password is sent only after sudo has asked for it by a nonce of
ours, and nothing else is sent before the hand says what it needs. Under NOPASSWD sudo asks for
nothing, and a password sent all the same would reach the program behind it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from holdfast.servers.hand_channel import Hand
from holdfast.servers.hand_streams import Broken, Conversation, Ended, Message, Streams, message
from holdfast.servers.session_errors import (
    HandLost,
    NoPython,
    SessionError,
    SudoLogsInput,
    SudoRefused,
    quoted,
)
from holdfast.servers.zipapp import hand_zip, start_command

READY_S = 20.0
LONGEST_GREETING = 4096  # bytes


class Revealing(Protocol):
    """A secret that shows itself only when asked to."""

    def reveal(self) -> str: ...


AskPassword = Callable[[], Awaitable[Revealing]]


@dataclass(frozen=True)
class HandStart:
    """How a hand is started: the command, and the word by which sudo asks for the password."""

    command: Sequence[str]
    nonce: str | None

    @classmethod
    def direct(cls) -> Self:
        """As the user who is logged in."""
        return cls(start_command(hand_zip().sha256), None)

    @classmethod
    def through_sudo(cls) -> Self:
        """As root. `-k` makes sudo ask however lately it was asked; C keeps its words English."""
        nonce = f"holdfast-{secrets.token_hex(16)}:"
        sudo = ("env", "LC_ALL=C", "LANGUAGE=C", "sudo", "-k", "-S", "-p", nonce, "--")
        return cls((*sudo, *start_command(hand_zip().sha256)), nonce)


async def greet(
    host: str, streams: Streams, start: HandStart, ask_password: AskPassword | None
) -> Hand:
    """See a started hand through to ready. Raises a SessionError; the process is then ended."""
    conversation = Conversation(streams)
    try:
        return await _Greeting(host, conversation, start.nonce, ask_password).run()
    except BaseException:
        await conversation.abandon()
        raise


class _Greeting:
    def __init__(
        self,
        host: str,
        conversation: Conversation,
        nonce: str | None,
        ask_password: AskPassword | None,
    ) -> None:
        self._host = host
        self._conversation = conversation
        self._nonce = nonce
        self._ask_password = ask_password
        self._answered = False
        self._clock = asyncio.timeout(None)

    async def run(self) -> Hand:
        try:
            async with asyncio.timeout(READY_S) as self._clock:
                greeting = await self._first_message()
                if greeting.get("need") == "hand":
                    await self._conversation.send(hand_zip().framed())
                    greeting = await self._message()
        except TimeoutError:
            said = quoted(self._errors())
            raise HandLost(
                f"{self._host}: the hand was not ready within {READY_S:.0f} s"
                f"{f' (it said: {said})' if said else ''}; try again"
            ) from None
        except Ended:
            raise await self._reason_for_end() from None
        except Broken as error:
            raise HandLost(f"{self._host}: the hand did not start: {error}; try again") from error
        return self._judged(greeting)

    async def _first_message(self) -> Message:
        """The hand's first line, with sudo's question answered on the way if it asks."""
        first = asyncio.create_task(self._message())
        try:
            while self._nonce is not None and not await self._asked(self._nonce, first):
                await self._answer_sudo()
            return await first
        finally:
            first.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await first

    async def _asked(self, nonce: str, first: asyncio.Task[Message]) -> bool:
        """Wait for sudo's question or for the first line; True if the line is there."""
        question = asyncio.create_task(self._conversation.errors.until(nonce.encode()))
        try:
            await asyncio.wait({first, question}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            question.cancel()
        return first.done()

    async def _answer_sudo(self) -> None:
        if self._answered:
            self._conversation.send_eof()
            raise _wrong_password(self._host)
        if self._ask_password is None:
            raise SudoRefused(
                f"{self._host}: sudo asks for a password and none is at hand; "
                "run this at a terminal, or set sudo_password for the admin"
            )
        self._answered = True
        self._clock.reschedule(None)  # a person may be typing
        password = (await self._ask_password()).reveal().encode()
        self._clock.reschedule(asyncio.get_running_loop().time() + READY_S)
        if not password or b"\n" in password or b"\0" in password:
            raise SudoRefused(
                f"{self._host}: the sudo password is empty or more than one line; "
                "look at what sudo_password yields"
            )
        await self._conversation.send(password + b"\n")

    async def _message(self) -> Message:
        line = await self._conversation.line(LONGEST_GREETING)
        try:
            return message(line)
        except Broken as error:
            if notice := PLEASE_LOG_IN.search(line):
                raise HandLost(
                    f"{self._host}: the key runs nothing there but a notice: {quoted(line)!r}; "
                    f"add --first-login {notice[1].decode()}"
                ) from error
            raise HandLost(
                f"{self._host}: instead of the hand's greeting came {quoted(line)!r}; "
                "a login script of this user prints it: silence it for commands"
            ) from error

    def _judged(self, greeting: Message) -> Hand:
        if greeting.get("need") == "python":
            have = quoted(str(greeting.get("have", "of an unknown version")))
            raise NoPython(
                f"{self._host}: python3 there is {have}, the hand needs a whole 3.9 or later; "
                "`holdfast apply` offers to install it"
            )
        if greeting.get("ready") != 1:
            raise HandLost(
                f"{self._host}: the hand greeted with {quoted(json.dumps(greeting))}, "
                "which this Holdfast does not understand; use the same version everywhere"
            )
        root = greeting.get("root") is True
        if self._nonce is not None and not root:
            raise SudoRefused(f"{self._host}: sudo did not make the hand root; look at its rules")
        if self._nonce is not None and greeting.get("logs_input") is not False:
            raise SudoLogsInput(
                f"{self._host}: sudo there keeps a log of all input, secrets included; "
                "remove log_input, log_stdin and LOG_INPUT from sudoers"
            )
        return Hand(self._host, self._conversation, root=root)

    def _errors(self) -> str:
        return self._conversation.errors.text().replace(self._nonce or "\n", " ")

    async def _reason_for_end(self) -> SessionError:
        status = await self._conversation.exit_status()
        await self._conversation.errors.finished()
        return _reason_for_end(self._host, status, self._errors(), sudo=self._nonce is not None)


def _reason_for_end(host: str, status: int | None, text: str, *, sudo: bool) -> SessionError:
    """What the process's last words mean; sudo's are in English by LC_ALL."""
    said = text.lower()
    if NO_PYTHON.search(said):
        return NoPython(f"{host}: python3 is not installed; `holdfast apply` offers to install it")
    if sudo and NO_SUDO.search(said):
        return SudoRefused(
            f"{host}: sudo is not installed; log in as root, and `holdfast apply` installs it"
        )
    if sudo and ("incorrect password" in said or "sorry, try again" in said):
        return _wrong_password(host)
    if sudo and any(words in said for words in NO_RIGHT):
        return SudoRefused(
            f"{host}: this user may not use sudo; give the user that right or log in as an admin"
        )
    if sudo and "sudo:" in said:
        return SudoRefused(f"{host}: sudo refused: {quoted(text)}; mend that on the host")
    ended = "the connection broke" if status is None else f"it ended with status {status}"
    return HandLost(f"{host}: the hand did not start: {ended} {quoted(text)!r}; try again")


NO_PYTHON = re.compile(r"python3\W?: (command )?(not found|no such file)|not found: python3")
NO_SUDO = re.compile(r"sudo\W?: (command )?(not found|no such file)|not found: sudo")
# What cloud images have root's key say instead of running a command.
PLEASE_LOG_IN = re.compile(rb'[Pp]lease log ?in as the user "([a-z_][a-z0-9_-]{0,31})"')
NO_RIGHT = ("not in the sudoers", "is not allowed to", "may not run sudo")


def _wrong_password(host: str) -> SudoRefused:
    return SudoRefused(f"{host}: the sudo password is wrong; it was tried once, nothing was done")
