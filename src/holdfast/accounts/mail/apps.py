"""The Django app of mail: the queue of what is to be sent."""

from django.apps import AppConfig


class Mail(AppConfig):
    name = "holdfast.accounts.mail"
    label = "mail"
