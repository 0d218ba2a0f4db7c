"""What the API takes: allauth's inputs, held to what the pages' forms hold people to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from allauth.headless.account import inputs as allauth
from allauth.headless.internal.restkit.inputs import CharField, Input

from holdfast.accounts.headless import asking
from holdfast.accounts.people.flows.mailed_code import MailedCodeForm
from holdfast.accounts.people.forms import LONGEST_PASSWORD
from holdfast.accounts.people.sign_up import SignUpForm


class SignInInput(allauth.LoginInput):
    """What is no address takes the way, and the time, of one that nobody has."""

    username = CharField(required=False)
    email = CharField(required=False)
    password = CharField(strip=False)

    def __init__(self, data: Mapping[str, str], **kwargs: Any) -> None:
        name = asking.login(data)
        field = "email" if "@" in name else "username"
        super().__init__({field: name, "password": data.get("password", "")}, **kwargs)


class CodeInput(MailedCodeForm, Input):
    """A mailed code, as the page takes it."""


class SignUpInput(SignUpForm, Input):
    """The page's form; the API calls its `password1` a `password`."""

    def __init__(self, data: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__({**data, "password1": data.get("password", "")}, **kwargs)

    def full_clean(self) -> None:
        super().full_clean()
        if self._errors and "password1" in self._errors:
            self._errors["password"] = self._errors.pop("password1")


class ResetInput(allauth.ResetPasswordInput):
    """A new password, never stripped."""

    password = CharField(strip=False, max_length=LONGEST_PASSWORD)
