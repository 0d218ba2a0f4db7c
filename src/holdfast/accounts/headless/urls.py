"""The routes that a form of one's own needs; what else allauth has is nowhere."""

from __future__ import annotations

from allauth.headless.constants import Client
from django.urls import path

from holdfast.accounts.headless import views
from holdfast.accounts.headless.admission import PREFIX

OFFERED: tuple[tuple[str, type[views.Offered], str], ...] = (
    ("config", views.Config, "headless_config"),
    ("auth/session", views.Session, "headless_session"),
    ("auth/login", views.SignIn, "headless_login"),
    ("auth/code/request", views.RequestCode, "headless_request_code"),
    ("auth/code/confirm", views.ConfirmCode, "headless_confirm_code"),
    ("auth/2fa/authenticate", views.Factor, "headless_authenticate"),
    ("auth/signup", views.SignUp, "headless_signup"),
    ("auth/email/verify", views.VerifyAddress, "headless_verify_email"),
    ("auth/password/request", views.RequestReset, "headless_request_password_reset"),
    ("auth/password/reset", views.Reset, "headless_reset_password"),
    ("auth/reauthenticate", views.Reauthenticate, "headless_reauthenticate"),
)
urlpatterns = [
    path(f"{PREFIX}app/v1/{route}", view.as_api_view(client=Client.APP), name=name)
    for route, view, name in OFFERED
]
