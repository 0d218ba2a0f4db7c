"""The Django app of connections."""

from django.apps import AppConfig


class Connections(AppConfig):
    name = "holdfast.accounts.connections"
    label = "connections"

    def ready(self) -> None:
        from allauth.account.signals import user_logged_in
        from allauth.socialaccount.signals import social_account_added, social_account_removed

        from holdfast.accounts.connections import linking

        user_logged_in.connect(linking.signed_in, dispatch_uid="an identity is linked")
        social_account_added.connect(linking.added, dispatch_uid="trail: identity.linked")
        social_account_removed.connect(linking.removed, dispatch_uid="trail: identity.unlinked")
