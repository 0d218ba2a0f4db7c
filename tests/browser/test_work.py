"""<holdfast-work> in a real browser: it works, stays out of the way, and says what it does."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from argon2.low_level import Type, hash_secret_raw
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, BrowserContext, Page, expect

from browser.conftest import FLAGS
from browser.work_site import FAR, WIDGET, Site, puzzle, serving, solves

Scheme = Literal["light", "dark"]
Open = Callable[..., Page]

HEAVIEST = 25_000  # bytes of all that a browser may fetch for a puzzle of kind sha256
WIDE, NARROW = 1280, 390
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
EVENTS = """window.events = [];
for (const name of ["progress", "solved", "failed", "cancelled"])
    addEventListener(name, (event) => events.push([name, event.detail]), true);
window.long = [];
new PerformanceObserver((list) => {
    for (const one of list.getEntries()) long.push([one.startTime, one.duration]);
}).observe({type: "longtask"});"""
HIDE = """hidden => {
    Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
    document.dispatchEvent(new Event("visibilitychange"));
}"""
HARD = 1 << 30
"""Expected hashes of a part that no test waits for."""


@pytest.fixture(scope="module")
def running() -> Iterator[Site]:
    with serving() as site:
        yield site


@pytest.fixture
def site(running: Site) -> Site:
    for kept in (running.replies, running.asked, running.sent):
        kept.clear()
    return running


@pytest.fixture
def opened(browser: Browser) -> Iterator[Open]:
    """Opens a window of its own; an error of its scripts, or a policy broken, fails the test.

    Where WebAssembly is blocked, that it was tried is the one complaint.
    """
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def show(url: str, width: int = WIDE, scheme: Scheme = "light", script: str = "") -> Page:
        context = browser.new_context(viewport={"width": width, "height": 720}, color_scheme=scheme)
        contexts.append(context)
        context.add_init_script(EVENTS + script)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "console",
            lambda message: (
                wrong.append(message.text)
                if "Content Security Policy" in message.text and "/wasm/" in page.url
                else None
            ),
        )
        page.goto(url)
        return page

    yield show
    for context in contexts:
        context.close()
    assert wrong == []


def happened(page: Page, name: str) -> list[Any]:
    """What was told by the events of that name so far."""
    found: list[Any] = page.evaluate(
        "name => events.filter(e => e[0] === name).map(e => e[1])", name
    )
    return found


def until_state(page: Page, state: str, timeout_s: float = 30) -> None:
    expect(page.locator("holdfast-work")).to_have_attribute(
        "state", state, timeout=timeout_s * 1000
    )


def until_counting(page: Page) -> None:
    until(lambda: bool(happened(page, "progress")))


def until(condition: Callable[[], bool], within_s: float = 20) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def text(page: Page) -> str:
    return page.locator("holdfast-work [part=text]").inner_text()


def send(page: Page) -> None:
    page.click("form button.button")


def test_all_of_it_weighs_little() -> None:
    files = ["holdfast-work.js", "solve.js", "worker.js", "solver.simd.wasm", "solver.wasm"]
    weights = {name: (WIDGET / name).stat().st_size for name in files}
    assert sum(weights.values()) < HEAVIEST, weights


METHODS = [
    ("simd", {}, ""),
    ("scalar", {"simd_src": "missing.wasm"}, "fast instructions"),
    ("script", {"wasm": False}, "no WebAssembly"),
]


@pytest.mark.parametrize(("method", "given", "said"), METHODS, ids=[one[0] for one in METHODS])
def test_a_puzzle_is_solved_by_every_method(
    opened: Open, site: Site, method: str, given: dict[str, Any], said: str
) -> None:
    asked = puzzle()
    page = opened(site.page(puzzle=asked, **given))
    until_state(page, "solved")
    seen = happened(page, "progress")
    texts = page.evaluate("customElements.get('holdfast-work').texts.en")
    assert {one["method"] for one in seen} == {method}
    assert said in texts.get(method, "")
    send(page)
    page.wait_for_url("**/send")
    assert solves(site.sent[0]["work"], asked)


def test_a_slow_method_is_said(opened: Open, site: Site) -> None:
    page = opened(site.page(puzzle=puzzle(HARD), wasm=False))
    until_counting(page)
    assert "no WebAssembly" in text(page)


def test_nothing_is_asked_of_who_may_go_on(opened: Open, site: Site) -> None:
    page = opened(site.page(src="ask", account_field="login"))
    send(page)
    page.wait_for_url("**/send")
    assert site.asked == [
        {"csrfmiddlewaretoken": "token of the form", "account": "anna@example.org"}
    ]
    assert site.sent[0] == {
        "csrfmiddlewaretoken": "token of the form",
        "login": "anna@example.org",
        "how": "password",
    }


def test_the_form_goes_on_with_the_answer_and_its_button(opened: Open, site: Site) -> None:
    asked = puzzle()
    site.replies += [{"puzzle": asked}]
    page = opened(site.page(src="ask", name="stamp"))
    send(page)
    page.wait_for_url("**/send")
    assert solves(site.sent[0]["stamp"], asked)
    assert site.sent[0]["how"] == "password"


def test_an_answer_is_sent_once(opened: Open, site: Site) -> None:
    first, second = puzzle(), puzzle()
    site.replies += [{"puzzle": first}, {"puzzle": second}]
    page = opened(site.page(src="ask"))
    page.evaluate(
        "document.forms[0].addEventListener('submit', e => { e.preventDefault();"
        " fetch('send', {method: 'POST', body: new URLSearchParams(new FormData(e.target))}); })"
    )
    for count, asked in enumerate((first, second), start=1):
        send(page)
        until(lambda count=count: len(site.sent) == count)  # type: ignore[misc]
        assert solves(site.sent[-1]["work"], asked)


def test_a_puzzle_of_another_account_is_left(opened: Open, site: Site) -> None:
    another = puzzle()
    site.replies += [{"puzzle": puzzle()}, {"puzzle": another}]
    page = opened(site.page(src="ask", account_field="login"))
    page.evaluate(HIDE, True)  # so that there is time to type
    send(page)
    until_state(page, "running")
    page.fill("#login", "bert@example.org")
    page.evaluate(HIDE, False)
    page.wait_for_url("**/send")
    assert [one["account"] for one in site.asked] == ["anna@example.org", "bert@example.org"]
    assert solves(site.sent[0]["work"], another)


@pytest.mark.parametrize("reply", [500, 403, None, "no JSON", {"puzzle": "1:md5:1"}], ids=str)
def test_what_goes_wrong_is_told_and_left_to_the_server(
    opened: Open, site: Site, reply: object
) -> None:
    site.replies += [reply]
    page = opened(site.page(src="ask"))
    page.evaluate("addEventListener('failed', (e) => sessionStorage.setItem('why', e.detail))")
    send(page)
    page.wait_for_url("**/send")
    malformed = isinstance(reply, dict)
    assert page.evaluate("sessionStorage.getItem('why')") == ("puzzle" if malformed else "unasked")
    assert "work" not in site.sent[0]


def test_who_must_wait_sees_for_how_long_and_goes_on_after(opened: Open, site: Site) -> None:
    site.replies += [{"wait": 3}]
    page = opened(site.page(src="ask"))
    page.evaluate(
        """() => {
            window.notes = new Set();
            const [note] = document.querySelector("holdfast-work").shadowRoot
                .querySelectorAll("[part=note]");
            const seen = new MutationObserver(() => notes.add(note.textContent));
            seen.observe(note, {childList: true});
        }"""
    )
    send(page)
    until_state(page, "waiting")
    send(page)
    until_state(page, "idle")
    assert page.evaluate("[...notes]") == ["3 seconds more", "2 seconds more", "1 second more", ""]
    assert text(page) == "You can try again now."
    assert len(site.asked) == 1
    send(page)
    page.wait_for_url("**/send")


PIN = '#!/bin/sh\nexec taskset -c {core} /usr/bin/chromium "$@"\n'


def test_the_page_does_not_freeze(opened: Open, site: Site) -> None:
    page = opened(site.page())
    before = page.evaluate("long.length")
    page.evaluate(
        "setTimeout(() => { const t = performance.now(); while (performance.now() < t + 120); })"
    )
    until(lambda: page.evaluate("long.length") > before)  # as a page that freezes would be seen
    assert stays_smooth(page)


@pytest.mark.every
def test_the_page_does_not_freeze_on_one_core(browser: Browser, site: Site, tmp_path: Path) -> None:
    pinned = tmp_path / "chromium"
    pinned.write_text(PIN.format(core=min(os.sched_getaffinity(0))))
    pinned.chmod(0o755)
    one_core = browser.browser_type.launch(executable_path=pinned, args=list(FLAGS))
    page = one_core.new_page()
    page.add_init_script(EVENTS)
    page.goto(site.page())
    assert page.evaluate("navigator.hardwareConcurrency") == 1
    assert stays_smooth(page)
    one_core.close()


def stays_smooth(page: Page) -> bool:
    """Whether a puzzle is solved without a long task of the page.

    A task is long too when another process had its turn; what freezes a page does so every time.
    """
    return any(long_tasks(page) == [] for _ in range(4))


def long_tasks(page: Page) -> list[list[float]]:
    """Start and length (ms) of the tasks above 50 ms while a puzzle is solved."""
    asked = puzzle(1 << 20)
    page.evaluate(
        """asked => {
            long.length = 0;
            document.querySelector('holdfast-work').setAttribute('puzzle', asked);
        }""",
        asked,
    )
    until_state(page, "solved", 90)
    assert solves(page.evaluate("document.querySelector('holdfast-work').value"), asked)
    found: list[list[float]] = page.evaluate("long")
    return found


def test_a_hidden_page_rests(opened: Open, site: Site) -> None:
    page = opened(site.page(puzzle=puzzle(HARD)))
    until_counting(page)
    page.evaluate(HIDE, True)
    page.wait_for_timeout(400)  # what was begun is finished
    hashes = happened(page, "progress")[-1]["hashes"]
    page.wait_for_timeout(600)
    assert happened(page, "progress")[-1]["hashes"] == hashes
    page.evaluate(HIDE, False)
    until(lambda: happened(page, "progress")[-1]["hashes"] > hashes)


def asleep_until_it_is_too_old(page: Page) -> None:
    until_counting(page)
    page.evaluate(HIDE, True)
    page.clock.set_fixed_time(FAR * 1000 + 1000)
    page.evaluate(HIDE, False)


def test_after_sleep_another_puzzle_is_asked_for(opened: Open, site: Site) -> None:
    another = puzzle(expires=FAR + 600)
    site.replies += [{"puzzle": puzzle(HARD)}, {"puzzle": another}]
    page = opened(site.page(src="ask"))
    send(page)
    asleep_until_it_is_too_old(page)
    page.wait_for_url("**/send")
    assert solves(site.sent[0]["work"], another)


def test_after_sleep_a_puzzle_of_the_page_itself_has_failed(opened: Open, site: Site) -> None:
    page = opened(site.page(puzzle=puzzle(HARD)))
    asleep_until_it_is_too_old(page)
    until_state(page, "failed")
    assert happened(page, "failed") == ["expired"]
    assert "too old" in text(page)


def test_a_clock_that_is_wrong_all_along_does_not_matter(opened: Open, site: Site) -> None:
    page = opened(site.page(puzzle=puzzle(expires=1_000_000_000)))
    until_state(page, "solved")


def test_two_tabs_solve_each_their_own(browser: Browser, site: Site) -> None:
    asked = [puzzle(1 << 18), puzzle(1 << 18)]
    context = browser.new_context()
    pages = [context.new_page() for _ in asked]
    for page, one in zip(pages, asked, strict=True):
        page.goto(site.page(puzzle=one))
    for page, one in zip(pages, asked, strict=True):
        until_state(page, "solved", 60)
        assert solves(page.evaluate("document.querySelector('holdfast-work').value"), one)
    context.close()


def test_it_is_cancelled_by_keyboard_and_nothing_is_sent(opened: Open, site: Site) -> None:
    site.replies += [{"puzzle": puzzle(HARD)}]
    page = opened(site.page(src="ask"))
    page.focus("#login")
    page.keyboard.press("Enter")
    until_counting(page)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.shadowRoot.activeElement.part.value") == "cancel"
    page.keyboard.press("Enter")
    until_state(page, "cancelled")
    assert happened(page, "cancelled") == [None]
    until(lambda: page.evaluate("true") and not page.workers)
    assert page.evaluate("document.activeElement.name") == "how"
    assert site.sent == []


def test_where_elements_are_no_fields_a_hidden_one_is_sent(opened: Open, site: Site) -> None:
    asked = puzzle()
    old = "delete HTMLElement.prototype.attachInternals;"
    page = opened(site.page(puzzle=asked), script=old)
    until_state(page, "solved")
    send(page)
    page.wait_for_url("**/send")
    assert solves(site.sent[0]["work"], asked)


WRONG = {
    "another version": ("1:sha256", "2:sha256"),
    "another kind": (":sha256:", ":sha1:"),
    "no part": (":8:", ":0:"),
    "too many parts": (":8:", ":65:"),
    "too dear": (":1000:", ":1073741825:"),
    "free": (":1000:", ":0:"),
    "a zero in front": (":1000:", ":01000:"),
    "not a number": (":1000:", ":1e3:"),
}


def test_a_malformed_puzzle_starts_nothing(opened: Open, site: Site) -> None:
    page = opened(site.page())
    for wrong, (good, bad) in WRONG.items():
        reason = page.evaluate(
            """text => import("./holdfast-work.js")
                .then(({solve}) => solve(text)).catch(why => why.reason)""",
            puzzle().replace(good, bad, 1),
        )
        assert (wrong, reason) == (wrong, "puzzle")
    assert page.workers == []


def test_a_puzzle_hard_on_memory_is_solved(opened: Open, site: Site) -> None:
    asked = puzzle(4, 1, kind="argon2id")
    page = opened(site.page(puzzle=asked))
    until_state(page, "solved", 120)
    answer = page.evaluate("document.querySelector('holdfast-work').value")
    counter = int(answer.rpartition(":")[2])
    found = hash_secret_raw(
        bytes(4) + counter.to_bytes(4, "big"),
        hashlib.sha256(asked.encode()).digest()[:16],
        time_cost=2,
        memory_cost=19_456,
        parallelism=1,
        hash_len=32,
        type=Type.ID,
    )
    assert int.from_bytes(found, "big") < 2**256 // 4


def test_without_webassembly_it_is_not_tried(opened: Open, site: Site) -> None:
    page = opened(site.page(puzzle=puzzle(4, 1, kind="argon2id"), wasm=False))
    until_state(page, "failed")
    assert happened(page, "failed") == ["slow"]
    assert "hours" in text(page)


def test_it_speaks_the_language_of_the_page(opened: Open, site: Site) -> None:
    site.replies += [{"wait": 1}]
    page = opened(site.page(src="ask", lang="de-AT"))
    send(page)
    until_state(page, "waiting")
    assert text(page) == "Zu viele Versuche. Bitte warten Sie."
    expect(page.locator("holdfast-work [part=note]")).to_have_text("Noch 1 Sekunde")


def test_a_page_brings_its_own_words(opened: Open, site: Site) -> None:
    page = opened(site.page(lang="fr"))
    page.evaluate(
        """asked => {
            const HoldfastWork = customElements.get("holdfast-work");
            HoldfastWork.texts.fr = {solved: "C’est fait."};
            document.querySelector("holdfast-work").setAttribute("puzzle", asked);
        }""",
        puzzle(),
    )
    until_state(page, "solved")
    assert text(page) == "C’est fait."
    assert page.locator("holdfast-work [part=cancel]").text_content() == "Cancel"


def test_solving_needs_no_element(opened: Open, site: Site) -> None:
    page = opened(site.page())
    asked = puzzle()
    found = page.evaluate(
        """async asked => {
            const {solve} = await import("./holdfast-work.js");
            const stop = new AbortController();
            const dear = asked.replace(":1000:", ":1073741824:");
            const stopped = solve(dear, {signal: stop.signal, workers: 1}).catch(why => why.name);
            stop.abort();
            return [await solve(asked, {workers: 3}), await stopped];
        }""",
        asked,
    )
    assert solves(found[0], asked)
    assert found[1] == "AbortError"


STATES = ["running", "solved", "waiting", "failed", "cancelled"]


def shown(page: Page, site: Site, state: str) -> None:
    """Bring the widget of a page that asks into a state."""
    replies = {"solved": {"puzzle": puzzle()}, "waiting": {"wait": 90}, "failed": 500}
    site.replies[:] = [replies.get(state, {"puzzle": puzzle(HARD)})]
    page.evaluate("document.forms[0].addEventListener('submit', e => e.preventDefault())")
    send(page)
    if state == "cancelled":
        until_counting(page)
        page.click("holdfast-work [part=cancel]")
    until_state(page, state)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_state_can_be_read_by_everybody(opened: Open, site: Site, scheme: Scheme) -> None:
    page = opened(site.page(src="ask", lang="de"), NARROW, scheme)
    found = {}
    for state in STATES:
        shown(page, site, state)
        wrong = Axe().run(page).response["violations"]
        grave = [(one["id"], one["nodes"][0]["html"]) for one in wrong if one["impact"] != "minor"]
        found[state] = [*grave, page.evaluate(OVERFLOW)]
        page.reload()
    assert {state: one for state, one in found.items() if one != [0]} == {}


def test_progress_is_parts_and_is_read_out_seldom(opened: Open, site: Site) -> None:
    page = opened(site.page())
    page.evaluate(
        """asked => {
            const widget = document.querySelector("holdfast-work");
            const [line] = widget.shadowRoot.querySelectorAll("[role=status]");
            window.said = [];
            window.shown = new Set();
            const note = () => said.at(-1) === line.textContent || said.push(line.textContent);
            new MutationObserver(note).observe(line, {childList: true});
            const bar = widget.shadowRoot.querySelector("[role=progressbar]");
            widget.addEventListener("progress", (e) =>
                shown.add(`${bar.ariaValueNow}/${bar.ariaValueMax}` === `${e.detail.done}/8`));
            widget.setAttribute("puzzle", asked);
        }""",
        puzzle(1 << 17),
    )
    until_state(page, "solved")
    assert page.evaluate("[...shown]") == [True]
    assert page.evaluate("said") == [
        "Your device is solving a small puzzle. This keeps out programs that guess.",
        "Half of the puzzle is solved.",
        "The puzzle is solved.",
    ]
