"""Logins over SSH against a server in this process: trust, keys, challenges, ways."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from doors import HOST_KEY, KEY, Door, server

from holdfast.servers.session import Challenge, Route, Session, SessionOptions
from holdfast.servers.session_errors import (
    HandLost,
    HostKeyChanged,
    HostKeyUnknown,
    LoginRefused,
    SessionError,
    Unreachable,
)

HOST_RSA = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
STRANGER = asyncssh.generate_private_key("ecdsa-sha2-nistp256")
PASSWORD = "the provider's word"


@dataclass(frozen=True)
class Word:
    text: str = field(repr=False)

    def reveal(self) -> str:
        return self.text


@pytest.fixture
def options(tmp_path: Path) -> SessionOptions:
    return SessionOptions(
        known_hosts=tmp_path / ".holdfast" / "known_hosts",
        keys=(KEY,),
        agent=False,
        accept_new=lambda host, shown: True,
    )


def told(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 60))


async def logged_in(route: Route, options: SessionOptions) -> str | None:
    async with Session.open(route, options) as session:
        return session.key_fingerprint


def test_a_key_that_fits_logs_in_and_is_named(options: SessionOptions) -> None:
    async def story() -> None:
        async with server(Door()) as route, Session.open(route, options) as session:
            assert session.key_fingerprint == KEY.get_fingerprint()
            assert (session.host, session.user, session.address) == ("app", "alice", "127.0.0.1")

    told(story())


def test_the_key_named_is_the_one_that_fitted_not_the_first(options: SessionOptions) -> None:
    async def story() -> None:
        async with server(Door()) as route:
            several = replace(options, keys=(STRANGER, KEY, HOST_RSA))
            assert await logged_in(route, several) == KEY.get_fingerprint()

    told(story())


def test_a_preferred_key_is_offered_first(options: SessionOptions) -> None:
    async def story() -> None:
        door = Door()
        async with server(door) as route:
            preferring = replace(options, keys=(STRANGER, KEY), prefer=(KEY.get_fingerprint(),))
            await logged_in(route, preferring)
        assert set(door.heard) == {KEY.get_fingerprint()}

    told(story())


def test_a_key_that_is_there_twice_is_offered_once(options: SessionOptions) -> None:
    async def story() -> None:
        door = Door()
        async with server(door) as route:
            await logged_in(route, replace(options, keys=(STRANGER, STRANGER, KEY)))
        assert door.heard.count(STRANGER.get_fingerprint()) == 1

    told(story())


def test_a_wrong_key_is_refused_with_what_the_host_offers(options: SessionOptions) -> None:
    async def story() -> None:
        async with server(Door(password=PASSWORD)) as route:
            with pytest.raises(LoginRefused) as refused:
                await logged_in(route, replace(options, keys=(STRANGER,)))
        assert "alice" in str(refused.value)
        assert "publickey" in str(refused.value)
        assert "password" in str(refused.value)

    told(story())


def test_no_key_is_offered_where_none_may_be(options: SessionOptions) -> None:
    async def story() -> None:
        door = Door()
        async with server(door) as route:
            with pytest.raises(LoginRefused):
                await logged_in(route, replace(options, keys=()))
        assert door.heard == []

    told(story())


def test_a_password_logs_in_and_no_key_is_named(options: SessionOptions) -> None:
    async def story() -> None:
        async with server(Door(keys=(), password=PASSWORD)) as route:
            first = replace(options, password=Word(PASSWORD))
            assert await logged_in(route, first) is None
        async with server(Door(password=PASSWORD)) as route:
            after_a_key = replace(first, keys=(STRANGER,), known_hosts=options.known_hosts)
            assert await logged_in(route, after_a_key) is None

    told(story())


def test_a_password_goes_to_the_host_and_never_to_a_jump_host(options: SessionOptions) -> None:
    async def story() -> None:
        jump_door, door = Door(keys=(), password=PASSWORD), Door(keys=(), password=PASSWORD)
        async with server(jump_door) as jump, server(door) as target:
            through = replace(target, host="db", through=jump)
            with pytest.raises(LoginRefused):
                await logged_in(through, replace(options, password=Word(PASSWORD)))
        assert jump_door.heard == []
        assert door.heard == []

    told(story())


def test_a_wrong_password_is_sent_once_and_stands_in_no_error(options: SessionOptions) -> None:
    async def story() -> None:
        door = Door(keys=(), password=PASSWORD)
        async with server(door) as route:
            with pytest.raises(LoginRefused) as refused:
                await logged_in(route, replace(options, password=Word("a wrong word")))
        assert door.heard == ["a wrong word"]
        assert "a wrong word" not in str(refused.value) + repr(refused.value.__cause__)

    told(story())


def test_an_unknown_host_key_is_refused_and_nothing_is_offered(options: SessionOptions) -> None:
    async def story() -> None:
        door = Door()
        async with server(door) as route:
            for nobody in (None, lambda host, shown: False):
                with pytest.raises(HostKeyUnknown) as unknown:
                    await logged_in(route, replace(options, accept_new=nobody))
                assert HOST_KEY.get_fingerprint() in str(unknown.value)
        assert door.heard == []
        assert not options.known_hosts.exists()

    told(story())


def test_an_unknown_host_key_is_asked_about_once_and_then_pinned(options: SessionOptions) -> None:
    async def story() -> None:
        asked = []

        async def accept(host: str, shown: str) -> bool:
            asked.append((host, shown))
            return True

        async with server(Door()) as route:
            for _ in range(2):
                await logged_in(route, replace(options, accept_new=accept))
        assert asked == [("app", f"ssh-ed25519 {HOST_KEY.get_fingerprint()}")]

    told(story())


def test_a_changed_host_key_stops_the_login_whoever_accepts(options: SessionOptions) -> None:
    async def story() -> None:
        async with server(Door()) as route:
            await logged_in(route, options)
        door = Door()
        async with server(door, [STRANGER]) as other:
            # The name is pinned for port 22 too, so that the new port does not make it unknown.
            pinned = options.known_hosts.read_text().replace(f":{route.port}", f":{other.port}")
            options.known_hosts.write_text(pinned)
            with pytest.raises(HostKeyChanged) as changed:
                await logged_in(other, options)
        assert HOST_KEY.get_fingerprint() in str(changed.value)
        assert STRANGER.get_fingerprint() in str(changed.value)
        assert f"{options.known_hosts}:1" in str(changed.value)
        assert door.heard == []

    told(story())


def test_a_host_with_several_keys_is_asked_for_the_pinned_one(options: SessionOptions) -> None:
    async def story() -> None:
        async with server(Door(), [HOST_KEY, HOST_RSA, STRANGER]) as route:
            for key in (HOST_RSA, STRANGER, HOST_KEY):
                options.known_hosts.parent.mkdir(mode=0o700, exist_ok=True)
                options.known_hosts.write_bytes(
                    f"[app]:{route.port} ".encode() + key.export_public_key("openssh")
                )
                options.known_hosts.chmod(0o600)
                assert await logged_in(route, replace(options, accept_new=None))

    told(story())


def test_the_next_address_is_tried_where_one_refuses(options: SessionOptions) -> None:
    async def story() -> None:
        async with server(Door()) as route:
            several = replace(route, addresses=("::1", "127.0.0.1"))
            async with Session.open(several, options) as session:
                assert session.address == "127.0.0.1"

    told(story())


def test_a_name_and_v6_lead_to_the_host(options: SessionOptions) -> None:
    async def story() -> None:
        async with server(Door(), address="::1") as route:
            assert await logged_in(route, options)
        async with server(Door()) as route:
            assert await logged_in(replace(route, addresses=("localhost",)), options)

    told(story())


def test_every_address_that_failed_is_named_in_one_line(options: SessionOptions) -> None:
    async def story() -> None:
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            port = bound.getsockname()[1]
            addresses = ("127.0.0.1", "::1", "no.such.name.invalid")
            with pytest.raises(Unreachable) as unreachable:
                await logged_in(Route("app", addresses, "alice", port), options)
        for address in addresses:
            assert f"{address} port {port}: " in str(unreachable.value)
        assert "\n" not in str(unreachable.value)

    told(story())


@pytest.mark.parametrize(
    "greeting",
    [b"", b"SSH-2.0-silence\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x1b[2J" * 5000],
)
def test_a_server_that_talks_no_ssh_is_given_up_in_time(
    options: SessionOptions, greeting: bytes
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await reader.read()
        writer.close()

    async def story() -> None:
        listening = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with listening:
            route = Route("app", ("127.0.0.1",), "alice", listening.sockets[0].getsockname()[1])
            with pytest.raises(Unreachable) as unreachable:
                await logged_in(route, replace(options, login_s=0.5))
        assert str(unreachable.value).isprintable()

    told(story())


def test_a_server_that_hangs_up_is_unreachable(options: SessionOptions) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"Not allowed at this time\r\n")
        writer.close()

    async def story() -> None:
        listening = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with listening:
            route = Route("app", ("127.0.0.1",), "alice", listening.sockets[0].getsockname()[1])
            with pytest.raises(Unreachable, match="closed the connection before a login"):
                await logged_in(route, options)

    told(story())


def answering(*answers: Sequence[str] | None) -> tuple[list[Challenge], Callable[..., Any]]:
    asked: list[Challenge] = []
    left = list(answers)

    async def codes(challenge: Challenge) -> Sequence[str] | None:
        asked.append(challenge)
        return left.pop(0) if left else None

    return asked, codes


def test_a_code_is_asked_for_with_the_host_s_prompt(options: SessionOptions) -> None:
    async def story() -> None:
        asked, codes = answering(["123456"])
        door = Door(
            keys=(), prompts=("One-time password (OATH) for `alice': ",), answers=("123456",)
        )
        async with server(door) as route:
            assert await logged_in(route, replace(options, codes=codes)) is None
        assert asked == [Challenge("app", "alice", ("One-time password (OATH) for `alice':",))]
        assert door.heard == ["123456"]

    told(story())


def test_a_refused_code_is_followed_by_a_new_question_until_codes_gives_up(
    options: SessionOptions,
) -> None:
    async def story() -> None:
        asked, codes = answering(["111111"], ["222222"], None)
        door = Door(keys=(), prompts=("Verification code: ",), answers=("333333",))
        async with server(door) as route:
            with pytest.raises(LoginRefused):
                await logged_in(route, replace(options, codes=codes))
        assert door.heard == ["111111", "222222"]
        assert len(asked) == 3

    told(story())


def test_a_person_may_take_longer_for_a_code_than_the_login_may(options: SessionOptions) -> None:
    async def story() -> None:
        async def slowly(challenge: Challenge) -> list[str]:
            await asyncio.sleep(0.6)
            return ["123456"]

        door = Door(keys=(), prompts=("Verification code: ",), answers=("123456",))
        async with server(door) as route:
            await logged_in(route, replace(options, codes=slowly, login_s=0.5))

    told(story())


def test_a_code_s_failure_is_the_caller_s_own(options: SessionOptions) -> None:
    class NoCode(Exception):
        pass

    async def story() -> None:
        async def broken(challenge: Challenge) -> list[str]:
            raise NoCode

        async with server(Door(keys=(), prompts=("Code: ",))) as route:
            with pytest.raises(NoCode):
                await logged_in(route, replace(options, codes=broken))

    told(story())


def test_a_challenge_without_prompts_is_answered_with_nothing(options: SessionOptions) -> None:
    async def story() -> None:
        asked, codes = answering()

        class Banner(Door):
            def kbdint_auth_supported(self) -> bool:
                return True

            def validate_kbdint_response(self, username: str, responses: Sequence[str]) -> bool:
                return responses == []

        async with server(Banner(keys=())) as route:
            await logged_in(route, replace(options, codes=codes))
        assert asked == []

    told(story())


@pytest.mark.parametrize("prompt", ["Password: ", "(current) UNIX password: ", "passphrase"])
def test_a_password_prompt_is_answered_only_with_a_password_that_was_given(
    options: SessionOptions, prompt: str
) -> None:
    async def story() -> None:
        asked, codes = answering(["a code"])
        door = Door(keys=(), prompts=(prompt,), answers=(PASSWORD,))
        async with server(door) as route:
            with pytest.raises(LoginRefused):
                await logged_in(route, replace(options, codes=codes))
            assert (asked, door.heard) == ([], [])
            await logged_in(route, replace(options, codes=codes, password=Word(PASSWORD)))
        assert (asked, door.heard) == ([], [PASSWORD])

    told(story())


def test_a_password_and_a_code_asked_for_together_are_told_apart(options: SessionOptions) -> None:
    async def story() -> None:
        asked, codes = answering(["123456"])
        door = Door(
            keys=(), prompts=("Password: ", "Verification code: "), answers=(PASSWORD, "123456")
        )
        async with server(door) as route:
            await logged_in(route, replace(options, codes=codes, password=Word(PASSWORD)))
        assert [challenge.prompts for challenge in asked] == [("Verification code:",)]

    told(story())


def test_a_prompt_cannot_steer_the_terminal(options: SessionOptions) -> None:
    async def story() -> None:
        asked, codes = answering(None)
        async with server(Door(keys=(), prompts=("\x1b[2JCode\r\n" + "x" * 9999,))) as route:
            with pytest.raises(LoginRefused):
                await logged_in(route, replace(options, codes=codes))
        assert asked[0].prompts[0].isprintable()
        assert len(asked[0].prompts[0]) < 1000

    told(story())


def test_a_jump_host_leads_to_the_host(options: SessionOptions) -> None:
    async def story() -> None:
        jump_door = Door()
        async with server(jump_door) as jump, server(Door(), [STRANGER]) as target:
            route = replace(target, host="db", through=replace(jump, host="app"))
            assert await logged_in(route, options) == KEY.get_fingerprint()
            assert set(jump_door.destinations) == {("127.0.0.1", target.port)}
            logins = len(jump_door.connections)
            async with (
                Session.open(jump, options) as open_jump,
                Session.open(route, options, through=open_jump) as session,
            ):
                assert (await session.run(["echo", "there"])).stdout == b"there\n"
            assert len(jump_door.connections) == logins + 1

    told(story())


def test_a_host_that_is_down_behind_a_jump_is_unreachable(options: SessionOptions) -> None:
    async def story() -> None:
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            async with server(Door()) as jump:
                route = Route("db", ("127.0.0.1",), "alice", bound.getsockname()[1], jump)
                with pytest.raises(Unreachable, match="db"):
                    await logged_in(route, options)

    told(story())


def test_a_configuration_gives_keys_and_cannot_lead_elsewhere(
    options: SessionOptions, tmp_path: Path
) -> None:
    async def story() -> None:
        door = Door()
        key_file = tmp_path / "id"
        KEY.write_private_key(key_file)
        config = tmp_path / "ssh_config"
        config.write_text(
            f"Host app\n  IdentityFile {key_file}\n  IdentitiesOnly yes\n"
            "Host *\n  HostName 203.0.113.99\n  User mallory\n  Port 1\n"
            "  ProxyJump mallory@203.0.113.99\n  ProxyCommand false\n  ForwardAgent yes\n"
            "  RemoteCommand echo elsewhere\n  RequestTTY force\n  ConnectTimeout 1\n"
            "  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n"
            "  PubkeyAuthentication no\n  HostKeyAlgorithms ssh-rsa\n"
        )
        async with server(door) as route:
            configured = replace(options, keys=None, config=(config,))
            async with Session.open(route, configured) as session:
                assert session.key_fingerprint == KEY.get_fingerprint()
                assert (await session.run(["echo", "here"])).stdout == b"here\n"

    told(story())


@pytest.mark.parametrize(
    "content", ["Host *\n  Port nonsense\n", "IdentityFile /no/such/key\n", "Host 'app\n"]
)
def test_a_configuration_that_is_broken_is_named(
    options: SessionOptions, tmp_path: Path, content: str
) -> None:
    async def story() -> None:
        config = tmp_path / "ssh_config"
        config.write_text(content)
        async with server(Door()) as route:
            with pytest.raises(SessionError, match=r"ssh_config line|/no/such/key"):
                await logged_in(route, replace(options, keys=None, config=(config,)))

    told(story())


@contextmanager
def agent(tmp_path: Path, *keys: asyncssh.SSHKey) -> Iterator[Path]:
    sock = tmp_path / "agent.sock"
    running = subprocess.Popen(
        ["ssh-agent", "-D", "-a", str(sock)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )

    async def load() -> None:
        while not sock.exists():
            await asyncio.sleep(0.01)
        async with asyncssh.connect_agent(str(sock)) as client:
            await client.add_keys(list(keys))

    try:
        asyncio.run(asyncio.wait_for(load(), 10))
        yield sock
    finally:
        running.terminate()
        running.wait(timeout=10)


def test_the_agent_s_keys_count_unless_they_must_not(
    options: SessionOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        with_agent = replace(options, keys=(HOST_RSA,), agent=True)
        async with server(Door()) as route:
            assert await logged_in(route, with_agent) == KEY.get_fingerprint()
            with pytest.raises(LoginRefused):
                await logged_in(route, replace(with_agent, agent=False))

    with agent(tmp_path, STRANGER, KEY) as sock:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(sock))
        told(story())


def test_an_agent_that_is_gone_is_no_fault(
    options: SessionOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        async with server(Door()) as route:
            assert await logged_in(route, replace(options, agent=True)) == KEY.get_fingerprint()

    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "gone"))
    told(story())


def test_a_hand_works_over_ssh(options: SessionOptions) -> None:
    async def story() -> None:
        async with server(Door()) as route, Session.open(route, options) as session:
            hand = await session.hand(privileged=False)
            assert hand.root is (os.geteuid() == 0)
            assert await hand.ask({"do": "probe", "targets": []}) == {"results": []}
            await hand.close()

    told(story())


def test_a_connection_that_is_cut_loses_the_hand(options: SessionOptions) -> None:
    async def story() -> None:
        door = Door()
        async with server(door) as route, Session.open(route, options) as session:
            hand = await session.hand(privileged=False)
            targets = [["127.0.0.1", 1]]
            asked = asyncio.create_task(hand.ask({"do": "probe", "targets": targets}))
            await asyncio.sleep(0)
            door.connections[-1].abort()
            with pytest.raises(HandLost, match="app"):
                await asked
            with pytest.raises(HandLost):
                await session.run(["true"])
            with pytest.raises(HandLost):
                await session.hand(privileged=False)

    told(story())


def test_a_command_over_ssh_gets_its_arguments_whole(options: SessionOptions) -> None:
    async def story() -> None:
        async with server(Door()) as route, Session.open(route, options) as session:
            odd = "two words; $HOME `id` 'quoted' \\ \n*"
            left = await session.run(["printf", "%s", odd])
            assert (left.status, left.stdout) == (0, odd.encode())
            left = await session.run(["sh", "-c", "cat >&2; exit 4"], b"input")
            assert (left.status, left.stderr) == (4, b"input")
            with pytest.raises(HandLost, match="did not end within"):
                await session.run(["sleep", "600"], timeout_s=0.2)

    told(story())
