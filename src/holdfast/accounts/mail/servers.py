"""Where mail goes: into the queue for a server, or into the outbox of a place to try things out."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend

from holdfast.accounts.configuration import Configuration, ConfigurationError

TIMEOUT_S = 15
PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}


@dataclass(frozen=True)
class Server:
    """A mail server, and how to talk to it."""

    host: str
    port: int
    scheme: str
    user: str
    password: str

    @staticmethod
    def parse(url: str) -> Server:
        """Read `smtp://USER:PASSWORD@HOST:PORT`. Raises ConfigurationError, without the URL."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            port, parts = None, urlsplit("")
        if parts.scheme not in PORTS or not parts.hostname:
            raise ConfigurationError(f"mail: write one of {', '.join(PORTS)}, as in smtp://HOST:25")
        return Server(
            parts.hostname,
            port or PORTS[parts.scheme],
            parts.scheme,
            unquote(parts.username or ""),
            unquote(parts.password or ""),
        )

    def connection(self) -> BaseEmailBackend:
        """Return Django's connection to it."""
        return EmailBackend(
            host=self.host,
            port=self.port,
            username=self.user,
            password=self.password,
            use_tls=self.scheme == "smtp+starttls",
            use_ssl=self.scheme == "smtps",
            timeout=TIMEOUT_S,
        )


def backend(configuration: Configuration) -> str:
    """Return the dotted path of Django's mail backend."""
    url = configuration.mail.get_secret_value()
    if not url:
        return "holdfast.accounts.mail.outbox.OutboxBackend"
    Server.parse(url)
    return "holdfast.accounts.mail.queue.QueueBackend"
