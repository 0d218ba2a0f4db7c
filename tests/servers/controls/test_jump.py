"""ssh.jump: what is forwarded is what a jump needs, where a jump is needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from building import SITE, SSHD_DEFAULTS, file, site, snapshot, sshd

from holdfast.servers.control import Gap, Phase
from holdfast.servers.controls.jump import gaps
from holdfast.servers.snapshot import EffectiveSshd, Snapshot
from holdfast.servers.sshd_config import FILE, render
from holdfast.site import Site

NOTHING = {
    "AllowTcpForwarding": "no",
    "AllowStreamLocalForwarding": "no",
    "GatewayPorts": "no",
    "PermitTunnel": "no",
}
BEHIND = SITE.replace(
    '[hosts.db]\nroles = ["database"]\n', '[hosts.db]\nroles = ["database"]\nthrough = "app"\n'
)


Facts = dict[str, Any]


def host(
    settings: Mapping[str, str] | None = None, *, ours: str = "", daemon: Facts | None = None
) -> Snapshot:
    """A host that forwards nothing, except for these settings."""
    decided = {key.lower(): (value,) for key, value in (NOTHING | dict(settings or {})).items()}
    files = {FILE: file(ours)} if ours else {}
    return snapshot(sshd=sshd(decided, **(daemon or {})), files=files)


def jump_host(settings: Mapping[str, str] | None = None, *, ours: str = "") -> Snapshot:
    return host({"AllowTcpForwarding": "local"} | dict(settings or {}), ours=ours)


def found(seen: Snapshot, of: Site | None = None) -> list[Gap]:
    of = of or site()
    return list(gaps(of.hosts["app"], {"app": seen}, of))


def wanted(seen: Snapshot, of: Site | None = None) -> set[tuple[str, str, Phase]]:
    return {(w.key, w.value, w.phase) for gap in found(seen, of) for w in gap.wants}


def test_a_host_that_forwards_nothing_has_no_gap() -> None:
    assert found(host()) == []


def test_a_fresh_server_stops_forwarding() -> None:
    assert wanted(snapshot(sshd=sshd())) == {
        ("AllowTcpForwarding", "no", Phase.NARROW),
        ("AllowStreamLocalForwarding", "no", Phase.NARROW),
    }


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("AllowTcpForwarding", "yes"),
        ("AllowTcpForwarding", "local"),
        ("AllowTcpForwarding", "remote"),
        ("AllowStreamLocalForwarding", "local"),
        ("GatewayPorts", "yes"),
        ("GatewayPorts", "clientspecified"),
        ("PermitTunnel", "point-to-point"),
        ("PermitTunnel", "ethernet"),
    ],
)
def test_what_nobody_needs_is_turned_off(keyword: str, value: str) -> None:
    assert wanted(host({keyword: value})) == {(keyword, "no", Phase.NARROW)}


def test_a_jump_host_that_forwards_onwards_alone_has_no_gap() -> None:
    assert found(jump_host(), site(BEHIND)) == []


def test_a_jump_host_forwards_onwards_alone() -> None:
    seen = jump_host({"AllowTcpForwarding": "yes"})
    assert wanted(seen, site(BEHIND)) == {("AllowTcpForwarding", "local", Phase.NARROW)}


@pytest.mark.parametrize("value", ["GatewayPorts", "PermitTunnel", "AllowStreamLocalForwarding"])
def test_a_jump_host_forwards_nothing_else(value: str) -> None:
    assert wanted(jump_host({value: "yes"}), site(BEHIND)) == {(value, "no", Phase.NARROW)}


@pytest.mark.parametrize(
    ("keyword", "bad", "good"),
    [
        ("AllowTcpForwarding", "no", "local"),
        ("DisableForwarding", "yes", "no"),
        ("PermitOpen", "none", "any"),
    ],
)
def test_what_keeps_admins_from_jumping_is_opened_before_anything_is_closed(
    keyword: str, bad: str, good: str
) -> None:
    seen = jump_host({keyword: bad}, ours=render({"AllowTcpForwarding": "other"}))
    assert wanted(seen, site(BEHIND)) == {(keyword, good, Phase.WIDEN)}


def test_a_jump_host_that_goes_backwards_alone_is_turned_round() -> None:
    values = wanted(jump_host({"AllowTcpForwarding": "remote"}), site(BEHIND))
    assert {(key, value) for key, value, _ in values} == {("AllowTcpForwarding", "local")}


def test_who_is_no_admin_need_not_jump() -> None:
    seen = jump_host()
    good = {key.lower(): (value,) for key, value in {**NOTHING, "AllowTcpForwarding": "no"}.items()}
    admin = {**good, "allowtcpforwarding": ("local",)}
    effective = (
        EffectiveSshd(user="root", address="10.0.0.9", settings={**SSHD_DEFAULTS, **good}),
        EffectiveSshd(user="alice", address="10.0.0.9", settings={**SSHD_DEFAULTS, **admin}),
    )
    daemon = sshd(effective=effective)
    assert found(seen.model_copy(update={"sshd": daemon}), site(BEHIND)) == []


def test_a_host_behind_another_is_no_jump_host_itself() -> None:
    of, seen = site(BEHIND), host()
    assert list(gaps(of.hosts["db"], {"db": seen}, of)) == []


def test_nothing_is_wanted_while_sshd_has_not_read_its_files() -> None:
    seen = host({"GatewayPorts": "yes"}, daemon={"changed": 201.0, "loaded": 200.0})
    assert [gap.automatic for gap in found(seen)] == [False]
