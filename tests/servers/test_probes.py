"""The site's own connections: what a change on a host could break."""

from __future__ import annotations

from building import DIRECT_SITE, SITE, site

from holdfast.servers.probes import probes_for

PROXY = DIRECT_SITE.replace('serve = "direct"', 'listen = "127.0.0.1:8080"')


def tried(text: str, name: str) -> set[tuple[str, str, int]]:
    of = site(text)
    return {(p.vantage, p.address, p.port) for p in probes_for(of.hosts[name], of)}


DATABASE = {("app", "10.0.0.12", 3306), ("app", "fd00::12", 3306)}
VISITORS = {("outside", "203.0.113.10", port) for port in (80, 443)}


def test_a_database_is_reached_from_its_application_whichever_of_both_changes() -> None:
    assert tried(SITE, "app") == tried(SITE, "db") == DATABASE


def test_an_application_answers_where_it_listens_and_its_visitors_from_outside() -> None:
    assert tried(PROXY, "app") == {("app", "127.0.0.1", 8080), *VISITORS, *DATABASE}


def test_an_application_that_serves_itself_answers_behind_the_redirect_too() -> None:
    behind = {("app", "127.0.0.1", port) for port in (3000, 3003)}
    assert tried(DIRECT_SITE, "app") == {*behind, *VISITORS, *DATABASE}


def test_an_application_is_not_probed_for_another_host() -> None:
    assert tried(DIRECT_SITE, "db") == DATABASE
