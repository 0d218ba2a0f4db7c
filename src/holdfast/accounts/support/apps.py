"""The Django app of the support desk."""

from django.apps import AppConfig


class Support(AppConfig):
    name = "holdfast.accounts.support"
    label = "support"
