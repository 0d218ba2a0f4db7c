"""The Django app of people: who they are, how they sign in, what is theirs."""

from django.apps import AppConfig


class People(AppConfig):
    name = "holdfast.accounts.people"
    label = "people"

    def ready(self) -> None:
        from allauth.account.signals import email_confirmed, user_logged_in, user_signed_up
        from allauth.usersessions import signals as allauth_sessions

        from holdfast.accounts.people import handles, invitations, sessions
        from holdfast.accounts.people.flows import proving

        handles.follow_addresses()
        user_logged_in.disconnect(allauth_sessions.on_user_logged_in)
        user_logged_in.connect(sessions.began, dispatch_uid="a session is somebody's")
        email_confirmed.connect(proving.by_code, dispatch_uid="an account is proven")
        user_signed_up.connect(invitations.used, dispatch_uid="an invitation is used up")
