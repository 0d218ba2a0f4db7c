"""Telephones and the like: messages by apprise, to what a person's profile holds.

A channel's URL holds secrets, so nothing that apprise itself would log of it is logged.
"""

from __future__ import annotations

import functools
import logging
import re
import warnings
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from django.conf import settings

from holdfast.accounts.configuration import Channel, Configuration, ConfigurationError

if TYPE_CHECKING:  # the settings read this before there are models
    from holdfast.accounts.people.models import Person

log = logging.getLogger(__name__)
TO = "{to}"
NUMBER = re.compile(r"\+?[A-Za-z0-9][A-Za-z0-9._-]{2,63}")
"""A number, or what a push service calls somebody: nothing that has a meaning in a URL."""
SAMPLE = "+15550100123"


def check(configuration: Configuration) -> None:
    """Raise ConfigurationError where a channel's URL is none that apprise knows."""
    for name, channel in configuration.support.channels.items():
        if _opened(channel, SAMPLE) is None:
            raise ConfigurationError(
                f"support.channels.{name}.url: apprise does not know that: see the forms of its "
                f"services, and write {TO} where the number belongs"
            )


def of(person: Person) -> list[str]:
    """Return the channels that lead to a person."""
    return [name for name in settings.HOLDFAST.support.channels if _number(name, person)]


def send(name: str, person: Person, title: str, text: str) -> bool:
    """Send somebody a message; return whether it was taken. It takes some seconds at most."""
    number = _number(name, person)
    service = _opened(settings.HOLDFAST.support.channels[name], number) if number else None
    try:
        taken = service is not None and bool(service.notify(body=text, title=title))
    except Exception as error:  # of whichever service: it may say what was sent
        log.warning("a message was not sent", extra={"reason": type(error).__name__})
        return False
    if not taken:
        log.warning("a message was not sent", extra={"channel": name})
    return taken


def _number(name: str, person: Person) -> str:
    held = person.profile.get(settings.HOLDFAST.support.channels[name].field, "")
    number = re.sub(r"[ ()/-]", "", held) if isinstance(held, str) else ""
    return number if NUMBER.fullmatch(number) else ""


def _opened(channel: Channel, number: str) -> Any:
    """Return apprise's service, or None where the URL is none."""
    apprise = _apprise()
    url = channel.url.get_secret_value().replace(TO, quote(number, safe=""))
    return apprise.Apprise.instantiate(url, asset=apprise.AppriseAsset(app_id="Holdfast"))


@functools.cache
def _apprise() -> Any:
    """Import apprise, which is large, for who needs it; it logs nothing, since it would tell URLs.

    It loads its plug-ins at first use; what old modules of theirs warn of is not ours to mend.
    """
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import apprise

        apprise.Apprise.instantiate("json://localhost")
    return apprise
