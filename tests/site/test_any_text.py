"""Whatever stands in a site file, it loads or is refused with lines that a terminal can show."""

from __future__ import annotations

import random
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from holdfast.site import Site, SiteError, parse_site
from holdfast.site.errors import is_control

EXAMPLE = (Path(__file__).parent / "holdfast.toml").read_text()
TOKENS = sorted(
    {word for line in EXAMPLE.splitlines() for word in line.split()}
    | {
        "[",
        "]",
        "{",
        "}",
        "=",
        ",",
        '"',
        "'",
        '"""',
        "#",
        "\\",
        ".",
        "\n",
        "\0",
        "\x1b[2J",
        "\u202e",
    }
    | {"[[hosts]]", "[hosts]", '"" = 1', "1e999", "nan", "9" * 400, "07:32:00", "true", "{}", "[]"}
    | {"[[[[[[[[[[]]]]]]]]]]", '["<own>"]', '"\\u0000name" = "x"', '"[key]" = 1', '"@local"'}
)
VALUES = ["1", "-1", "nan", "true", '""', '"x"', "[]", "[1]", "[[]]", "{}", "{ x = 1 }", "07:32:00"]


def check(text: str) -> Site | None:
    """Loads or refuses the text; anything else than a `SiteError` fails the test."""
    try:
        return parse_site(text, path=Path("holdfast.toml"))
    except SiteError as error:
        message = str(error)
        lines = message.split("\n")
        assert 1 <= len(lines) <= 20
        assert not any(is_control(character) for line in lines for character in line)
        assert all(line.startswith("holdfast.toml:") for line in lines)
        assert all(len(line) < 1000 for line in lines)
        assert "pydantic" not in message.lower()
        assert "input should" not in message.lower()
        return None


@given(
    st.lists(st.tuples(st.integers(0, len(EXAMPLE)), st.integers(0, 30), st.sampled_from(TOKENS)))
)
def test_a_text_with_pieces_exchanged(pieces: list[tuple[int, int, str]]) -> None:
    text = EXAMPLE
    for place, length, new in pieces[:5]:
        text = text[:place] + new + text[place + length :]
    check(text)


@given(st.randoms(use_true_random=False), st.integers(0, 12))
def test_a_text_with_lines_exchanged(order: random.Random, swaps: int) -> None:
    lines = EXAMPLE.splitlines()
    for _ in range(swaps):
        here, there = order.randrange(len(lines)), order.randrange(len(lines))
        lines[here], lines[there] = lines[there], lines[here]
        if order.random() < 0.3:
            del lines[here]
    check("\n".join(lines))


@given(st.data())
def test_a_text_with_values_of_other_kinds(data: st.DataObject) -> None:
    lines = EXAMPLE.splitlines()
    keys = [number for number, line in enumerate(lines) if "=" in line]
    for number in data.draw(st.lists(st.sampled_from(keys), min_size=1, max_size=4)):
        key = lines[number].partition("=")[0]
        lines[number] = f"{key}= {data.draw(st.sampled_from(VALUES))}"
    check("\n".join(lines))


@given(st.data())
def test_a_text_with_values_in_place_of_tables(data: st.DataObject) -> None:
    names = ["site", "admins", "hosts", "databases", "apps", "web", "alerts", "backups", "profiles"]
    chosen = data.draw(st.lists(st.sampled_from([*names, "exceptions"]), unique=True))
    text = "".join(f"{name} = {data.draw(st.sampled_from(VALUES))}\n" for name in chosen)
    assert check(text) is None


@given(st.text())
def test_any_text(text: str) -> None:
    check(text)


SECRETS = st.text("abcdefghijkmnopqrstuvwxyz0123456789", min_size=12, max_size=40).map(
    "zq7".__add__
)
PLACES = [
    ("command:pass show {host}/sudo", "{}"),
    ("command:pass show {host}/sudo", "password:{}"),
    ("command:pass show {host}/sudo", "command:'{}"),
    ("command:pass otp {host}/alice", "{}{{user}}"),
    ("env:ALERT_URL", "slack://{}@example.com"),
    ("env:ALERT_URL", "env:{} x"),
    ("https://acme.example/directory", "https://alice:{}@acme.example/directory"),
    ('keys = ["', 'keys = ["-----BEGIN OPENSSH PRIVATE KEY----- {}", "'),
    ('keys = ["', '# -----BEGIN RSA PRIVATE KEY----- {}\nkeys = ["'),
    ('keys = ["', 'keys = ["ssh-ed25519 {}", "'),
    ('keys = ["', 'keys = """-----BEGIN PRIVATE KEY-----\n{}\n'),
    ('recipients = ["', 'recipients = ["AGE-SECRET-KEY-1{}", "'),
    ('recipients = ["', 'recipients = ["{}", "'),
]


@given(SECRETS, st.sampled_from(PLACES))
def test_a_secret_in_the_file_is_refused_and_never_repeated(
    secret: str, place: tuple[str, str]
) -> None:
    old, new = place
    assert old in EXAMPLE
    try:
        parse_site(EXAMPLE.replace(old, new.format(secret)), path=Path("holdfast.toml"))
    except SiteError as error:
        seen = f"{error}{error!r}{error.problems!r}{error.__cause__!r}"
        assert secret not in seen
    else:
        raise AssertionError("the secret was taken")
