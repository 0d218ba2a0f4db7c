"""A snapshot comes from a host that may be hostile: what is not one is refused in one line."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from building import account, file, snapshot, sshd
from hypothesis import given
from hypothesis import strategies as st

from holdfast.servers.snapshot import (
    LARGEST_SNAPSHOT,
    SNAPSHOT_VERSION,
    CannotJudge,
    Firewall,
    Listener,
    Release,
    SnapshotError,
    Unreadable,
    judged,
    read_snapshot,
    require_supported,
)

WHOLE = snapshot(
    listeners=(Listener(protocol="tcp", address="*", port=22, process="sshd"),),
    firewall=Firewall(installed=True, base_chains=(), holdfast="table", forwarding=False),
    accounts={"root": account(0, key_files={"/root/.ssh": file("", 0o700)})},
    sshd=sshd(),
    sudo=Unreadable(unreadable="needs root"),
)
DATA: dict[str, Any] = json.loads(WHOLE.model_dump_json())


def changed(path: str, value: Any) -> str:
    """The snapshot's JSON with one place replaced."""
    data = json.loads(json.dumps(DATA))
    here = data
    *above, last = path.split(">")
    for part in above:
        here = here[int(part)] if isinstance(here, list) else here[part]
    here[int(last) if isinstance(here, list) else last] = value
    return json.dumps(data)


def refusal(data: str | bytes) -> str:
    with pytest.raises(SnapshotError) as caught:
        read_snapshot(data)
    return str(caught.value)


def test_a_snapshot_is_read_back_as_it_was_written() -> None:
    assert read_snapshot(WHOLE.model_dump_json()) == WHOLE


def test_a_snapshot_is_read_from_bytes_too() -> None:
    assert read_snapshot(WHOLE.model_dump_json().encode()) == WHOLE


def test_a_newer_snapshot_says_what_to_use() -> None:
    message = refusal(changed("version", SNAPSHOT_VERSION + 1))
    assert "use a newer Holdfast" in message


def test_a_newer_snapshot_is_not_judged_by_what_this_version_knows_of_it() -> None:
    data = json.dumps({**DATA, "version": 2, "something": "new"})
    assert "use a newer Holdfast" in refusal(data)


@pytest.mark.parametrize("cut", [0, 1, 100, -1])
def test_a_snapshot_that_was_cut_short_says_so(cut: int) -> None:
    assert "cut short or damaged" in refusal(json.dumps(DATA)[:cut])


@pytest.mark.parametrize(
    "data",
    ["", "hello", "{", "\x00", b"\xff\xfe", b"\x80", "[" * 200_000, "1" * 5000, '{"version": 1}}'],
    ids=["empty", "word", "brace", "nul", "BOM", "no UTF-8", "deep", "long number", "more"],
)
def test_what_is_no_json_is_refused_in_one_line(data: str | bytes) -> None:
    assert len(refusal(data).splitlines()) == 1


@pytest.mark.parametrize(
    "data", ["null", "[]", "1", '"x"', "{}", '{"version": "1"}', '{"version": 1.5}']
)
def test_other_json_is_not_a_snapshot(data: str) -> None:
    assert refusal(data) == "this JSON is not a snapshot: it has no version"


@pytest.mark.parametrize("data", [" " * (LARGEST_SNAPSHOT + 1), b" " * (LARGEST_SNAPSHOT + 1)])
def test_a_huge_snapshot_is_not_parsed(data: str | bytes) -> None:
    assert refusal(data) == f"the snapshot is larger than {LARGEST_SNAPSHOT} bytes"


