"""The page: nothing of a host becomes markup, nothing is loaded, everything is said."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from building import file, site, snapshot

from holdfast.report.audits import Audit, HostAudit
from holdfast.report.html.page import document
from holdfast.report.recalled import recalled
from holdfast.report.view import (
    Posture,
    Report,
    ShownChange,
    ShownFinding,
    ShownGap,
    ShownHost,
    attempted,
    posture,
)
from holdfast.servers.attack import Outcome
from holdfast.servers.audit import Status, judge
from holdfast.servers.control import Phase
from holdfast.servers.prove import Attempt
from holdfast.servers.snapshot import Account, Listener, Snapshot, Unreadable
from hostile_words import CONTROL, EVILS, everything
from ten_runs import ALL, REPORTED, ten_runs

AT = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
TAGS = frozenset(
    re.findall(
        r"\w+",
        "html head meta title style body svg symbol use path circle rect header main nav footer "
        "section article div span p h1 h2 h3 h4 ul ol li a b strong code pre bdi time table "
        "caption thead tbody tr th td dl dt dd figure figcaption details summary",
    )
)


def tags(page: str) -> set[str]:
    return {name.lower() for name in re.findall(r"<([a-zA-Z][^\s>/]*)", page)}


def attributes(page: str) -> set[str]:
    body = page[page.index("</style>") :]
    opened = re.findall(r"<[a-z][^>]*>", body)
    return {name for tag in opened for name in re.findall(r'\s([^\s="<>]+)="', tag)}


@pytest.mark.parametrize("evil", EVILS, ids=range(len(EVILS)))
def test_no_word_of_a_report_becomes_markup(evil: str) -> None:
    page, plain = document(everything(evil)), document(everything("harmless"))
    assert len(re.findall("<[a-z]", page)) == len(re.findall("<[a-z]", plain))
    assert tags(page) <= TAGS
    assert attributes(page) == attributes(plain)


@pytest.mark.parametrize("evil", EVILS, ids=range(len(EVILS)))
def test_no_character_of_a_report_steers(evil: str) -> None:
    assert STEERING.findall(document(everything(evil))) == []


@pytest.mark.parametrize("evil", EVILS, ids=range(len(EVILS)))
def test_every_link_stays_within_the_page(evil: str) -> None:
    links = re.findall(r'href="([^"]*)"', document(everything(evil)))
    assert [link for link in links if not link.startswith("#")] == []


def test_a_long_word_of_a_host_is_cut() -> None:
    long = "x" * 4096
    finding = ShownFinding("app", CONTROL, Status.GAP, (ShownGap(long, long, long, False, AT),))
    page = document(Report("todo", AT, Posture(0, (), (finding,))))
    assert max(map(len, re.findall("x+", page))) == 1200


def test_a_line_of_a_diff_ends_only_where_the_file_has_a_line() -> None:
    change = ShownChange("write it", "--- a\n+++ a\n-one\r+two\u2028+three\n", Phase.NARROW)
    finding = ShownFinding("app", CONTROL, Status.GAP, (), (change,))
    page = document(Report("todo", AT, Posture(0, (), (finding,))))
    assert '<span class="removed">-one\\r+two\\u2028+three</span></pre>' in page


def hostile(evil: str) -> Snapshot:
    """A host that lies wherever it may."""
    name = evil[:256]
    files = {f"/etc/ssh/sshd_config.d/{evil[:200]}": file(f"Match all\nPermitRootLogin {evil}\n")}
    accounts: Mapping[str, Account] = {
        name: Account(
            uid=0,
            gid=0,
            home=evil,
            shell=evil,
            password="empty",
            expired=False,
            groups=(name, "sudo"),
            key_files={evil: file(evil)},
        )
    }
    return snapshot(
        hostname=name,
        release=Unreadable(unreadable=evil),
        accounts=accounts,
        files={**files, "/etc/sudoers": file(f"{evil} ALL=(ALL) NOPASSWD: ALL\n")},
        sudo=Unreadable(unreadable=evil),
        listeners=(Listener(protocol="tcp", address=name, port=1, process=name),),
    )


@pytest.mark.parametrize("evil", EVILS, ids=range(len(EVILS)))
def test_a_hostile_host_is_shown_as_harmless_text(evil: str) -> None:
    seen = {"app": hostile(evil)}
    found = judge(site().hosts["app"], seen, site(), ALL, AT.date())
    audit = Audit("todo", AT, (HostAudit("app", seen["app"], found),))
    page = document(Report("todo", AT, posture(audit, site())))
    assert tags(page) <= TAGS
    assert STEERING.findall(page) == []


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    past = ten_runs(tmp_path_factory.mktemp("site"))
    return document(recalled(past.history, past.site, ALL, REPORTED).report)


def test_the_policy_allows_the_own_style_and_nothing_else(page: str) -> None:
    style = page[page.index("<style>") + 7 : page.index("</style>")]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert (
        'content="default-src &#x27;none&#x27;; style-src &#x27;sha256-'
        f'{digest}&#x27;; base-uri &#x27;none&#x27;; form-action &#x27;none&#x27;"'
    ) in page


def test_the_style_ends_where_it_should() -> None:
    text = Path("src/holdfast/report/html/style.css").read_text()
    assert text.isascii()
    assert "<" not in text
    assert "url(" not in text


def test_every_id_stands_once(page: str) -> None:
    ids = re.findall(r'\sid="([^"]*)"', page)
    assert len(ids) == len(set(ids))


def test_every_link_leads_somewhere(page: str) -> None:
    ids = set(re.findall(r'\sid="([^"]*)"', page))
    assert set(re.findall(r'href="#([^"]*)"', page)) - ids == set()


@pytest.mark.parametrize(
    "text",
    [
        "3 gaps are open on 2 of 3 hosts",
        "5 of 11 controls hold, each host counted; 2 have gaps and 4 are unknown.",
        "It ends on 31 Jan 2026",
        "203.0.113.12 port 22: no answer within 5 s",
        "-deploy ALL=(ALL) NOPASSWD: ALL",
        "+deploy ALL=(ALL) ALL",
        "it moves to a timer of its own in January",
        "sudo gpasswd -d mallory sudo",
    ],
)
def test_the_page_says(page: str, text: str) -> None:
    assert text in page


def test_a_clean_site_has_nothing_to_do() -> None:
    shown = Posture(100, (ShownHost("app", ("app",), "debian 12", AT),), ())
    page = document(Report("todo", AT, shown))
    assert "<h1>No gap is open</h1>" in page
    assert '<p class="what">Nothing</p>' in page


def test_a_host_that_was_changed_since_asks_for_an_audit() -> None:
    shown = Posture(100, (ShownHost("app", ("app",), "debian 12", AT, "", True),), ())
    assert "holdfast audit app" in document(Report("todo", AT, shown))


def attempts(*outcomes: Outcome) -> Report:
    made = [Attempt("c.x/a", "c.x", "app", "outside", "try it", o, "seen") for o in outcomes]
    return Report("todo", AT, attacks=attempted(made, AT))


@pytest.mark.parametrize(
    ("outcomes", "verdict"),
    [
        ((Outcome.REPELLED, Outcome.REPELLED), "Every attack was repelled"),
        ((Outcome.REPELLED, Outcome.SUCCEEDED), "1 attack succeeded"),
        ((Outcome.REPELLED, Outcome.INCONCLUSIVE), "1 attack showed nothing"),
        ((), "Nothing was attacked"),
    ],
)
def test_a_page_about_attacks_says_how_they_ended(
    outcomes: tuple[Outcome, ...], verdict: str
) -> None:
    assert f"<h1>{verdict}</h1>" in document(attempts(*outcomes))


def test_more_hosts_than_fit_abreast_get_another_table() -> None:
    hosts = tuple(ShownHost(f"web-{number}", ("app",), "debian 12", AT) for number in range(30))
    findings = tuple(ShownFinding(host.name, CONTROL, Status.PASS) for host in hosts)
    assert document(Report("todo", AT, Posture(100, hosts, findings))).count("<table") == 3


def test_what_succeeded_on_an_application_leads_to_what_its_developers_change() -> None:
    made = Attempt("a.b/c", "a.b", "app", "outside", "try it", Outcome.SUCCEEDED, "seen", "todo")
    page = document(Report("todo", AT, attacks=attempted([made], AT)))
    assert "On todo on app: see what to change" in page
    assert "holdfast explain a.b" in page
