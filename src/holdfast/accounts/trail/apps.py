"""The Django app of the trail."""

from django.apps import AppConfig


class Trail(AppConfig):
    name = "holdfast.accounts.trail"
    label = "trail"

    def ready(self) -> None:
        from holdfast.accounts.trail import events

        events.follow()
