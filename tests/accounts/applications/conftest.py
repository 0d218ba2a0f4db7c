"""What the tests of applications share: each module runs a `service` of its own."""

from __future__ import annotations

import pytest

from accounts.applications.asking import Client
from accounts.service import Browser, Service, visitors

fresh = visitors(68)


@pytest.fixture(scope="module")
def ann(service: Service) -> Browser:
    """Somebody who is signed in there."""
    browser = fresh(service)
    browser.join("ann@example.org")
    return browser


@pytest.fixture
def client(service: Service) -> Client:
    return Client(service)
