"""The application that a WSGI server serves."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "holdfast.accounts.settings")
django = get_wsgi_application()

from holdfast.accounts.applications.direct import Direct  # noqa: E402 - Django is ready now

application = Direct(django)
