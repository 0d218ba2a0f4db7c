"""What costs: forms that the gate stands in front of, and what may be done so often and no more."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from holdfast.gate.budgets import Budget
from holdfast.gate.budgets import Memory as Budgets
from holdfast.gate.gate import Gate
from holdfast.gate.rules import RULES, SHA256
from holdfast.gate.tally import MemoryTally
from holdfast.guard import Costs, Guard, Person, Sessions
from holdfast.guard.answers import Answer
from holdfast.guard.request import Request
from holdfast.guard.sessions import Memory
from holdfast.work.solver import solve
from holdfast.work.spent import Memory as Spent
from holdfast.work.spent import StoreDown

HERE = "https://todo.example.com"
CHEAP = replace(SHA256, parts=2, first=8, cap=8)
FREE = RULES["post"].narrow.free


class Visiting:
    """Somebody who is signed in and posts."""

    def __init__(self, spent: Spent | None = None) -> None:
        self.gate = Gate(
            b"g" * 32,
            HERE,
            budgets=Budgets(),
            spent=spent or Spent(),
            tally=MemoryTally(),
            price=CHEAP,
        )
        limits = {"GET /export": Budget(free=2, every_s=60, priced=0)}
        costs = Costs(self.gate, {"POST /todos": "post"}, limits)
        self.guard = Guard(HERE, b"k" * 32, Sessions(Memory()), costs=costs)
        self.cookie, _ = self.guard.sessions.make(Person("ann"))

    def asks(
        self, method: str, path: str, work: str = "", address: str = "192.0.2.1", page: bool = True
    ) -> Answer | None:
        headers = {
            "host": "todo.example.com",
            "cookie": f"__Host-guard-session={self.cookie}",
            "accept": "text/html" if page else "application/json",
        }
        page_seen = self.guard.arrive(Request("GET", "/", headers=headers)).visitor
        fields = (("csrf-token", page_seen.csrf_token), ("title", "<b>"), ("work", work))
        asked = Request(method, path, headers=headers, address=address, fields=fields)
        return self.guard.arrive(asked).answer

    def puzzle(self) -> str:
        answer = self.asks("POST", "/todos", page=False)
        assert answer is not None
        assert answer.status == 429
        return str(json.loads(answer.body)["puzzle"])


@pytest.fixture
def visiting() -> Visiting:
    return Visiting()


def used_up(visiting: Visiting) -> None:
    for _ in range(FREE):
        assert visiting.asks("POST", "/todos") is None


def test_within_the_budget_nothing_is_asked(visiting: Visiting) -> None:
    used_up(visiting)


def test_beyond_it_the_form_is_shown_again_with_work_to_do(visiting: Visiting) -> None:
    used_up(visiting)
    answer = visiting.asks("POST", "/todos")
    assert answer is not None
    assert answer.status == 429
    page = answer.body.decode()
    assert 'puzzle="1:sha256:' in page
    assert "&lt;b&gt;" in page


def test_who_has_done_the_work_may_post(visiting: Visiting) -> None:
    used_up(visiting)
    assert visiting.asks("POST", "/todos", solve(visiting.puzzle())) is None


def test_an_answer_is_good_once(visiting: Visiting) -> None:
    used_up(visiting)
    work = solve(visiting.puzzle())
    assert visiting.asks("POST", "/todos", work) is None
    again = visiting.asks("POST", "/todos", work)
    assert again is not None
    assert again.status == 429


def test_the_widget_is_told_before_the_form_is_sent(visiting: Visiting) -> None:
    free = visiting.asks("POST", "/guard/gate/post")
    assert free is not None
    assert free.body == b"{}"
    used_up(visiting)
    asked = visiting.asks("POST", "/guard/gate/post")
    assert asked is not None
    assert b'{"puzzle": "1:sha256:' in asked.body


@pytest.mark.parametrize("action", ["", "sign-in", "../post", "nothing"])
def test_the_widget_cannot_ask_about_anything_else(visiting: Visiting, action: str) -> None:
    answer = visiting.asks("POST", f"/guard/gate/{action}")
    assert answer is not None
    assert answer.status == 404


def test_other_networks_have_their_own_budget(visiting: Visiting) -> None:
    used_up(visiting)
    assert visiting.asks("POST", "/todos", address="198.51.100.7") is None


def test_what_does_not_cost_is_free(visiting: Visiting) -> None:
    used_up(visiting)
    assert visiting.asks("POST", "/todos/7") is None


def test_a_limit_is_one(visiting: Visiting) -> None:
    answers = [visiting.asks("GET", "/export") for _ in range(3)]
    assert answers[:2] == [None, None]
    assert answers[2] is not None
    assert (answers[2].status, dict(answers[2].headers)["retry-after"]) == (429, "60")


def test_a_slash_at_the_end_is_no_way_around(visiting: Visiting) -> None:
    answers = [visiting.asks("GET", path) for path in ("/export", "/export/", "/export//")]
    assert answers[:2] == [None, None]
    assert answers[2] is not None
    assert answers[2].status == 429


def test_costs_may_be_written_with_a_slash_as_django_does() -> None:
    costs = Costs(Visiting().gate, {"POST /notes/": "post"})
    assert costs.actions == {"POST /notes": "post"}


class Down(Spent):
    """A store that does not answer."""

    def spend(self, name: str, until: float) -> bool:
        raise StoreDown("away")


def test_when_nothing_can_be_spent_nobody_posts_for_work() -> None:
    visiting = Visiting(Down())
    used_up(visiting)
    answer = visiting.asks("POST", "/todos", solve(visiting.puzzle()))
    assert answer is not None
    assert answer.status == 503
