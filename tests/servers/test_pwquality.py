"""libpwquality's rules, read as libpwquality reads them, and our own piece of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.servers.pwquality import (
    FILE,
    FLAGS,
    FOLDER,
    LONGEST_LINE,
    MAIN,
    NUMBERS,
    TEXTS,
    combined,
    parse,
    read_after_ours,
    refused,
    render,
    too_long,
)

LONG = ["badwords = " + "x" * LONGEST_LINE, "# " + "x" * LONGEST_LINE, "# " + "é" * 511]
EARLY, LATE = f"{FOLDER}/00-a.conf", f"{FOLDER}/99-z.conf"

words = st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8), min_size=1)
options = (
    st.dictionaries(st.sampled_from(sorted(NUMBERS)), st.integers(-999, 999).map(str))
    | st.dictionaries(st.sampled_from(sorted(TEXTS)), words.map(" ".join))
    | st.dictionaries(st.sampled_from(sorted(FLAGS)), st.just(""))
)


@given(options)
def test_options_are_read_back_as_they_were_written(held: dict[str, str]) -> None:
    assert parse(render(held)) == held


@given(options)
def test_what_we_write_is_read_to_its_end(held: dict[str, str]) -> None:
    text = render(held)
    assert refused({FILE: text}) is None or any(map(too_long, text.split("\n")))


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ("minlen = 8", {"minlen": "8"}),
        ("minlen=8", {"minlen": "8"}),
        ("minlen 8", {"minlen": "8"}),
        ("  MinLen\t=\t8\t# eight\r", {"minlen": "8"}),
        ("ocredit = -1", {"ocredit": "-1"}),
        ("badwords = one two", {"badwords": "one two"}),
        ("badwords=", {"badwords": ""}),
        ("enforce_for_root", {"enforce_for_root": ""}),
        ("minlen = 8\nminlen = 9", {"minlen": "9"}),
        ("# minlen = 8", {}),
        ("# a\u2028minlen = 8", {}),
        ("minlen == 8", {}),
        ("badwords == a", {"badwords": "= a"}),
        ("", {}),
    ],
)
def test_a_line_is_read_as_libpwquality_reads_it(line: str, read: dict[str, str]) -> None:
    assert parse(line) == read


# How the pieces come together


def test_files_are_read_by_their_names_and_the_main_one_last() -> None:
    texts = {MAIN: "minlen = 4", LATE: "minlen = 3\ndifok = 3", EARLY: "minlen = 1\nretry = 1"}
    assert combined(texts, ()) == {"minlen": "4", "difok": "3", "retry": "1"}


def test_an_argument_counts_over_every_file() -> None:
    assert combined({MAIN: "minlen = 4", FILE: "minlen = 5"}, ["MINLEN=6"]) == {"minlen": "6"}


def test_a_number_may_have_space_before_it_in_an_argument() -> None:
    assert combined({}, ["minlen= 6"]) == {"minlen": " 6"}


def test_the_last_of_two_arguments_counts() -> None:
    assert combined({}, ["minlen=6", "minlen=7"]) == {"minlen": "7"}


@pytest.mark.parametrize("argument", ["minlen=long", "minlen", "debug", "use_authtok", "type=UNIX"])
def test_an_argument_that_is_no_option_changes_nothing(argument: str) -> None:
    assert combined({MAIN: "minlen = 4"}, [argument]) == {"minlen": "4"}


def test_a_file_of_another_folder_is_not_read() -> None:
    assert combined({"/etc/security/limits.conf": "minlen = 4"}, ()) == {}


def test_what_is_read_after_ours_is_known() -> None:
    texts = dict.fromkeys((EARLY, FILE, LATE, MAIN), "")
    assert read_after_ours(texts) == [LATE, MAIN]


# Where the reading ends


@pytest.mark.parametrize(
    "line",
    ["unknown = 1", "minlen = x", "minlen", "minlen = 8 9", "= 8", "minlen = ١٥", *LONG],
)
def test_a_line_that_is_not_understood_ends_the_reading(line: str) -> None:
    texts = {EARLY: f"difok = 2\n{line}\nretry = 2", FILE: "minlen = 15", MAIN: "ucredit = -1"}
    assert refused(texts) == (EARLY, line)
    assert combined(texts, ["dcredit=-1"]) == {"difok": "2", "dcredit": "-1"}


def test_the_longest_line_is_read() -> None:
    line = "badwords = " + "x" * (LONGEST_LINE - len("badwords = "))
    assert refused({FILE: line}) is None


@given(st.dictionaries(st.sampled_from([EARLY, FILE, LATE, MAIN]), st.text()), st.lists(st.text()))
def test_no_text_breaks_the_reading(texts: dict[str, str], arguments: list[str]) -> None:
    held = combined(texts, arguments)
    assert set(held) <= NUMBERS | TEXTS | FLAGS
    assert all(isinstance(int(value), int) for key, value in held.items() if key in NUMBERS)