def test_the_largest_snapshot_is_parsed() -> None:
    whole = json.dumps(DATA)
    assert read_snapshot(whole + " " * (LARGEST_SNAPSHOT - len(whole))) == WHOLE


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("version", True),
        ("at", "now"),
        ("privileged", 1),
        ("privileged", "true"),
        ("hostname", None),
        ("hostname", "x" * 257),
        ("addresses", "10.0.0.1"),
        ("packages", ["sudo"]),
        ("packages>sudo", 1),
        ("accounts>root>uid", -1),
        ("accounts>root>uid", "0"),
        ("accounts>root>password", "none"),
        ("accounts>root>expired", "no"),
        ("accounts>root>hash", "$6$"),
        ("accounts>root>key_files", dict.fromkeys(map(str, range(17)), None)),
        ("accounts>root>key_files>/root/.ssh", {}),
        ("files>/etc/x", {"mode": 1}),
        ("sshd>version", 9),
        ("sshd>changed", None),
        ("sshd>effective>0>settings>x", "yes"),
        ("sshd>effective>0>settings>x", ["yes"] * 257),
        ("listeners>0>port", 65536),
        ("listeners>0>port", -1),
        ("listeners>0>protocol", "sctp"),
        ("firewall>holdfast", "x" * 262_145),
        ("firewall>forwarding", None),
        ("sudo>unreadable", "x" * 4097),
        ("sudo>installed", True),
        ("units>ssh.service", "active"),
        ("release", None),
        ("surprise", 1),
    ],
)
def test_a_damaged_snapshot_is_refused_in_one_line(path: str, value: Any) -> None:
    message = refusal(changed(path, value))
    assert message.startswith("the snapshot is damaged at ")
    assert len(message.splitlines()) == 1


def test_a_damaged_snapshot_says_where() -> None:
    assert "'accounts" in refusal(changed("accounts>root>uid", "0"))


@pytest.mark.parametrize("path", sorted(DATA))
def test_a_snapshot_without_a_section_is_refused(path: str) -> None:
    refusal(json.dumps({key: value for key, value in DATA.items() if key != path}))


@pytest.mark.parametrize("number", ["NaN", "1e999"])
@pytest.mark.parametrize("path", ["seconds", "sshd>changed"])
def test_a_time_that_is_no_number_is_refused(path: str, number: str) -> None:
    """Such a number compares as false with everything, and JSON cannot hold it."""
    data = changed(path, "@number@").replace('"@number@"', number)
    refusal(data)


@pytest.mark.parametrize("hostile", ["\x1b[2J", "\u202e", "a\nb", "\u2028", "\r"])
def test_a_refusal_shows_no_hostile_key_as_it_came(hostile: str) -> None:
    message = refusal(json.dumps({**DATA, f"evil{hostile}": 1}))
    assert hostile not in message


def test_a_refusal_is_bounded_whatever_was_sent() -> None:
    assert len(refusal(json.dumps({**DATA, "x" * 100_000: 1}))) < 1000


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_no_bytes_end_in_anything_but_a_refusal(data: bytes | str) -> None:
    refusal(data)


@given(st.sampled_from(sorted(DATA)), json_values)
def test_no_value_in_any_section_ends_in_anything_but_a_snapshot_or_a_refusal(
    section: str, value: Any
) -> None:
    with contextlib.suppress(SnapshotError):
        read_snapshot(json.dumps({**DATA, section: value}))


def release(id_: str, version: str) -> Release:
    return Release(id=id_, version=version, codename="x", name="Some\u202e Linux")


@pytest.mark.parametrize(
    ("id_", "version"),
    [("debian", "12"), ("debian", "13"), ("ubuntu", "22.04"), ("ubuntu", "24.04")],
)
def test_a_release_whose_facts_are_known_is_supported(id_: str, version: str) -> None:
    require_supported(snapshot(release=release(id_, version)))


@pytest.mark.parametrize(
    ("id_", "version"),
    [("debian", "11"), ("ubuntu", "20.04"), ("debian", ""), ("debian", "sid"), ("fedora", "42")],
)
def test_any_other_release_is_refused_in_one_harmless_line(id_: str, version: str) -> None:
    with pytest.raises(SnapshotError, match=r"^[^\n\u202e]*Debian 12 and later[^\n\u202e]*$"):
        require_supported(snapshot(release=release(id_, version)))


def test_a_release_that_could_not_be_read_is_refused() -> None:
    with pytest.raises(SnapshotError, match="needs root"):
        require_supported(snapshot(release=Unreadable(unreadable="needs root")))


def test_what_could_not_be_read_cannot_be_judged() -> None:
    with pytest.raises(CannotJudge, match="needs root"):
        judged(Unreadable(unreadable="needs root"))


def test_what_was_read_is_judged_as_it_is() -> None:
    assert judged(("a",)) == ("a",)
