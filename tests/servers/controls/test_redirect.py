"""firewall.redirect: the ports of the web lead to an application that serves itself."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from building import DIRECT_SITE, file, site, snapshot

from holdfast.servers.access import Redirect
from holdfast.servers.control import Gap, NotApplicable
from holdfast.servers.controls.firewall import UNIT_FILE
from holdfast.servers.controls.firewall import gaps as gaps_of_the_filter
from holdfast.servers.controls.redirect import gaps
from holdfast.servers.firewall_table import FILE, UNIT, loadable, render
from holdfast.servers.resources import FIREWALL_UNIT
from holdfast.servers.snapshot import Firewall, Listener, Snapshot, Unit

WEB = ("tcp dport 22 accept", "tcp dport 80 accept", "tcp dport 443 accept")
BOTH = (Redirect(80, 3000), Redirect(443, 3003))
SECOND = DIRECT_SITE[DIRECT_SITE.index("[apps.todo]") :].replace("todo", "shop")


def host(
    redirects: Sequence[Redirect] = BOTH,
    listeners: Sequence[Listener] = (),
    running: str | None = None,
) -> Snapshot:
    """An application host whose table redirects so and lets in what the site says."""
    table = render(WEB, redirects) if running is None else running
    return snapshot(
        firewall=Firewall(installed=True, base_chains=(), holdfast=table or None, forwarding=False),
        listeners=tuple(listeners),
        files={UNIT_FILE: file(UNIT), FILE: file(loadable(table))},
        units={FIREWALL_UNIT: Unit(active="active", enabled="enabled")},
    )


def listener(port: int, address: str = "*") -> Listener:
    return Listener(protocol="tcp", address=address, port=port, process="node")


def found(seen: Snapshot, text: str = DIRECT_SITE) -> list[Gap]:
    of = site(text)
    return list(gaps(of.hosts["app"], {"app": seen}, of))


def wanted(seen: Snapshot) -> set[tuple[str, str]]:
    return {(want.key, want.value) for gap in found(seen) for want in gap.wants}


def test_a_host_that_redirects_both_ports_has_no_gap() -> None:
    assert found(host()) == []


@pytest.mark.parametrize("serve", ['"proxy"\nlisten = "127.0.0.1:3000"', '"static"'])
def test_a_host_without_an_application_that_serves_itself_is_not_judged(serve: str) -> None:
    with pytest.raises(NotApplicable):
        found(host(), DIRECT_SITE.replace('"direct"', serve))


@pytest.mark.parametrize("missing", BOTH)
def test_a_missing_redirect_is_added(missing: Redirect) -> None:
    left = [one for one in BOTH if one != missing]
    assert wanted(host(left)) == {(f"redirect {missing.port}", str(missing.to))}


def test_a_redirect_that_leads_elsewhere_is_corrected() -> None:
    assert wanted(host([Redirect(80, 22), BOTH[1]])) == {("redirect 80", "3000")}


def test_where_the_table_is_missing_everything_that_it_lets_in_is_wanted_too() -> None:
    of, seen = site(DIRECT_SITE), host(running="")
    filter_ = {
        want for g in gaps_of_the_filter(of.hosts["app"], {"app": seen}, of) for want in g.wants
    }
    wants = {want for gap in found(seen) for want in gap.wants}
    assert {want.key for want in wants - filter_} == {"redirect 80", "redirect 443"}
    assert filter_ < wants


def test_several_applications_that_want_the_same_ports_are_for_a_person() -> None:
    (gap,) = found(host([]), DIRECT_SITE + SECOND)
    assert (gap.automatic, "todo, shop" in gap.evidence) == (False, True)


def test_whom_a_redirect_would_cut_off_is_for_a_person() -> None:
    (gap,) = found(host([BOTH[1]], [listener(80)]))
    assert (gap.automatic, "node on *" in gap.evidence) == (False, True)


def test_the_other_port_is_redirected_meanwhile() -> None:
    assert wanted(host([], [listener(80)])) == {("redirect 443", "3003")}


def test_a_listener_on_loopback_is_cut_off_from_nobody() -> None:
    assert found(host(BOTH, [listener(80, "127.0.0.1"), listener(443, "::1")])) == []


def test_an_application_on_loopback_is_not_reached_by_redirect() -> None:
    (gap,) = found(host(BOTH, [listener(3000, "127.0.0.1")]))
    assert (gap.automatic, "[::]:3000" in gap.mend) == (False, True)


@pytest.mark.parametrize("address", ["*", "::", "0.0.0.0", "203.0.113.10"])
def test_an_application_that_others_reach_has_no_gap(address: str) -> None:
    assert found(host(BOTH, [listener(3000, address), listener(3000, "127.0.0.1")])) == []
