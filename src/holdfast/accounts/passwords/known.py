"""Makes the list of known passwords anew: `python -m holdfast.accounts.passwords.known`.

It is made of Django's list of common passwords (BSD 3-Clause) and zxcvbn's lists of passwords,
words and names (MIT): what has at least eight characters, the fewest that any policy takes.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import django.contrib.auth
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from holdfast.accounts.passwords import breached

SHORTEST = 8
DJANGOS = Path(django.contrib.auth.__file__).with_name("common-passwords.txt.gz")


def passwords() -> Iterator[str]:
    """Yield what becomes the list, some of it more than once."""
    with gzip.open(DJANGOS, "rt", encoding="utf-8") as lines:
        yield from (line.strip() for line in lines if len(line.strip()) >= SHORTEST)
    for words in FREQUENCY_LISTS.values():
        yield from (word for word in words if len(word) >= SHORTEST)


if __name__ == "__main__":
    Path(__file__).with_name(breached.FILE).write_bytes(breached.build(list(passwords())))
