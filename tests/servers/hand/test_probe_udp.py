"""Datagrams, on this machine: what comes back, from where, and what does not."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import pytest

from holdfast.servers.hand.failed import Failed
from holdfast.servers.hand.probe import probe
from holdfast.servers.hand.probe_udp import OTHERWISE, QUESTIONS

LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}
LARGEST_DATAGRAM = 1232  # what every IPv6 path carries


def bound(family: socket.AddressFamily = socket.AF_INET) -> socket.socket:
    made = socket.socket(family, socket.SOCK_DGRAM)
    made.bind((LOOPBACK[family], 0))
    made.settimeout(5)
    return made


@contextmanager
def answered_by(*senders: socket.socket, at: socket.socket) -> Iterator[list[bytes]]:
    """One datagram that arrives is answered from each of these sockets."""
    heard: list[bytes] = []

    def answer() -> None:
        question, asker = at.recvfrom(4096)
        heard.append(question)
        for sender in senders:
            sender.sendto(b"here", asker)

    thread = Thread(target=answer)
    thread.start()
    yield heard
    thread.join()


def outcomes(*targets: tuple[str, int], timeout_s: float = 0.3) -> list[str]:
    request: dict[str, Any] = {"protocol": "udp", "timeout_s": timeout_s}
    answer = probe({**request, "targets": [list(target) for target in targets]}, lambda _: None)
    return [outcome for _, _, outcome in answer["results"]]


@pytest.mark.parametrize("family", LOOPBACK)
def test_a_service_that_answers_is_open(family: socket.AddressFamily) -> None:
    with bound(family) as service, answered_by(service, at=service) as heard:
        assert outcomes(service.getsockname()[:2], timeout_s=5) == ["open"]
    assert heard == [OTHERWISE]


@pytest.mark.parametrize("family", LOOPBACK)
def test_an_answer_from_another_port_of_the_address_counts(family: socket.AddressFamily) -> None:
    with (
        bound(family) as service,
        bound(family) as other,
        answered_by(other, at=service),
    ):
        assert outcomes(service.getsockname()[:2], timeout_s=5) == ["open"]


def test_an_answer_from_another_address_does_not_count() -> None:
    with bound() as service, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.2", 0))
        with answered_by(other, at=service):
            assert outcomes(service.getsockname()) == ["silent"]


@pytest.mark.parametrize("family", LOOPBACK)
def test_a_port_on_which_nobody_listens_is_refused(family: socket.AddressFamily) -> None:
    with bound(family) as closed:
        where = closed.getsockname()[:2]
    assert outcomes(where, timeout_s=5) == ["refused"]


def test_a_service_that_does_not_answer_is_silent() -> None:
    with bound() as service:
        assert outcomes(service.getsockname()) == ["silent"]


def test_what_is_no_address_is_an_error() -> None:
    assert outcomes(("not.an.address", 53))[0].startswith("error: ")


def test_many_ports_are_asked_at_once_and_told_in_the_order_asked() -> None:
    closed = [("127.0.0.2", port) for port in range(1, 501)]
    with bound() as service, answered_by(service, at=service):
        found = outcomes(*closed, service.getsockname(), timeout_s=1)
    assert set(found[:-1]) <= {"refused", "silent"}
    assert (len(found), found[-1]) == (501, "open")


def test_a_protocol_that_is_not_known_is_refused() -> None:
    with pytest.raises(Failed, match="protocol"):
        probe({"protocol": "sctp", "targets": []}, lambda _: None)


@pytest.mark.parametrize("port", QUESTIONS)
def test_a_question_fits_into_one_datagram(port: int) -> None:
    assert 0 < len(QUESTIONS[port]) <= LARGEST_DATAGRAM


def ber(data: bytes) -> list[tuple[int, bytes]]:
    """The elements of a BER encoding with short lengths."""
    found = []
    while data:
        tag, length, data = data[0], data[1], data[2:]
        assert length <= len(data)
        found.append((tag, data[:length]))
        data = data[length:]
    return found


def test_the_question_to_snmp_asks_for_the_systems_description() -> None:
    ((_, message),) = ber(QUESTIONS[161])
    version, community, (kind, request) = ber(message)
    assert (version, community, kind) == ((2, b"\x00"), (4, b"public"), 0xA0)
    ((_, bindings),) = [element for element in ber(request) if element[0] == 0x30]
    ((_, binding),) = ber(bindings)
    assert ber(binding) == [(6, bytes.fromhex("2b06010201010100")), (5, b"")]


def test_the_question_to_a_directory_asks_for_its_root() -> None:
    ((_, message),) = ber(QUESTIONS[389])
    number, (kind, search) = ber(message)
    assert (number, kind) == ((2, b"\x01"), 0x63)
    assert ber(search)[-2:] == [(0x87, b"objectclass"), (0x30, b"")]


@pytest.mark.parametrize("port", [53, 137, 5353])
def test_a_question_about_names_holds_one_name(port: int) -> None:
    question = QUESTIONS[port]
    assert question[4:12] == b"\x00\x01" + bytes(6)
    rest = question[12:]
    while rest[0]:
        rest = rest[1 + rest[0] :]
    assert len(rest) == 1 + 4


@pytest.mark.parametrize("port", [500, 4500])
def test_the_question_to_ike_says_how_long_it_is(port: int) -> None:
    header = QUESTIONS[port][-28:]
    assert int.from_bytes(header[-4:], "big") == len(header)


def test_the_question_to_stun_is_a_header_without_attributes() -> None:
    assert (len(QUESTIONS[3478]), QUESTIONS[3478][2:4]) == (20, bytes(2))


@pytest.mark.parametrize("port", [111, 2049])
def test_a_remote_call_is_ten_words(port: int) -> None:
    assert len(QUESTIONS[port]) == 40
