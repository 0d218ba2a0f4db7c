"""How the accounts service is run: one closed schema, from a file, the command line, or both."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterator
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

DEFAULT_ORIGIN = "http://localhost:8400"
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
MIB_KIB = 1024
LEAST_CLIENT_SECRET = 32
STANDARD_SCOPES, OFFLINE = ("openid", "profile", "email"), "offline_access"
"""What every application may ask for."""
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
SECRETS = ("database", "cache", "mail")
CLIENT_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$"
ROLE = r"^[A-Za-z][A-Za-z0-9_.:-]{0,59}$"
ProfileField = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,29}$")]


class ConfigurationError(Exception):
    """The service cannot be run as it was configured; each line says what, where and the mend."""


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Argon2(_Closed):
    """The cost of one password hash. Default: OWASP's choice for Argon2id, 19 MiB and 2 passes."""

    memory_kib: int = Field(default=19 * MIB_KIB, ge=7 * MIB_KIB, le=1024 * MIB_KIB)
    passes: int = Field(default=2, ge=1, le=20)
    lanes: int = Field(default=1, ge=1, le=8)


class Pepper(_Closed):
    """A key that is mixed into each password before hashing; the newest one stands last."""

    name: str = Field(pattern=r"^[a-z0-9]{1,16}$")
    key: SecretStr = Field(min_length=32)


class Passwords(_Closed):
    """Which passwords are good enough, and what guessing one costs."""

    policy: Literal["nist", "compliance"] = "nist"
    argon2: Argon2 = Argon2()
    peppers: tuple[Pepper, ...] = ()
    breach_range_url: str | None = None
    """A k-anonymous range service, as Have I Been Pwned has; asked beside the offline filter."""
    schemes: tuple[str, ...] = ()
    """Own verifiers of hashes that come from elsewhere, as `package.module.Class`."""


class SignUp(_Closed):
    """Who may create an account, and how an address is shown to be theirs."""

    mode: Literal["open", "invite", "closed"] = "open"
    verify: Literal["link", "code"] = "code"
    fields: tuple[ProfileField, ...] = ()
    """Further fields of a person's profile that sign-up asks for."""


class Sessions(_Closed):
    """How long a sign-in lasts."""

    lifetime: timedelta = timedelta(hours=12)
    idle: timedelta = timedelta(hours=2)
    remembered: timedelta = timedelta(days=30)
    trusted_device: timedelta = timedelta(days=30)
    """How long a device is spared the second factor when its owner has asked for that."""


class Webhooks(_Closed):
    """Where events may be sent, and how often that is tried."""

    allow: tuple[str, ...] = ()
    """Networks that are not public and may be sent to all the same, such as `10.0.0.0/8`."""
    attempts: int = Field(default=12, ge=1, le=100)
    first_retry_s: float = Field(default=10.0, gt=0, le=3600)
    """The wait after the first attempt; it doubles with each, up to two hours."""

    @field_validator("allow")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            ip_network(one)  # raises ValueError, which says what is wrong
        return value


class GateSettings(_Closed):
    """What an attempt beyond its budget has to do, and how large budgets are."""

    work: Literal["sha256", "argon2id"] = "sha256"
    generous: int = Field(default=1, ge=1, le=10_000)
    """So many times the usual budgets: for a school, say, whose people share one address."""
    tolerated: int = Field(default=60, ge=1, le=1_000_000)
    """So many wrong guesses a minute, at all accounts together, are nobody's attack."""


Scope = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.:/-]{0,59}$")]
GrantType = Literal["authorization_code", "refresh_token", "client_credentials", "device_code"]


