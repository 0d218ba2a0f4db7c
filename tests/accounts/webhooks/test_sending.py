"""Where an event may be sent, and where not."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import ipaddress
import socket
import threading
import time

import pytest

from holdfast.accounts.webhooks import sending
from holdfast.accounts.webhooks.sending import (
    NotSent,
    Target,
    is_allowed,
    new_secret,
    resolved,
    send,
    signature,
    target,
)

INSIDE = [
    *("127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.5.5", "192.168.1.1", "169.254.169.254"),
    *("0.0.0.0", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "255.255.255.255"),
    *("::1", "::", "fe80::1", "fc00::1", "fd77::1", "ff02::1", "::ffff:127.0.0.1"),
    *("::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2001:db8::1"),
]


@pytest.mark.parametrize("address", INSIDE)
def test_what_is_not_public_is_not_sent_to(address: str) -> None:
    assert not is_allowed(ipaddress.ip_address(address), ())


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_what_is_public_is(address: str) -> None:
    assert is_allowed(ipaddress.ip_address(address), ())


def test_a_network_is_allowed_by_name() -> None:
    allowed = [ipaddress.ip_network("10.1.0.0/16")]
    assert is_allowed(ipaddress.ip_address("10.1.2.3"), allowed)
    assert is_allowed(ipaddress.ip_address("::ffff:10.1.2.3"), allowed)
    assert not is_allowed(ipaddress.ip_address("10.2.0.1"), allowed)


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "0x7f000001", "2130706433", "127.1", "0", "::1"]
)
def test_a_name_for_oneself_in_any_spelling_is_refused(host: str) -> None:
    with pytest.raises(NotSent):
        resolved(Target(True, host, 443, "/"), ())


WRONG = [
    *("", "x", "ftp://example.org/", "https://", "https:///x", "http://example.org/"),
    *("https://user:pass@example.org/", "https://example.org/#x", "https://exa mple.org/"),
    *("https://example.org/\r\nX: y", "https://exämple.org/", "https://example.org:99999/"),
    *("https://example.org\\@evil.example/", "https://[::1", "javascript:alert(1)"),
]


@pytest.mark.parametrize("url", WRONG)
def test_what_is_no_url_for_events_is_refused(url: str) -> None:
    with pytest.raises(NotSent):
        target(url)


def test_a_url_is_read_whole() -> None:
    read = target("https://example.org:8443/a/b?c=d")
    assert (read.secure, read.host, read.port, read.path) == (
        *(True, "example.org", 8443, "/a/b?c=d"),
    )


def test_the_signature_is_that_of_the_standard() -> None:
    # the example of the Standard Webhooks' specification
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = '{"test": 2432232314}'
    made = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_secrets_differ_and_have_their_form() -> None:
    one, other = new_secret(), new_secret()
    assert one != other
    assert len(base64.b64decode(one.removeprefix("whsec_"))) == 32
    made = hmac.new(base64.b64decode(one[6:]), b"n.1.b", hashlib.sha256).digest()
    assert signature(one, "n", 1, "b") == "v1," + base64.b64encode(made).decode()


def test_a_name_that_is_not_there_is_said_so() -> None:
    with pytest.raises(NotSent, match="cannot be found"):
        send("https://nowhere.invalid/", new_secret(), "1", "{}", ())


def test_in_clear_only_to_what_is_allowed() -> None:
    allowed = [ipaddress.ip_network("10.1.0.0/16")]
    for text, open_to in (("10.1.2.3", True), ("93.184.216.34", False)):
        assert is_allowed(ipaddress.ip_address(text), allowed, secure=False) == open_to


@pytest.mark.parametrize("greeting", [b"", b"\x16\x03"])
def test_who_never_ends_shaking_hands_is_cut(
    monkeypatch: pytest.MonkeyPatch, greeting: bytes
) -> None:
    monkeypatch.setattr(sending, "TIMEOUT_S", 0.7)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def dribble() -> None:
            with contextlib.suppress(OSError):
                peer, _ = server.accept()
                with peer:
                    for _ in range(60):
                        peer.sendall(greeting)
                        time.sleep(0.1)

        thread = threading.Thread(target=dribble, daemon=True)
        thread.start()
        began = time.monotonic()
        url = f"https://127.0.0.1:{server.getsockname()[1]}/"
        with pytest.raises(NotSent):
            send(url, new_secret(), "1", "{}", [ipaddress.ip_network("127.0.0.0/8")])
        assert time.monotonic() - began < 4
    thread.join(10)
