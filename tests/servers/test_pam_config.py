"""The lines of PAM's files, read as PAM reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.servers.pam_config import INCLUDE, parse


def rules(text: str) -> list[tuple[str, str, str, tuple[str, ...]]]:
    return [(rule.kind, rule.control, rule.module, rule.arguments) for rule in parse(text)]


@pytest.mark.parametrize(
    "line",
    [
        "auth required pam_x.so one two=2",
        "\tauth \t required\tpam_x.so  one two=2  ",
        "-auth required pam_x.so one two=2",
        "AUTH Required pam_x.so one two=2",
        "auth required /lib/security/pam_x.so one two=2",
        "auth required pam_x.so one two=2 # three",
        "auth required pam_x.so one two=2\r",
        "auth required \\\n pam_x.so one \\\n two=2",
        "auth [required] pam_x.so [one] [two=2]",
    ],
)
def test_a_rule_is_the_same_however_it_is_spelled(line: str) -> None:
    assert rules(line) == [("auth", "required", "pam_x.so", ("one", "two=2"))]


def test_what_stands_in_brackets_is_one_word() -> None:
    line = "password [success=1 default=ignore] pam_x.so [words=a b]"
    assert rules(line) == [("password", "success=1 default=ignore", "pam_x.so", ("words=a b",))]


def test_an_include_names_its_service() -> None:
    assert rules("@include common-auth") == [(INCLUDE, INCLUDE, "common-auth", ())]


@pytest.mark.parametrize("text", ["", "\n\n", "# auth required pam_x.so", "auth", "auth required"])
def test_what_is_no_rule_is_left_out(text: str) -> None:
    assert parse(text) == ()


def test_a_comment_that_ends_in_a_backslash_goes_on_nowhere() -> None:
    assert len(rules("# comment \\\nauth required pam_x.so")) == 1


def test_a_line_separator_ends_no_comment() -> None:
    assert parse("# comment\u2028auth required pam_x.so") == ()


@pytest.mark.parametrize(
    "control",
    [
        "required",
        "requisite",
        "[success=ok default=bad]",
        "[default=die success=ok]",
        "[success=ok new_authtok_reqd=ok ignore=ignore default=bad]",
        "[ success = ok  auth_err = die  default = bad ]",
    ],
)
def test_who_fails_a_binding_rule_is_refused(control: str) -> None:
    assert parse(f"auth {control} pam_x.so")[0].binding


@pytest.mark.parametrize(
    "control",
    [
        "optional",
        "sufficient",
        "include",
        "[success=1 default=ignore]",
        "[success=die]",
        "[success=ok auth_err=ignore default=bad]",
        "[success=ok default=bad perm_denied = ok]",
        "[success=ok default=bad default=ignore]",
        "[success=ok user_unknown=1 default=die]",
    ],
)
def test_who_fails_another_may_still_pass(control: str) -> None:
    assert not parse(f"auth {control} pam_x.so")[0].binding


GOING_ON = ["required", "requisite", "optional", "[success=ok default=ignore]", "[default=reset]"]
LEAVING = ["sufficient", "include", "substack", "nonsense", "[success=1 default=ignore]"]
LEAVING += ["[success=done default=bad]", "[success = 2 default = bad]", "[]", "[nonsense]"]


@pytest.mark.parametrize(
    ("control", "goes_on"), [*((c, True) for c in GOING_ON), *((c, False) for c in LEAVING)]
)
def test_a_rule_that_may_end_or_skip_is_told_from_one_that_goes_on(
    control: str, goes_on: bool
) -> None:
    assert parse(f"auth {control} pam_x.so")[0].goes_on is goes_on


def test_a_rule_that_forgets_refusals_is_seen() -> None:
    controls = ("[success=ok default=reset]", "[default=ignore]", "required")
    forgetting = [parse(f"auth {control} pam_x.so")[0].forgets for control in controls]
    assert forgetting == [True, False, False]


@given(st.lists(st.sampled_from(["auth required x", "# c", "", "a \\", "b"])).map("\n".join))
def test_a_rule_keeps_the_lines_it_was_read_from(text: str) -> None:
    assert all(rule.text in text for rule in parse(text))


@given(st.text())
def test_no_text_breaks_the_parser(text: str) -> None:
    parse(text)
