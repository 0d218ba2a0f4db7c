"""The Django app of search."""

from django.apps import AppConfig


class Search(AppConfig):
    name = "holdfast.accounts.search"
    label = "search"

    def ready(self) -> None:
        from holdfast.accounts.search import rows

        rows.follow()
