"""The Django app of the gate."""

from django.apps import AppConfig


class GateApp(AppConfig):
    name = "holdfast.accounts.gate"
    label = "gate"

    def ready(self) -> None:
        from allauth.account.signals import login_code_rejected, user_logged_in
        from allauth.mfa.signals import authentication_failed
        from django.contrib.auth.signals import user_login_failed

        from holdfast.accounts.gate import outcome

        for signal in (login_code_rejected, authentication_failed, user_login_failed):
            signal.connect(outcome.was_wrong, dispatch_uid="a guess was wrong")
        user_logged_in.connect(outcome.is_in, dispatch_uid="this device is known")