class Application(_Closed):
    """An application whose people sign in here; its key in the file is its client id."""

    name: str = Field(default="", max_length=100)
    """What people are told that it is called."""
    colour: str = Field(default="", pattern=r"^(#[0-9a-fA-F]{6})?$")
    """The colour of the page that people come to from it; the service's own where it is empty."""
    redirect: tuple[str, ...] = ()
    """Where they are sent back to, each to the letter."""
    signed_out: tuple[str, ...] = ()
    """Where they may be sent after signing out."""
    secret: SecretStr = SecretStr("")
    """32 characters or more; without one it is a public client, as an application of a phone is."""
    pkce: bool = True
    """False for one that has a secret and cannot do PKCE: its codes are not bound to browsers."""
    grants: tuple[GrantType, ...] = ("authorization_code", "refresh_token")
    """How it gets tokens."""
    scopes: tuple[Scope, ...] = ()
    """What it may ask for beside openid, profile, email and offline_access."""
    audience: tuple[str, ...] = ()
    """Other applications that take its access tokens, by their client ids."""
    roles: tuple[Annotated[str, Field(pattern=ROLE)], ...] = ()
    everyone: tuple[str, ...] = ()
    """The roles that everybody has from their first sign-in to it."""
    members_only: bool = False
    """Whether only who was registered by an administrator gets in."""
    first_party: bool = False
    """Whether it is the team's own: nobody is asked whether it may know who they are."""
    second_factor: bool = False
    """Whether everybody shows a second factor before they get in."""
    own_form: bool = False
    """Whether its server may sign people in by a form of its own, with its secret."""
    lifetime: timedelta | None = Field(default=None, gt=timedelta(0), le=400 * DAY)
    """How long somebody stays signed in to it; as long as here where it is not said."""
    idle: timedelta | None = Field(default=None, gt=timedelta(0), le=400 * DAY)
    """How long they stay so without being there."""
    access_token: timedelta = Field(default=10 * MINUTE, ge=MINUTE, le=60 * MINUTE)
    """How long an access token is good for: so long may somebody locked still act."""

    def lives(self, sessions: Sessions) -> timedelta:
        """How long a sign-in to it lasts at most."""
        return self.lifetime or sessions.remembered

    def rests(self, sessions: Sessions) -> timedelta:
        """How long a sign-in to it lasts unused."""
        return min(self.idle or self.lives(sessions), self.lives(sessions))

    @field_validator("redirect", "signed_out")
    @classmethod
    def _are_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            parts = urlsplit(one)
            is_local = parts.scheme == "http" and parts.hostname in LOCAL_NAMES
            if not (parts.scheme == "https" or is_local) or not parts.hostname or parts.username:
                raise ValueError(f"{one}: write https://, a name and a path")
            if parts.fragment or "*" in one or not one.isprintable() or " " in one:
                raise ValueError(
                    f"{one}: no fragment, no *, no space: it is compared to the letter"
                )
        return value

    @model_validator(mode="after")
    def _makes_sense(self) -> Application:
        if "authorization_code" in self.grants and not self.redirect:
            raise ValueError("redirect: say where its people are sent back to")
        for scope in (*STANDARD_SCOPES, OFFLINE):
            if scope in self.scopes:
                raise ValueError(f"scopes: {scope} is there for everybody: leave it out")
        if not self.pkce and not self.secret.get_secret_value():
            raise ValueError("pkce: only what has a secret goes without")
        if "client_credentials" in self.grants and not self.secret.get_secret_value():
            raise ValueError("grants: client_credentials needs a secret")
        if 0 < len(self.secret.get_secret_value()) < LEAST_CLIENT_SECRET:
            raise ValueError(f"secret: at least {LEAST_CLIENT_SECRET} characters, made by chance")
        if self.own_form and not self.secret.get_secret_value():
            raise ValueError("own_form: only for what has a secret: its server alone may ask")
        if self.own_form and not self.first_party:
            raise ValueError("own_form: only for your own: first_party = true")
        unknown = sorted(set(self.everyone) - set(self.roles))
        if unknown:
            raise ValueError(f"everyone: {unknown[0]} is none of the roles")
        return self

    @property
    def origins(self) -> frozenset[str]:
        """Where its pages are."""
        found = (urlsplit(one) for one in (*self.redirect, *self.signed_out))
        return frozenset(f"{parts.scheme}://{parts.netloc}" for parts in found)


