"""The pages of the controls are what the code says; `make docs` writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.report.control_pages import DEVIATIONS, FOLDER, MARK, deviations, pages, write
from holdfast.servers.catalogue import all_controls
from report.reporting import control

DOCS = Path(__file__).parents[2] / "docs"
RENEW = "the controls say something else: run `make docs` and commit what it writes"
PAGES = pages(all_controls())


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_what_the_code_says(name: str) -> None:
    page = DOCS / FOLDER / name
    assert page.exists(), RENEW
    assert page.read_text(encoding="utf-8") == PAGES[name], RENEW


def test_no_page_is_of_a_control_that_is_gone() -> None:
    assert {page.name for page in (DOCS / FOLDER).iterdir()} == set(PAGES), RENEW


def test_the_page_of_deviations_says_what_the_code_says() -> None:
    text = (DOCS / DEVIATIONS).read_text(encoding="utf-8")
    assert text == deviations(text, all_controls()), RENEW


def test_what_is_written_by_hand_stays() -> None:
    text = deviations(f"# By hand\n\n{MARK}\n\nold", [control("a.b", deviates="Not so.")])
    assert text.startswith("# By hand\n")
    assert "### [a.b](controls/a.b.md) (G1.2)\n\nNot so.\n" in text
    assert "old" not in text


def test_a_control_that_follows_its_source_is_no_deviation() -> None:
    assert "a.b" not in deviations("", [control("a.b")])


def test_writing_removes_the_page_of_a_control_that_is_gone(tmp_path: Path) -> None:
    (tmp_path / DEVIATIONS).write_text("# By hand\n")
    write(tmp_path, [control("a.b"), control("c.d")])
    write(tmp_path, [control("c.d")])
    assert {page.name for page in (tmp_path / FOLDER).iterdir()} == {"README.md", "c.d.md"}


def test_writing_twice_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / DEVIATIONS).write_text("# By hand\n")
    write(tmp_path, all_controls())
    once = {page: page.read_text() for page in tmp_path.rglob("*.md")}
    write(tmp_path, all_controls())
    assert {page: page.read_text() for page in tmp_path.rglob("*.md")} == once


def test_a_bar_within_a_text_does_not_break_a_table() -> None:
    assert "a \\| title" in pages([control("a.b", title="a | title")])["README.md"]
