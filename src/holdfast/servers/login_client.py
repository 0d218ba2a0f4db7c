"""What a server asks on the way to a login, and what it is answered."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import Sequence

import asyncssh

from holdfast.servers.known_hosts import Pins, Standing, fingerprint
from holdfast.servers.route import Challenge, Route, SessionOptions
from holdfast.servers.session_errors import LoginRefused, quoted

ANSWER_S = 110.0  # sshd's LoginGraceTime is 120 s by default
MOST_CHALLENGES = 12
PASSWORD = re.compile(r"(?<!one-time )\bpass(word|phrase)\b", re.IGNORECASE)


class AddressFailed(Exception):
    """This address led to no login; another one of the host may."""


class NewHostKey(Exception):
    """The host showed a key that is not pinned; the connection was ended before any login."""

    def __init__(self, key: asyncssh.SSHKey) -> None:
        super().__init__(fingerprint(key))
        self.key = key


class LoginClient(asyncssh.SSHClient):
    """Answers what a server asks on the way to a login, and remembers how it went."""

    def __init__(
        self,
        route: Route,
        options: SessionOptions,
        pins: Pins,
        keys: Sequence[asyncssh.SSHKeyPair],
        clock: asyncio.Timeout,
    ) -> None:
        self.key_fingerprint: str | None = None
        self._route = route
        self._options = options
        self._pins = pins
        self._keys = list(keys)
        self._clock = clock
        self._password = options.password
        self._connection: asyncssh.SSHClientConnection | None = None
        self._shown: asyncssh.SSHKey | None = None
        self._offered: list[str] = []
        self._key_was_enough = False
        self._challenges = 0

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        self._connection = conn

    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        self._shown = key
        return self._pins.standing(key) is Standing.KNOWN

    def public_key_auth_requested(self) -> asyncssh.SSHKeyPair | None:
        self._note_methods()
        if not self._keys:
            self.key_fingerprint = None
            return None
        key = self._keys.pop(0)
        self.key_fingerprint = key_print(key)
        return key

    def password_auth_requested(self) -> str | None:
        self._note_methods()
        password, self._password = self._password, None
        return password.reveal() if password is not None else None

    def kbdint_auth_requested(self) -> str | None:
        self._note_methods()
        return "" if self._options.codes is not None or self._password is not None else None

    async def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: Sequence[tuple[str, bool]]
    ) -> list[str] | None:
        """Answer every prompt or none: the password once, codes as often as the server asks."""
        if not prompts:
            return []
        self._challenges += 1
        if self._challenges > MOST_CHALLENGES:
            return None
        texts = [quoted(text) for text, _ in prompts]
        asked = tuple(text for text in texts if not PASSWORD.search(text))
        if len(asked) + 1 < len(texts) or (len(asked) < len(texts) and self._password is None):
            return None
        codes = list(await self._ask_codes(asked) or ()) if asked else []
        if len(codes) != len(asked):
            return None
        return [
            (self.password_auth_requested() or "") if PASSWORD.search(text) else codes.pop(0)
            for text in texts
        ]

    async def _ask_codes(self, prompts: tuple[str, ...]) -> Sequence[str] | None:
        if self._options.codes is None:
            return None
        challenge = Challenge(self._route.host, self._route.user, prompts)
        loop = asyncio.get_running_loop()
        self._clock.reschedule(loop.time() + ANSWER_S)  # a person may be reading a code
        answers = await self._options.codes(challenge)
        self._clock.reschedule(loop.time() + self._options.login_s)
        return answers

    def reason(self, error: Exception) -> Exception:
        """What a failed attempt means."""
        if isinstance(error, asyncssh.HostKeyNotVerifiable) and self._shown is not None:
            if self._pins.standing(self._shown) is Standing.UNKNOWN:
                return NewHostKey(self._shown)
            return self._pins.changed(self._route.host, self._shown)
        if self._offered or isinstance(error, asyncssh.PermissionDenied):
            return self._refusal(error)
        if isinstance(error, asyncssh.ConnectionLost):
            return AddressFailed(
                "it closed the connection before a login (sshd does so for a while after failed "
                "logins from an address, or is overloaded: wait a minute)"
            )
        return AddressFailed(quoted(str(error)))

    def _refusal(self, error: Exception) -> LoginRefused:
        who = f"{self._route.host}: the login of {quoted(self._route.user)} was refused"
        methods = ", ".join(self._offered) or "nothing that this program can answer"
        why = "" if isinstance(error, asyncssh.PermissionDenied) else f" ({quoted(str(error))})"
        if self._key_was_enough:
            mend = "the key was accepted, what it takes beside it was not: see the code's clock"
        elif "publickey" in self._offered:
            mend = "load the right key with ssh-add, or name it as IdentityFile"
        else:
            mend = "this host takes no keys: give it the password"
        return LoginRefused(f"{who}{why}; it offers {methods}; {mend}")

    def _note_methods(self) -> None:
        """The list shrinks as methods fail; once a step is done, the server sends another."""
        now = self._connection.get_server_auth_methods() if self._connection is not None else []
        if self._offered and self.key_fingerprint is not None and "publickey" not in now:
            self._key_was_enough = True
        self._offered += [method for method in now if method not in self._offered]


def key_print(key: asyncssh.SSHKeyPair) -> str:
    """The key's SHA-256 fingerprint, as `ssh-keygen -l` shows it."""
    digest = hashlib.sha256(key.key_public_data).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
