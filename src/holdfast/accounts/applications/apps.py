"""The Django app of applications."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig


class ApplicationsApp(AppConfig):
    name = "holdfast.accounts.applications"
    label = "applications"

    def ready(self) -> None:
        """Have sign-ins to applications end with what they came from."""
        from allauth.account import signals as account
        from django.contrib.auth.signals import user_logged_out

        from holdfast.accounts.applications import grants
        from holdfast.accounts.people import sessions

        def left(sender: object, request: Any, **rest: Any) -> None:
            grants.end_of_session(request.session.session_key or "")

        def ended(sender: object, session_key: str, **rest: Any) -> None:
            grants.end_of_session(session_key)

        def everywhere(sender: object, person: Any, **rest: Any) -> None:
            grants.end_all(person)

        def changed(sender: object, user: Any, **rest: Any) -> None:
            grants.end_all(user)

        user_logged_out.connect(left, weak=False, dispatch_uid="applications: signed out")
        sessions.ended.connect(ended, weak=False, dispatch_uid="applications: session ended")
        sessions.ended_everywhere.connect(everywhere, weak=False, dispatch_uid="applications: all")
        for signal in (account.password_changed, account.password_set, account.password_reset):
            signal.connect(changed, weak=False, dispatch_uid="applications: another password")
