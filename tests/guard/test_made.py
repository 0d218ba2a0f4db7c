"""What a guard is made of: settings that make no sense are refused at once, each with its mend."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.gate.budgets import Budget
from holdfast.gate.budgets import Memory as Budgets
from holdfast.gate.gate import Gate
from holdfast.gate.tally import MemoryTally
from holdfast.guard import Costs, Guard, Refusal, Sessions, Sorting
from holdfast.guard.csrf import ReadableCookie
from holdfast.guard.sessions import Memory
from holdfast.work.spent import Memory as Spent

KEY, HERE = b"k" * 32, "https://todo.example.com"


def made(origin: str = HERE, key: bytes = KEY, **more: Any) -> Guard:
    return Guard(origin, key, Sessions(Memory()), **more)


ORIGINS = {
    "todo.example.com": "write scheme and name",
    "ftp://todo.example.com": "write scheme and name",
    "https://ann@todo.example.com": "write scheme and name",
    "https://todo.example.com/app": "nothing may follow",
    "http://todo.example.com": "in clear",
    "https://bücher.example": "as browsers send it",
}


@pytest.mark.parametrize("origin", ORIGINS)
def test_an_origin_that_no_browser_has_is_refused(origin: str) -> None:
    with pytest.raises(ValueError, match=ORIGINS[origin]):
        made(origin)


def test_the_usual_port_goes_without_saying() -> None:
    assert made(f"{HERE}:443").origin == HERE
    assert made("http://localhost:3000").origin == "http://localhost:3000"


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 random bytes"):
        made(key=b"k" * 31)


def test_a_defence_for_another_scheme_is_refused() -> None:
    with pytest.raises(ValueError, match="secure=True"):
        made(csrf=ReadableCookie(KEY, secure=False))


def gate() -> Gate:
    return Gate(KEY, HERE, budgets=Budgets(), spent=Spent(), tally=MemoryTally())


NOT_MATCHED = ("post /notes", "POST notes", "POST /notes/{id}", "POST  /notes", "/notes", "HEAD /x")


@pytest.mark.parametrize("what", NOT_MATCHED)
def test_a_cost_that_no_request_has_is_refused(what: str) -> None:
    with pytest.raises(ValueError, match="write a method and a path"):
        Costs(gate(), limits={what: Budget(1, 60, 0)})


def test_an_action_without_a_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="no such rule"):
        Costs(gate(), actions={"POST /notes": "posting"})


@pytest.mark.parametrize("usual", ["", "-", "--name", "other"])
def test_a_usual_order_that_is_none_is_refused(usual: str) -> None:
    with pytest.raises(ValueError, match="none of the columns"):
        Sorting({"name": 1}, usual=usual)


def test_columns_come_from_the_list() -> None:
    sorting = Sorting({"name": "column"}, usual="-name")
    assert sorting.chosen(None) == ("column", True)
    assert sorting.chosen("name") == ("column", False)
    with pytest.raises(Refusal, match="no-such-column"):
        sorting.chosen("name; DROP TABLE x")
