"""The Django app of people: who they are, how they sign in, what is theirs."""

from django.apps import AppConfig


class People(AppConfig):
    name = "holdfast.accounts.people"
    label = "people"

    def ready(self) -> None:
        from allauth.account.signals import user_signed_up

        from holdfast.accounts.people import handles, invitations

        handles.follow_addresses()
        user_signed_up.connect(invitations.used, dispatch_uid="an invitation is used up")
