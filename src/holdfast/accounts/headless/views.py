"""What the API does: allauth's views, each behind the gate and for no more than one method or two.

A view of allauth looks at what was sent before it looks at the method: a guess by PUT is one too.
So the method comes first here.
"""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

from allauth.account.adapter import get_adapter
from allauth.headless.account import views as account
from allauth.headless.base import views as base
from allauth.headless.base.response import ForbiddenResponse
from allauth.headless.mfa import views as mfa
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed

from holdfast.accounts.gate import middleware as gate
from holdfast.accounts.gate import outcome
from holdfast.accounts.headless.inputs import CodeInput, ResetInput, SignInInput, SignUpInput


class Offered(base.APIView):
    """A view that the gate has let a request pass to."""

    methods: ClassVar[tuple[str, ...]] = ("POST",)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method not in self.methods:
            return HttpResponseNotAllowed(self.methods)
        answer: HttpResponse = gate.asked(request) or super().dispatch(request, *args, **kwargs)
        return answer


class Guess(Offered):
    """A view whose input is wrong unless what was guessed is right."""

    def handle_input(self, data: Any) -> HttpResponse | None:
        wrong: HttpResponse | None = super().handle_input(data)
        if wrong is None:
            outcome.is_right(self.request)
        return wrong


class Config(Offered, base.ConfigView):
    methods = ("GET",)


class Session(Offered, account.SessionView):
    methods = ("GET", "DELETE")


class SignIn(Offered, account.LoginView):
    """Of a password, what authenticates says whether it was right."""

    input_class = SignInInput


class RequestCode(Offered, account.RequestLoginCodeView):
    pass


class ConfirmCode(Guess, account.ConfirmLoginCodeView):
    input_class = CodeInput


class Factor(Guess, mfa.AuthenticateView):
    pass


class SignUp(Offered, account.SignupView):
    input_class: ClassVar[Any] = {"POST": SignUpInput}

    def handle(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Say that nobody may, where that is so, before anything tells which names are taken."""
        is_open = get_adapter(request).is_open_for_signup(request)
        answer: HttpResponse = (
            super().handle(request, *args, **kwargs) if is_open else ForbiddenResponse(request)
        )
        return answer


class VerifyAddress(Guess, account.VerifyEmailView):
    pass


class RequestReset(Offered, account.RequestPasswordResetView):
    pass


class Reset(Guess, account.ResetPasswordView):
    """allauth's own limit counts by an address alone, which an application could say of anybody."""

    input_class = ResetInput
    handle: ClassVar[Any] = inspect.unwrap(account.ResetPasswordView.handle)


class Reauthenticate(Guess, account.ReauthenticateView):
    pass
