"""What a person is called: names and addresses in the one form in which they are compared.

Names are ASCII, so that no letter of another script can pass for one of them; a name never holds
an `@` and an address always does, so that nobody's name can be another's address.
"""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator, validate_email
from django.utils.translation import gettext_lazy as _

LONGEST_NAME = 60
LONGEST_ADDRESS = 254  # RFC 5321: a path has 256 octets, its angle brackets included
RESERVED = frozenset({"admin", "administrator", "root", "support", "security", "holdfast", "me"})

VALIDATORS = [
    RegexValidator(
        re.compile(r"\A[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\Z"),
        _("Use letters from a to z, digits, and dots, dashes or underscores between them."),
        code="invalid_name",
    )
]


def folded_name(text: str) -> str:
    """Return a name as it is compared. Raises ValidationError for what is no name."""
    if not 2 <= len(text) <= LONGEST_NAME:
        raise ValidationError(
            _("A user name has %(least)d to %(most)d characters."),
            params={"least": 2, "most": LONGEST_NAME},
            code="invalid_name",
        )
    for validator in VALIDATORS:
        validator(text)
    return text.lower()


def folded_address(text: str) -> str:
    """Return an e-mail address as it is compared, and sent to. Raises ValidationError.

    The part before the `@` must be ASCII; a domain in another script takes its ASCII form
    (RFC 5891), which no other spelling has.
    """
    local, at, domain = text.strip().rpartition("@")
    try:
        folded = f"{local}@{domain.encode('idna').decode()}".lower() if at else ""
        folded.encode("ascii")
    except UnicodeError:
        folded = ""
    if not folded or len(folded) > LONGEST_ADDRESS:
        raise ValidationError(_("Enter a valid email address."), code="invalid")
    validate_email(folded)
    return folded


def folded(text: str) -> str:
    """Return what somebody signs in with as it is compared; "" for what nobody can have."""
    try:
        return folded_address(text) if "@" in text else folded_name(text)
    except ValidationError:
        return ""
