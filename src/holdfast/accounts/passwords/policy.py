"""Which passwords are good enough.

`nist`, the default, follows NIST SP 800-63B-4: length, and nothing that is guessed first; no rule
of composition. `compliance` is the guide's (G4.3): at least ten characters, with capitals, small
letters and something else. Both refuse what is known from breaches, one's own name, and what is
guessed first, as zxcvbn reckons. All look at the text as it is hashed (NFKC).
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from zxcvbn import zxcvbn

from holdfast.accounts.configuration import Configuration
from holdfast.accounts.passwords import breached
from holdfast.accounts.passwords.hashers import prepared

ALONE, BESIDE_A_FACTOR, COMPLIANCE, LONGEST = 15, 8, 10, 256
FEWEST_DIFFERENT = 5
SHORTEST_NAME = 4  # a shorter one stands in too many words by chance
FEWEST_GUESSES = 10**8  # as zxcvbn counts; its score 3, enough where each guess costs a hash
LONGEST_GUESSED = 32  # of a longer one the reckoning takes long, and finds little
_HERE = "holdfast.accounts.passwords.policy"


def validators(configuration: Configuration) -> list[dict[str, Any]]:
    """Return Django's list of validators."""
    length = {"nist": "Length", "compliance": "Composition"}[configuration.passwords.policy]
    return [{"NAME": f"{_HERE}.{name}"} for name in ("Text", length, "NotPersonal", "NotGuessed")]


def stands_alone(password: str) -> bool:
    """Whether a password is long enough without a second factor."""
    least = COMPLIANCE if settings.HOLDFAST.passwords.policy == "compliance" else ALONE
    return _length(password) >= least


def _length(password: str) -> int:
    """Count characters as typed; one that stands for a whole phrase (NFKC) is one."""
    return min(len(password), len(unicodedata.normalize("NFKC", password)))


def has_second_factor(user: Any) -> bool:
    """Whether somebody has a second factor that a short password may rely on."""
    if user is None or user._state.adding:
        return False
    from allauth.mfa.models import Authenticator

    factors = Authenticator.objects.filter(user=user)
    return bool(factors.exclude(type=Authenticator.Type.RECOVERY_CODES).exists())


class Validator:
    """What Django asks of one."""

    def get_help_text(self) -> str:
        return ""

    def validate(self, password: str, user: Any = None) -> None:
        """Raise ValidationError, which says the mend."""
        self.judge(unicodedata.normalize("NFKC", password), user)

    def judge(self, password: str, user: Any) -> None:
        """Do so for the text that is hashed."""
        raise NotImplementedError


class Text(Validator):
    """A password is text that every keyboard and every system takes, and no novel."""

    def validate(self, password: str, user: Any = None) -> None:
        if prepared(password) is None or "\0" in password:
            raise ValidationError(_("Leave out characters that no keyboard makes."), "no_text")
        if len(password) > LONGEST:
            raise ValidationError(
                _("Use at most %(most)d characters."), "too_long", {"most": LONGEST}
            )


class Length(Validator):
    """Long enough: fifteen characters, or eight beside a second factor."""

    def get_help_text(self) -> str:
        return _("At least %(least)d characters. Several words are easy to remember.") % {
            "least": ALONE
        }

    def validate(self, password: str, user: Any = None) -> None:
        length = _length(password)
        least = BESIDE_A_FACTOR if length < ALONE and has_second_factor(user) else ALONE
        if length < least:
            raise ValidationError(
                _("Use at least %(least)d characters: several words are easy to remember."),
                "too_short",
                {"least": least},
            )


class Composition(Validator):
    """The guide's rule, for those who are obliged to have one."""

    def get_help_text(self) -> str:
        return _("At least %(least)d characters: capitals, small letters, and something else.") % {
            "least": COMPLIANCE
        }

    def judge(self, password: str, user: Any) -> None:
        kinds = (
            any(letter.isupper() for letter in password),
            any(letter.islower() for letter in password),
            any(not letter.isalpha() for letter in password),
        )
        if len(password) < COMPLIANCE or not all(kinds):
            raise ValidationError(
                _(
                    "Use at least %(least)d characters, with a capital, a small letter, and a "
                    "digit or sign."
                ),
                "too_simple",
                {"least": COMPLIANCE},
            )


class NotPersonal(Validator):
    """Not what stands on one's own account, or is the name of the service."""

    def judge(self, password: str, user: Any) -> None:
        rest = text = password.casefold()
        for part in sorted(_personal(user), key=len, reverse=True):
            rest = rest.replace(part, "")
        if rest != text and len(rest) < BESIDE_A_FACTOR:
            raise ValidationError(
                _("Leave out your name, your address, and the name of this service."), "personal"
            )


def _personal(user: Any) -> Iterable[str]:
    """Yield what others know of somebody, and of where the account is."""
    chosen = settings.HOLDFAST
    texts = [chosen.look.name, chosen.hostname]
    for field in ("username", "name", "email"):
        texts.append(getattr(user, field, "") or "")
    for text in texts:
        whole = unicodedata.normalize("NFKC", text).casefold()
        parts = re.split(r"[\W_]+", whole)
        for part in {whole, "".join(parts), *parts}:
            if len(part) >= SHORTEST_NAME:
                yield part


class NotGuessed(Validator):
    """Not among what is guessed first: known passwords, words, patterns, and these joined."""

    def judge(self, password: str, user: Any) -> None:
        folded = password.casefold()
        if len(set(folded)) < FEWEST_DIFFERENT or _is_run(folded):
            raise ValidationError(_("Use more than one pattern: this is guessed first."), "pattern")
        if breached.is_known(password) or _repeats_known(folded):
            raise ValidationError(
                _("Others have used this password, and it became known. Choose another."), "known"
            )
        if len(password) <= LONGEST_GUESSED:
            reckoned = zxcvbn(password, user_inputs=sorted(_personal(user)))
            if reckoned["guesses"] < FEWEST_GUESSES:
                raise ValidationError(
                    _("This is guessed early: join several words that have nothing in common."),
                    "guessable",
                )


def _is_run(text: str) -> bool:
    """Whether each character follows from the one before, as in 23456789 or hgfedcba."""
    steps = {ord(after) - ord(before) for before, after in itertools.pairwise(text)}
    return len(steps) == 1 and abs(steps.pop()) <= 1


def _repeats_known(text: str) -> bool:
    """Whether it is one known password several times."""
    period = (text + text).find(text, 1)
    return period < len(text) and (period < BESIDE_A_FACTOR or breached.is_known(text[:period]))
