"""The Django app of the console."""

from django.apps import AppConfig


class Console(AppConfig):
    name = "holdfast.accounts.console"
    label = "console"

    def ready(self) -> None:
        from holdfast.accounts.console import (  # noqa: F401 - they register
            applications,
            connections,
            gate,
            people,
            running,
        )
