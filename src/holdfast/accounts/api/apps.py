"""The Django app of the management API."""

from django.apps import AppConfig


class Api(AppConfig):
    name = "holdfast.accounts.api"
    label = "api"