class Channel(_Closed):
    """A way beside mail to reach people: SMS, or a push service."""

    url: SecretStr
    """A URL of apprise, with `{to}` where the number belongs."""
    field: ProfileField = "phone"
    """The field of a person's profile that holds their number."""

    @field_validator("url")
    @classmethod
    def _leads_to_somebody(cls, value: SecretStr) -> SecretStr:
        if "{to}" not in value.get_secret_value():
            raise ValueError("write {to} where the number belongs")
        return value


class Support(_Closed):
    """How many people an agent of the support desk looks at in an hour, and how they are reached.

    Each person counts once in an hour.
    """

    views_an_hour: int = Field(default=60, ge=1, le=100_000)
    """So many people are opened; more are refused until the hour has passed."""
    looks_an_hour: int = Field(default=600, ge=1, le=1_000_000)
    """So many are seen, opened or in a list; more are refused."""
    alert_at: int = Field(default=500, ge=1, le=1_000_000)
    """From so many on, every administrator is told."""
    mails_an_hour: int = Field(default=20, ge=1, le=10_000)
    """So many codes and resets an agent has sent to people."""
    channels: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,19}$")], Channel] = Field(
        default_factory=dict, max_length=10
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> Support:
        if self.alert_at > self.looks_an_hour:
            raise ValueError("alert_at: no agent sees so many: it is more than looks_an_hour")
        if "mail" in self.channels:
            raise ValueError("channels: mail is there without one: call it otherwise")
        return self


ClientId = Annotated[str, Field(pattern=CLIENT_ID)]


class Look(_Closed):
    """What the pages are called and coloured."""

    name: str = Field(default="Holdfast", min_length=1, max_length=60)
    colour: str = Field(default="#1f5fbf", pattern=r"^#[0-9a-fA-F]{6}$")
    languages: tuple[Literal["en", "de"], ...] = ("en", "de")


