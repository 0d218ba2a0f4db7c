"""The stores that the gate's tests run on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gate.kept import EACH, Kept, kept


@pytest.fixture(scope="session", params=EACH)
def store(request: pytest.FixtureRequest) -> Iterator[Kept]:
    with kept(request.param) as running:
        yield running
