"""What a worker does beside requests goes on, whatever fails."""

from __future__ import annotations

import logging

import pytest
from django.db import DatabaseError

from holdfast.accounts import background


def test_work_says_how_much_it_did() -> None:
    assert background.attempt(lambda: 3, "not done") == 3
    assert background.attempt(lambda: None, "not done") == 0


@pytest.mark.parametrize("error", [DatabaseError("away"), ValueError("odd"), OSError("full")])
def test_whatever_fails_is_logged_and_ends_nothing(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> int:
        raise error

    with caplog.at_level(logging.ERROR):
        assert background.attempt(fail, "not done") == 0
    assert [record.message for record in caplog.records] == ["not done"]
