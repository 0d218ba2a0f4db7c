"""The report as a browser shows it: wide and narrow, light and dark, on paper, by keyboard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page

from holdfast.report.html.page import document
from holdfast.report.recalled import recalled
from holdfast.report.view import Posture, Report, ShownFinding, ShownHost
from holdfast.servers.audit import Status
from hostile_words import AT, CONTROL, EVILS, everything
from ten_runs import ALL, REPORTED, ten_runs

Scheme = Literal["light", "dark"]
Open = Callable[..., Page]

WIDE, NARROW, PAPER = 1280, 390, 688  # CSS pixels; A4 between the margins is 182 mm
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
REACHABLE = """() => [...document.querySelectorAll('a[href], summary, [tabindex="0"]')]
    .filter(e => e.checkVisibility({contentVisibilityAuto: true})).length"""
FOCUSED = """() => {
    const all = [...document.querySelectorAll('*')];
    return document.activeElement === document.body ? -1 : all.indexOf(document.activeElement);
}"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    past = ten_runs(folder)
    page = folder / "report.html"
    page.write_text(document(recalled(past.history, past.site, ALL, REPORTED).report))
    return page


@pytest.fixture
def opened(browser: Browser, report: Path) -> Iterator[Open]:
    """Opens the report, or another page, in a window of a width and a colour scheme."""
    contexts = []

    def show(width: int = WIDE, scheme: Scheme = "light", at: Path = report) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.goto(at.as_uri())
        return page

    yield show
    for context in contexts:
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_axe_finds_nothing_serious(opened: Open, width: int, scheme: Scheme) -> None:
    page = opened(width, scheme)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    found = Axe().run(page).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"]) for v in found] == []


def test_axe_would_find_something(opened: Open) -> None:
    page = opened()
    page.evaluate("document.documentElement.removeAttribute('lang')")
    assert "html-has-lang" in {v["id"] for v in Axe().run(page).response["violations"]}


@pytest.mark.parametrize("width", [WIDE, NARROW, 320])
def test_the_page_is_no_wider_than_its_window(opened: Open, width: int) -> None:
    page = opened(width)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate(OVERFLOW) <= 0


@pytest.mark.parametrize("evil", EVILS, ids=range(len(EVILS)))
def test_no_word_of_a_host_widens_the_page(opened: Open, tmp_path: Path, evil: str) -> None:
    hostile = tmp_path / "hostile.html"
    hostile.write_text(document(everything(evil)), encoding="utf-8")
    assert opened(NARROW, at=hostile).evaluate(OVERFLOW) <= 0


@pytest.mark.parametrize("evil", EVILS, ids=range(len(EVILS)))
def test_no_word_of_a_host_runs_or_loads(browser: Browser, tmp_path: Path, evil: str) -> None:
    hostile = tmp_path / "hostile.html"
    hostile.write_text(document(everything(evil)), encoding="utf-8")
    page = browser.new_page()
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url))
    page.on("dialog", lambda dialog: seen.append(dialog.message))
    page.goto(hostile.as_uri())
    page.close()
    assert seen == [hostile.as_uri()]


def test_nothing_but_the_file_is_asked_for(browser: Browser, report: Path) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(report.as_uri())
    page.close()
    assert asked == [report.as_uri()]


def test_the_policy_blocks_nothing_of_the_page_itself(browser: Browser, report: Path) -> None:
    page = browser.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(report.as_uri())
    page.close()
    assert said == []


def test_a_script_that_got_in_would_not_run(opened: Open, report: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.html"
    script = "<script>document.title = 'ran'</script></main>"
    broken.write_text(report.read_text().replace("</main>", script))
    assert opened(at=broken).title() != "ran"


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_the_keyboard_reaches_everything(opened: Open, width: int) -> None:
    page = opened(width)
    reached: set[int] = set()
    for _ in range(2000):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if focused in reached or focused == -1:
            break
        reached.add(focused)
    assert len(reached) == page.evaluate(REACHABLE)


def test_the_first_stop_of_the_keyboard_skips_to_what_to_do(opened: Open) -> None:
    page = opened()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to what to do"
    page.keyboard.press("Enter")
    assert page.url.endswith("#do")


def test_a_change_opens_by_keyboard_and_shows_its_diff(opened: Open) -> None:
    page = opened()
    summary = page.locator("summary", has_text="change /etc/sudoers.d/deploy")
    summary.focus()
    page.keyboard.press("Enter")
    assert page.locator(".diff .removed", has_text="-deploy ALL=(ALL) NOPASSWD: ALL").is_visible()


def test_a_cell_leads_to_its_gap(opened: Open) -> None:
    page = opened()
    page.get_by_role("link", name="1 gap: sudo.password on app").click()
    card = page.locator(":target")
    assert "a line lets somebody use sudo without a password" in card.inner_text()


def test_a_table_that_is_too_wide_scrolls_in_its_own_box_beside_its_first_column(
    opened: Open,
) -> None:
    page = opened(NARROW)
    box = page.locator(".scroll")
    box.evaluate("e => e.scrollLeft = 1000")
    assert box.evaluate("e => e.scrollLeft") > 0
    first = page.locator(".matrix tbody th[scope=row]").first.bounding_box()
    around = box.bounding_box()
    assert first is not None
    assert around is not None
    assert abs(first["x"] - around["x"]) <= 1


def printed(page: Page, scheme: Scheme = "light") -> Page:
    page.emulate_media(media="print", color_scheme=scheme)
    return page


def test_paper_shows_what_is_folded(opened: Open) -> None:
    page = printed(opened(PAPER))
    heights = page.locator("details").evaluate_all(
        "all => all.map(d => d.lastElementChild.getBoundingClientRect().height)"
    )
    assert len(heights) > 3
    assert min(heights) > 10


def test_what_is_folded_is_not_shown_on_the_screen(opened: Open) -> None:
    assert not opened().locator(".diff").first.is_visible()


def test_paper_stays_white(opened: Open) -> None:
    page = printed(opened(PAPER, "dark"), "dark")
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert colour == "rgb(255, 255, 255)"


def test_no_table_is_cut_off_on_paper(opened: Open) -> None:
    page = printed(opened(PAPER))
    assert page.evaluate(OVERFLOW) <= 0
    right = page.locator("table, .diff").evaluate_all(
        "all => Math.max(...all.map(e => e.getBoundingClientRect().right))"
    )
    assert right <= PAPER


def test_many_hosts_with_long_names_are_not_cut_off_on_paper(opened: Open, tmp_path: Path) -> None:
    hosts = tuple(
        ShownHost(f"{'very-' * 10}long-{number:02}", ("app",), "debian 12", AT)
        for number in range(30)
    )
    findings = tuple(ShownFinding(host.name, CONTROL, Status.PASS) for host in hosts)
    many = tmp_path / "many.html"
    many.write_text(document(Report("todo", AT, Posture(100, hosts, findings))))
    page = printed(opened(PAPER, at=many))
    assert page.evaluate(OVERFLOW) <= 0


def test_it_can_be_printed(opened: Open) -> None:
    assert opened().pdf(format="A4").startswith(b"%PDF-")
