from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.site.errors import KeyPath
from holdfast.site.places import line_of, places

AWKWARD = (Path(__file__).parent / "awkward.toml").read_text()


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 2),
        (("a", "b.c"), 4),
        (("a", "b.c", "d"), 5),
        (("a", "b.c", "d", "e"), 5),
        (("a", "b.c", 'f"'), 6),
        (("a", "b.c", "é"), 10),
        (("a", "b.c", "é", 0), 11),
        (("a", "b.c", "é", 1, 0), 12),
        (("a", "b.c", "é", 1, 1, "x"), 12),
        (("a", "b.c", "é", 1, 1, "y", "z", 0), 13),
        (("a", "b.c", "é", 2), 15),
        (("many", 0), 17),
        (("many", 0, "k"), 18),
        (("many", 1), 20),
        (("many", 1, "under"), 21),
        (("many", 1, "under", "k"), 22),
        (("a",), 23),
        (("a", "last"), 24),
    ],
)
def test_a_key_is_found_on_its_line(path: KeyPath, line: int) -> None:
    assert places(AWKWARD)[path] == line


def test_a_key_that_is_absent_is_said_to_be_at_its_table() -> None:
    assert line_of(("a", "b.c", "absent", 3), places(AWKWARD)) == 4


def test_a_table_that_is_absent_is_said_to_be_at_the_first_line() -> None:
    assert line_of(("absent",), places(AWKWARD)) == 1


def test_windows_line_ends_count_once() -> None:
    assert places("a = 1\r\nb = 2\r\n")[("b",)] == 2


def every_path(value: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    if path:
        yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from every_path(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from every_path(item, (*path, index))


def test_every_key_of_the_awkward_text_has_a_line() -> None:
    assert set(every_path(tomllib.loads(AWKWARD))) <= set(places(AWKWARD))


def test_every_key_of_the_example_has_a_line(example: str) -> None:
    assert set(every_path(tomllib.loads(example))) <= set(places(example))


SPACE = st.sampled_from(["", " ", "\t"])
BREAK = st.sampled_from(["", "\n", " # [x] = 1\n", "\n\n  "])
BARE = st.text("abcXYZ019_-", min_size=1, max_size=3)
QUOTED = st.sampled_from(['"a.b"', "'c\"d'", '"e\\"f"', '"\\u00e9"', '" "', '""', "'[g]'", '"#"'])
SCALARS = st.sampled_from(
    [
        "1",
        "-1.5e3",
        "true",
        "1979-05-27T07:32:00Z",
        "1979-05-27 07:32:00",
        "07:32:00",
        "inf",
        '"x # ] }"',
        "'\\'",
        '"\\"]"',
        '"""a\n"b" ] """""',
        "'''\n= '' ]'''",
        '"""\\\n  x\\""""',
        '""',
    ]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.builds(
            lambda items, gap, comma: f"[{gap}" + f"{gap},{gap}".join(items) + comma + f"{gap}]",
            st.lists(inner, max_size=3),
            BREAK,
            st.just(""),
        ),
        st.lists(inner, max_size=3).map(
            lambda items: (
                "{ " + ", ".join(f"k{n}.l = {item}" for n, item in enumerate(items)) + " }"
            )
        ),
    ),
    max_leaves=6,
)
KEYS = st.lists(BARE | QUOTED, min_size=1, max_size=3)
PAIRS = st.builds(
    lambda key, gap, value: f"{f'{gap}.{gap}'.join(key)}{gap}={gap}{value}", KEYS, SPACE, VALUES
)
HEADERS = st.builds(lambda key, gap: f"[{gap}{f'{gap}.{gap}'.join(key)}{gap}]", KEYS, SPACE)
ARRAYS = st.builds(lambda key: f"[[{'.'.join(key)}]]", KEYS)
TEXTS = st.lists(PAIRS | HEADERS | ARRAYS | st.sampled_from(["", "# c", " "]), max_size=8)


@given(TEXTS.map("\n".join))
def test_every_key_of_every_valid_text_has_a_line(text: str) -> None:
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    lines = places(text)
    assert set(every_path(content)) <= set(lines)
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())


@given(st.lists(st.tuples(BREAK, VALUES), min_size=1, max_size=6))
def test_a_key_is_found_where_it_was_written(parts: list[tuple[str, str]]) -> None:
    text = "[t]\n"
    written = {}
    for number, (gap, value) in enumerate(parts):
        text += gap + ("\n" if gap.strip() == "" and not text.endswith("\n") else "")
        written[number] = text.count("\n") + 1
        text += f"key{number} = {value}\n"
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    lines = places(text)
    assert {number: lines[("t", f"key{number}")] for number in written} == written


def test_dates_are_one_scalar() -> None:
    text = "d = 2027-03-01\ne = [2027-03-01, 2027-03-02]\n"
    assert tomllib.loads(text)["e"][1] == date(2027, 3, 2)
    assert places(text)[("e", 1)] == 2
