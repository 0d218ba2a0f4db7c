"""Every text of our own has its German; the compiled file is of the same state."""

from __future__ import annotations

import gettext
import re
from pathlib import Path

import holdfast.accounts

FOLDER = Path(holdfast.accounts.__file__).parent / "locale/de/LC_MESSAGES"


def texts() -> dict[str, str]:
    """The messages of the source file, by their English."""
    found = {}
    for block in (FOLDER / "django.po").read_text().split("\n\n")[1:]:
        match = re.search(r'msgid ((?:".*"\n)+)msgstr ((?:".*"\n?)+)', block)
        if match:
            english, german = (
                "".join(line.strip()[1:-1] for line in part.strip().split("\n"))
                for part in match.groups()
            )
            found[english] = german
    return found


def test_nothing_is_left_in_english() -> None:
    assert [english for english, german in texts().items() if not german] == []
    assert len(texts()) > 90


def test_placeholders_are_the_same() -> None:
    for english, german in texts().items():
        assert set(re.findall(r"%\(\w+\)\w", english)) == set(re.findall(r"%\(\w+\)\w", german))


def test_what_is_shown_is_what_stands_in_the_source() -> None:
    with (FOLDER / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for english, german in texts().items():
        assert compiled.gettext(english.replace('\\"', '"')) == german.replace('\\"', '"')
