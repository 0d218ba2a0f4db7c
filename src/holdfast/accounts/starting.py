"""From a configuration to a service that can answer: Django is told, the database is brought up."""

from __future__ import annotations

import os

from holdfast.accounts.configuration import Configuration, ConfigurationError, use


def start(configuration: Configuration) -> None:
    """Tell Django how the service is run, and load it. Raises ConfigurationError."""
    os.umask(0o077)  # the database and what stands beside it are nobody else's
    use(configuration)
    os.environ["DJANGO_SETTINGS_MODULE"] = "holdfast.accounts.settings"
    import django

    django.setup()


def migrate() -> None:
    """Bring the database to what this version needs. Raises ConfigurationError."""
    from django.core.management import call_command
    from django.db import DatabaseError

    from holdfast.accounts.applications.configured import bring

    try:
        call_command("migrate", interactive=False, verbosity=0)
        bring()
    except DatabaseError as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigurationError(
            f"database: it cannot be used: {reason:.200}: start it, or mend its URL"
        ) from None
