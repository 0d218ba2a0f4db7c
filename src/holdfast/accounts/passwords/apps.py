"""The Django app of passwords: its words and its script."""

from django.apps import AppConfig


class Passwords(AppConfig):
    name = "holdfast.accounts.passwords"
    label = "passwords"
