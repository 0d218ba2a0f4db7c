"""Django for the tests of a process: set up once, on a database of its own; each test undone."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.accounts import starting
from holdfast.accounts.configuration import Argon2, Configuration, Passwords

CHEAP = Argon2(memory_kib=7 * 1024, passes=1)
FOLDER = Path(tempfile.mkdtemp(prefix="holdfast-accounts-"))


def _begin() -> None:
    """Test modules import models, so this is done before they are read."""
    umask = os.umask(0o077)
    handlers, level = logging.root.handlers[:], logging.root.level
    try:
        starting.start(Configuration(data=FOLDER / "data", passwords=Passwords(argon2=CHEAP)))
        starting.migrate()
    finally:
        os.umask(umask)
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)


_begin()


def pytest_unconfigure() -> None:
    """Remove the database with its folder."""
    shutil.rmtree(FOLDER, ignore_errors=True)


@pytest.fixture
def database() -> Iterator[None]:
    """Let a test write to the database; all of it is taken back."""
    from django.db import transaction

    with transaction.atomic():
        yield
        transaction.set_rollback(True)
