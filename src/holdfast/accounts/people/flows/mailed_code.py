"""Codes by mail, to sign in with or for a step-up: asked for again, the same one is sent again.

Strangers may ask for codes of somebody. If each had one of its own, a mailbox would fill with them,
and their owner would type one that is old. So a code follows from the address and the time, and is
the same for whoever asks within that time; it counts once, in whichever browser.
"""

from __future__ import annotations

import hmac
import time

from allauth.account.forms import ConfirmLoginCodeForm
from django.core.exceptions import ValidationError

from holdfast.accounts import sealed
from holdfast.accounts.people.embedded_cache import is_spent, spend
from holdfast.accounts.people.names import folded_address

SAME_FOR_S = 600
MOST_A_TIME = 5
LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
"""Without vowels and what looks alike: RFC 8628, section 6.1."""
LENGTH = 8
SIGN_IN, STEP_UP = "sign-in", "step-up"


def code_for(email: str, ago: int = 0, purpose: str = SIGN_IN) -> str:
    """Return the code that whoever asks for one for this address is sent now, or was then.

    `ago` counts times of SAME_FOR_S. A code is good for one purpose alone.
    """
    period = int(time.time() // SAME_FOR_S) - ago
    codes = (_code(email, period, number, purpose) for number in range(MOST_A_TIME))
    return next((code for code in codes if not is_spent(_name(email, code))), "") or _code(
        email, period, MOST_A_TIME, purpose
    )


def take(email: str, typed: str, purpose: str) -> bool:
    """Whether this is the code of now or of the time before; it is good once."""
    for ago in (0, 1):
        code = code_for(email, ago, purpose)
        if hmac.compare_digest(_plain(typed), _plain(code)):
            return spend(_name(email, code))
    return False


def _code(email: str, period: int, number: int, purpose: str) -> str:
    told = f"{purpose}:{period}:{number}:{email}".encode()
    drawn = int.from_bytes(hmac.digest(sealed.key("mailed code"), told, "sha256"))
    letters = ""
    for _ in range(LENGTH):
        drawn, place = divmod(drawn, len(LETTERS))
        letters += LETTERS[place]
    return f"{letters[:4]}-{letters[4:]}"


def _name(email: str, code: str) -> str:
    return f"mailed code {email} {code}"


class MailedCodeForm(ConfirmLoginCodeForm):
    """allauth's form; a code that was right once is wrong the next time."""

    def clean_code(self) -> str:
        """The code of the time before is as good: the mail with this one may not have been sent,
        since others had asked so often just before.
        """
        from allauth.account.adapter import get_adapter
        from allauth.account.internal.stagekit import unstash_login
        from allauth.core import context

        login = unstash_login(context.request, peek=True)
        email = folded_address(login.email) if login is not None and login.email else ""
        if login is not None and login.user is not None and email:
            before = code_for(email, ago=1)
            if hmac.compare_digest(_plain(self.cleaned_data.get("code")), _plain(before)):
                self.expected_code = before
        code: str = super().clean_code()
        if not spend(_name(email, self.expected_code)):
            wrong: ValidationError = get_adapter().validation_error("incorrect_code")
            raise wrong
        return code


def _plain(code: object) -> bytes:
    """A code as it is compared, however it was typed."""
    return "".join(one for one in str(code).upper() if one in LETTERS).encode()
