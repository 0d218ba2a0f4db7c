"""kernel.parameters: what the running kernel is told, and which modules may load."""

from __future__ import annotations

import pytest
from building import file, site, snapshot

from holdfast.servers.control import Gap
from holdfast.servers.controls.kernel import CONTAINERS, SHOWN, gaps
from holdfast.servers.hand.kernel import READ
from holdfast.servers.kernel_parameters import (
    FILE,
    MODULES,
    MODULES_FILE,
    PARAMETERS,
    Parameter,
    matching,
    parse,
    parse_modules,
    render,
    render_modules,
)
from holdfast.servers.snapshot import Kernel, Snapshot

GOOD = {one.name.replace("*", "eth0"): one.wanted for one in PARAMETERS}
REFUSED = file(render_modules(dict.fromkeys(MODULES, "refused")))
REDIRECTS = "net/ipv4/conf/*/accept_redirects"


def host(virtualisation: str = "kvm", **values: str) -> Snapshot:
    """A host that is as wanted, save for these values."""
    changed = {name.replace("__", "/"): value for name, value in values.items()}
    return snapshot(
        kernel=Kernel(parameters=GOOD | changed),
        virtualisation=virtualisation,
        files={MODULES_FILE: REFUSED},
    )


def found(seen: Snapshot) -> list[Gap]:
    of = site()
    return list(gaps(of.hosts["app"], {"app": seen}, of))


def test_what_is_as_wanted_is_no_gap() -> None:
    assert found(host()) == []


@pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda one: one.name)
def test_each_weak_value_is_a_gap_that_wants_the_good_one(parameter: Parameter) -> None:
    name = parameter.name.replace("*", "eth0").replace("/", "__")
    (gap,) = found(host(**{name: "7"}))
    assert [(w.resource, w.key, w.value) for w in gap.wants] == [
        ("kernel", parameter.name, parameter.wanted)
    ]


@pytest.mark.parametrize("parameter", [one for one in PARAMETERS if one.also], ids=lambda o: o.name)
def test_a_value_that_is_as_good_is_no_gap(parameter: Parameter) -> None:
    name = parameter.name.replace("*", "eth0").replace("/", "__")
    assert [found(host(**{name: value})) for value in parameter.also] == [[]] * len(parameter.also)


def test_one_weak_interface_is_enough_and_not_all_are_shown() -> None:
    weak = {f"net__ipv4__conf__eth{n}__accept_redirects": "1" for n in range(1, SHOWN + 3)}
    (gap,) = found(host(**weak))
    assert gap.evidence.endswith("eth3/accept_redirects = 1 and 2 more")


def test_a_parameter_that_this_kernel_lacks_is_none_of_its_gaps() -> None:
    seen = host().model_copy(update={"kernel": Kernel(parameters={})})
    assert found(seen) == []


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_container_is_judged_by_its_own_network_only(container: str) -> None:
    weak = {"kernel__kptr_restrict": "0", "net__core__bpf_jit_harden": "0"}
    assert found(host(container, **weak)) == []
    (gap,) = found(host(container, net__ipv4__tcp_syncookies="0", **weak))
    assert gap.evidence == "net/ipv4/tcp_syncookies = 0"


def test_what_somebody_else_sets_after_our_file_is_for_a_person() -> None:
    seen = host(net__ipv4__tcp_syncookies="0")
    written = file(render({"net/ipv4/tcp_syncookies": "1"}))
    (gap,) = found(seen.model_copy(update={"files": {**seen.files, FILE: written}}))
    assert not gap.automatic
    assert "grep -rn tcp_syncookies /etc/sysctl* /etc/ufw" in gap.mend


def test_modules_that_nothing_refuses_are_named() -> None:
    seen = host().model_copy(
        update={"files": {MODULES_FILE: file(render_modules({"dccp": "refused"}))}}
    )
    (gap,) = found(seen)
    assert {want.key for want in gap.wants} == set(MODULES) - {"dccp"}


def test_each_parameter_is_read_by_the_hand() -> None:
    assert {one.name for one in PARAMETERS} == set(READ)


def test_a_file_is_read_as_it_is_written() -> None:
    values = {one.name: one.wanted for one in PARAMETERS}
    assert parse(render(values)) == values
    assert parse_modules(render_modules({"dccp": "refused"})) == {"dccp": "refused"}


def test_what_somebody_else_wrote_into_it_is_not_taken_for_ours() -> None:
    assert parse("x\nnet/ipv4/tcp_syncookies=1\n$(id) = 1\n") == {}


def test_a_pattern_stands_for_each_interface() -> None:
    values = {"net/ipv4/conf/eth0.1/accept_redirects": "1", "net/ipv6/conf/all/x": "1"}
    assert list(matching(values, REDIRECTS)) == ["net/ipv4/conf/eth0.1/accept_redirects"]
