"""The Django app of applications."""

from django.apps import AppConfig


class ApplicationsApp(AppConfig):
    name = "holdfast.accounts.applications"
    label = "applications"