class Configuration(_Closed):
    """Everything that the service is told from outside."""

    origin: str = DEFAULT_ORIGIN
    """Where browsers reach it: scheme, name and port. Links in mails are made from it."""
    listen: str = "127.0.0.1:8400"
    data: Path = Path("accounts-data")
    """A private folder: the database of SQLite, the secret key, the outbox."""
    database: SecretStr = SecretStr("")
    """`postgresql://…` or `mysql://…`; SQLite in the data folder where it is empty."""
    cache: SecretStr = SecretStr("")
    """`redis://…`; each worker counts for itself where it is empty."""
    mail: SecretStr = SecretStr("")
    """`smtp://…`, `smtps://…` or `smtp+starttls://…`; the local outbox where it is empty."""
    sender: str = "accounts@localhost"
    workers: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, le=64)
    debug: bool = False
    proxies: int = Field(default=0, ge=0, le=5)
    """How many reverse proxies stand in front; that many entries of X-Forwarded-For are theirs."""
    passwords: Passwords = Passwords()
    sign_up: SignUp = SignUp()
    sessions: Sessions = Sessions()
    look: Look = Look()
    gate: GateSettings = GateSettings()
    webhooks: Webhooks = Webhooks()
    support: Support = Support()
    applications: dict[ClientId, Application] = Field(default_factory=dict)

    @field_validator("origin")
    @classmethod
    def _is_origin(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise ValueError("write scheme and name, as in https://accounts.example.com")
        if parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError("nothing may follow the name and the port")
        return f"{parts.scheme}://{parts.netloc}".lower()

    @field_validator("listen")
    @classmethod
    def _is_listener(cls, value: str) -> str:
        host, colon, port = value.rpartition(":")
        if not (colon and host and port.isdecimal() and 0 < int(port) < 65536):
            raise ValueError("write address and port, as in 127.0.0.1:8400")
        return value

    @field_validator("applications")
    @classmethod
    def _are_told_apart(cls, value: dict[str, Application]) -> dict[str, Application]:
        """Not every database tells capital letters from small ones."""
        folded: dict[str, str] = {}
        for name in value:
            other = folded.setdefault(name.lower(), name)
            if other != name:
                raise ValueError(f"{other} and {name} differ in capital letters only: rename one")
        return value

    @model_validator(mode="after")
    def _is_safe(self) -> Configuration:
        problems = [*self._dangers(), *self._strangers()]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def hostname(self) -> str:
        return urlsplit(self.origin).hostname or ""

    @property
    def local(self) -> bool:
        """Whether only this machine's own browsers can reach it: a place to try things out."""
        return self.hostname in LOCAL_NAMES

    def _strangers(self) -> Iterator[str]:
        """Applications that are named by others and are not there."""
        for name, known in self.applications.items():
            for other in known.audience:
                if other not in self.applications:
                    yield f"applications.{name}.audience: {other} is none of the applications"

    def _dangers(self) -> Iterator[str]:
        """What would be unsafe once others reach the service, each with its mend."""
        if self.local:
            if self.listen.rpartition(":")[0].strip("[]") not in LOCAL_NAMES:
                yield (
                    f"listen: {self.listen} is reachable by others while origin is {self.origin}: "
                    "name the origin that browsers use, as in https://accounts.example.com"
                )
            return
        if not self.origin.startswith("https://"):
            yield f"origin: {self.origin} is in clear: put TLS in front, and write https://"
        if self.debug:
            yield "debug: shows secrets to visitors: remove it, or use a local origin"
        if not self.mail.get_secret_value():
            yield "mail: nobody would get a mail: name a server, as in smtp://localhost:25"


def load(
    path: Path | None, given: dict[str, object], reveal: Callable[[str, str], str]
) -> Configuration:
    """Read the file, lay what the command line gave over it, and check the whole.

    Each text of the file that stands where a secret belongs goes through `reveal(key, text)`, which
    returns what a reference stands for. Raises ConfigurationError, with a line for each problem.
    """
    values: dict[str, object] = {}
    if path is not None:
        try:
            with path.open("rb") as file:
                values = tomllib.load(file)
        except tomllib.TOMLDecodeError as error:
            raise ConfigurationError(f"{path}: {error}") from None
    _reveal(values, reveal)
    try:
        return Configuration.model_validate(values | given)
    except ValidationError as error:
        where = str(path) if path is not None else "the command line"
        lines = []
        for problem in error.errors(include_url=False, include_input=False, include_context=False):
            key = ".".join(str(part) for part in problem["loc"])
            message = problem["msg"].removeprefix("Value error, ")
            lines += [f"{where}: {key + ': ' if key else ''}{part}" for part in message.split("; ")]
        raise ConfigurationError("\n".join(lines)) from None


def _reveal(values: dict[str, Any], reveal: Callable[[str, str], str]) -> None:
    for name in SECRETS:
        if isinstance(values.get(name), str):
            values[name] = reveal(name, values[name])
    applications = values.get("applications")
    for name, known in applications.items() if isinstance(applications, dict) else ():
        if isinstance(known, dict) and isinstance(known.get("secret"), str):
            known["secret"] = reveal(f"applications.{name}.secret", known["secret"])
    support = values.get("support")
    channels = support.get("channels") if isinstance(support, dict) else None
    for name, known in channels.items() if isinstance(channels, dict) else ():
        if isinstance(known, dict) and isinstance(known.get("url"), str):
            known["url"] = reveal(f"support.channels.{name}.url", known["url"])
    passwords = values.get("passwords")
    peppers = passwords.get("peppers") if isinstance(passwords, dict) else None
    for pepper in peppers if isinstance(peppers, list) else ():
        if isinstance(pepper, dict) and isinstance(pepper.get("key"), str):
            pepper["key"] = reveal("passwords.peppers.key", pepper["key"])


_current: Configuration | None = None


def use(configuration: Configuration) -> None:
    """Say how the service of this process is run; before Django reads its settings."""
    global _current
    _current = configuration


def said() -> bool:
    """Whether anybody has said how the service is run; a type checker only reads its settings."""
    return _current is not None


def current() -> Configuration:
    """How the service of this process is run; the defaults where nobody has said."""
    return _current or Configuration()
