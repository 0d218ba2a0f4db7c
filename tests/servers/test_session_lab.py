"""Sessions against real servers: Debian's own sshd, sudo and Python."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import asyncssh
import pytest

from holdfast.lab import Host, Lab
from holdfast.servers import hand_greeting
from holdfast.servers.hand_channel import Hand
from holdfast.servers.session import Challenge, Route, Session, SessionOptions
from holdfast.servers.session_errors import (
    HandLost,
    HostKeyChanged,
    HostKeyUnknown,
    LoginRefused,
    NoPython,
    SessionError,
    SudoLogsInput,
    SudoRefused,
    Unreachable,
)
from holdfast.servers.snapshot import read_snapshot
from holdfast.servers.zipapp import hand_zip

pytestmark = pytest.mark.xdist_group("lab-session")

PASSWORD = "correct horse battery"
STRANGER = asyncssh.generate_private_key("ssh-ed25519")
RELEASES = ("bookworm", "trixie")
USERS = """
set -e
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq -y install sudo
for user in alice bob carol erin; do
    useradd -m -s /bin/bash $user
    echo "$user:%(password)s" | chpasswd
done
printf '#!/bin/sh\\nwhile :; do echo garbage; done\\n' > /usr/local/bin/babble
printf '#!/bin/sh\\nexec sleep 60\\n' > /usr/local/bin/brood
chmod 755 /usr/local/bin/babble /usr/local/bin/brood
useradd -m -s /usr/local/bin/babble babbler
useradd -m -s /usr/local/bin/brood brooder
for user in alice bob carol erin babbler brooder; do
    install -d -m 700 -o $user -g $user /home/$user/.ssh
    echo '%(key)s' > /home/$user/.ssh/authorized_keys
    chown $user:$user /home/$user/.ssh/authorized_keys
done
echo 'alice ALL=(ALL) ALL' > /etc/sudoers.d/admins
echo 'bob ALL=(ALL) NOPASSWD: ALL' >> /etc/sudoers.d/admins
chmod 440 /etc/sudoers.d/admins
"""


@dataclass(frozen=True)
class Word:
    text: str = field(repr=False)

    def reveal(self) -> str:
        return self.text


@dataclass
class Asker:
    """Gives sudo's password, and counts how often it was asked to."""

    password: str = PASSWORD
    asked: int = 0

    async def __call__(self) -> Word:
        self.asked += 1
        return Word(self.password)


@dataclass(frozen=True)
class Servers:
    """The lab's two servers, with sudo and users: alice may use it, bob without a password,
    carol not at all; erin is for second factors."""

    lab: Lab
    hosts: dict[str, Host]
    options: SessionOptions

    def route(self, release: str, user: str = "root") -> Route:
        host = self.hosts[release]
        return Route(host.name, (host.public,), user)

    def with_session(
        self, release: str, user: str, story: Callable[[Session], Awaitable[None]]
    ) -> None:
        async def run() -> None:
            async with Session.open(self.route(release, user), self.options) as session:
                await story(session)

        asyncio.run(run())

    def start_hand(self, release: str, user: str, asker: Asker | None) -> bool:
        """Start and end a hand; returns whether it was root."""
        was_root: list[bool] = []

        async def story(session: Session) -> None:
            hand = await session.hand(asker)
            was_root.append(hand.root)
            assert await hand.ask({"do": "probe", "targets": []}) == {"results": []}
            await hand.close()

        self.with_session(release, user, story)
        return was_root[0]

    def log_in(self, route: Route, options: SessionOptions) -> str | None:
        async def run() -> str | None:
            async with Session.open(route, options) as session:
                return session.key_fingerprint

        return asyncio.run(run())


@pytest.fixture(scope="module")
def servers(lab: Lab) -> Servers:
    hosts = {host.release: host for host in lab.hosts.values()}
    key = (lab.site / "keys/admin_ed25519.pub").read_text().strip()
    for host in hosts.values():
        host.reset("untouched")
        host.check(["sh", "-c", USERS % {"password": PASSWORD, "key": key}])
    site = lab.site / ".holdfast"
    options = SessionOptions(
        known_hosts=site / "known_hosts", config=(site / "ssh_config",), agent=False
    )
    return Servers(lab, hosts, options)


@pytest.fixture
def own_pins(servers: Servers, tmp_path: Path) -> SessionOptions:
    """The same options with known_hosts of the test's own, empty so far."""
    return replace(servers.options, known_hosts=tmp_path / ".holdfast" / "known_hosts")


@contextmanager
def file_on(
    host: Host, path: str, content: str, mode: str, *after: Sequence[str]
) -> Iterator[None]:
    """A file that is there for a while; `after` are commands that make it count."""
    host.check(["sh", "-c", f"cat > {path} && chmod {mode} {path}"], input=content)
    for command in after:
        host.check(command)
    try:
        yield
    finally:
        host.check(["rm", path])
        for command in after:
            host.check(command)


@pytest.mark.parametrize("release", RELEASES)
def test_root_logs_in_by_key_and_gets_a_hand_that_is_root(servers: Servers, release: str) -> None:
    public = asyncssh.read_public_key(servers.lab.site / "keys/root_ed25519.pub")
    assert servers.log_in(servers.route(release), servers.options) == public.get_fingerprint()
    assert servers.start_hand(release, "root", None)


@pytest.mark.parametrize("release", RELEASES)
def test_sudo_with_the_right_password_makes_the_hand_root(servers: Servers, release: str) -> None:
    asker = Asker()
    assert servers.start_hand(release, "alice", asker)
    assert asker.asked == 1


@pytest.mark.parametrize("release", RELEASES)
def test_a_wrong_sudo_password_is_refused_after_one_try(servers: Servers, release: str) -> None:
    asker = Asker("a wrong word")
    with pytest.raises(SudoRefused, match="password is wrong"):
        servers.start_hand(release, "alice", asker)
    assert asker.asked == 1


@pytest.mark.parametrize("release", RELEASES)
def test_under_nopasswd_no_password_reaches_the_host(servers: Servers, release: str) -> None:
    tee = '#!/bin/sh\ntee /root/heard | /usr/bin/python3 "$@"\n'
    asker = Asker()
    with file_on(servers.hosts[release], "/usr/local/bin/python3", tee, "755"):
        assert servers.start_hand(release, "bob", asker)
        heard = servers.hosts[release].check(["sh", "-c", "head -c 8 /root/heard | od -An -tx1"])
    assert asker.asked == 0
    length = len(hand_zip().data).to_bytes(8, "big")
    assert bytes.fromhex(heard) == length  # of the hand: no word came before it


@pytest.mark.parametrize("release", RELEASES)
def test_who_may_not_use_sudo_is_told_so(servers: Servers, release: str) -> None:
    with pytest.raises(SudoRefused, match="may not use sudo"):
        servers.start_hand(release, "carol", Asker())


def test_where_sudo_asks_and_no_password_is_at_hand_it_says_so(servers: Servers) -> None:
    with pytest.raises(SudoRefused, match="none is at hand"):
        servers.start_hand("bookworm", "alice", None)


@pytest.mark.parametrize("release", RELEASES)
def test_a_host_without_sudo_is_told_apart(servers: Servers, release: str) -> None:
    host = servers.hosts[release]
    host.check(["mv", "/usr/bin/sudo", "/usr/bin/sudo.away"])
    try:
        with pytest.raises(SudoRefused, match="not installed"):
            servers.start_hand(release, "alice", Asker())
    finally:
        host.check(["mv", "/usr/bin/sudo.away", "/usr/bin/sudo"])


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("user", ["root", "alice"])
def test_a_host_without_python_is_told_apart(servers: Servers, release: str, user: str) -> None:
    host = servers.hosts[release]
    host.check(["mv", "/usr/bin/python3", "/usr/bin/python3.away"])
    try:
        with pytest.raises(NoPython):
            servers.start_hand(release, user, Asker())
    finally:
        host.check(["mv", "/usr/bin/python3.away", "/usr/bin/python3"])


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize(
    "policy", ["Defaults log_input\n", "Defaults:carol log_input\n", "carol ALL = LOG_INPUT: ALL\n"]
)
def test_sudo_that_keeps_input_is_refused(servers: Servers, release: str, policy: str) -> None:
    with file_on(servers.hosts[release], "/etc/sudoers.d/keeps", policy, "440"):
        with pytest.raises(SudoLogsInput):
            servers.start_hand(release, "alice", Asker())
        assert servers.start_hand(release, "root", None)
    assert servers.start_hand(release, "alice", Asker())


def test_a_hand_without_privilege_needs_no_sudo(servers: Servers) -> None:
    async def story(session: Session) -> None:
        hand = await session.hand(privileged=False)
        assert not hand.root
        here = {"do": "probe", "targets": [["127.0.0.1", 22], ["127.0.0.1", 23]], "timeout_s": 2}
        results = (await hand.ask(here))["results"]
        assert [result[2] for result in results] == ["open", "refused"]
        await hand.close()

    servers.with_session("bookworm", "carol", story)


@pytest.mark.parametrize("release", RELEASES)
def test_nothing_of_a_hand_is_left_on_the_host(servers: Servers, release: str) -> None:
    servers.hosts[release].check(["touch", "/root/before"])
    servers.start_hand(release, "root", None)
    newer = ["find", "/", "-xdev", "-type", "f", "-newer", "/root/before", "-name", "*.py*"]
    assert servers.hosts[release].check(newer) == ""


def test_a_hand_that_the_host_keeps_is_not_sent_again(servers: Servers) -> None:
    async def story(session: Session) -> None:
        await (await session.hand()).close()

    host = servers.hosts["bookworm"]
    kept = f"/usr/lib/holdfast/hand-{hand_zip().sha256}.pyz"
    host.check(["install", "-d", "-m", "755", "/usr/lib/holdfast"])
    tee = '#!/bin/sh\ntee /root/heard | /usr/bin/python3 "$@"\n'
    local = Path(str(host.files.root) + kept)
    local.write_bytes(hand_zip().data)
    local.chmod(0o644)
    try:
        with file_on(host, "/usr/local/bin/python3", tee, "755"):
            servers.with_session("bookworm", "root", story)
            assert host.check(["stat", "-c", "%s", "/root/heard"]).strip() == "0"
            for spoil in (["chmod", "666", kept], ["chown", "alice", kept]):
                host.check(spoil)
                servers.with_session("bookworm", "root", story)
                size = int(host.check(["stat", "-c", "%s", "/root/heard"]))
                assert size == len(hand_zip().framed()), spoil
                host.check(["chown", "root", kept])
                host.check(["chmod", "644", kept])
    finally:
        host.check(["rm", "-r", "/usr/lib/holdfast"])


def test_a_wrong_key_is_refused(servers: Servers) -> None:
    alone = replace(servers.options, keys=(STRANGER,))
    with pytest.raises(LoginRefused, match="publickey"):
        servers.log_in(servers.route("bookworm", "alice"), alone)


def test_a_password_alone_logs_in_where_the_host_takes_it(servers: Servers) -> None:
    by_password = replace(servers.options, keys=(), password=Word(PASSWORD))
    assert servers.log_in(servers.route("bookworm", "alice"), by_password) is None
    wrong = replace(by_password, password=Word("a wrong word"))
    with pytest.raises(LoginRefused):
        servers.log_in(servers.route("bookworm", "alice"), wrong)


@pytest.mark.parametrize("release", RELEASES)
def test_an_unknown_host_key_must_be_accepted_and_is_then_pinned(
    servers: Servers, own_pins: SessionOptions, release: str
) -> None:
    with pytest.raises(HostKeyUnknown):
        servers.log_in(servers.route(release), own_pins)
    accepting = replace(own_pins, accept_new=lambda host, shown: True)
    assert servers.log_in(servers.route(release), accepting)
    assert servers.log_in(servers.route(release), own_pins)
    assert servers.hosts[release].public in own_pins.known_hosts.read_text()


@pytest.mark.parametrize("release", RELEASES)
def test_a_changed_host_key_is_refused_whoever_accepts(
    servers: Servers, own_pins: SessionOptions, release: str
) -> None:
    host = servers.hosts[release]
    own_pins.known_hosts.parent.mkdir(mode=0o700)
    own_pins.known_hosts.write_bytes(
        f"{host.name} ".encode() + STRANGER.convert_to_public().export_public_key("openssh")
    )
    own_pins.known_hosts.chmod(0o600)
    with pytest.raises(HostKeyChanged, match="was reinstalled"):
        servers.log_in(servers.route(release), replace(own_pins, accept_new=lambda *_: True))


def test_a_host_behind_another_is_reached_through_it(servers: Servers) -> None:
    inner = servers.hosts["trixie"]
    route = Route(inner.name, (inner.private,), "root", through=servers.route("bookworm", "carol"))

    async def run() -> None:
        async with Session.open(route, servers.options) as session:
            left = await session.run(["sh", "-c", "echo $SSH_CONNECTION"])
            assert left.stdout.decode().split()[0] == servers.hosts["bookworm"].private
            hand = await session.hand()
            assert hand.root
            await hand.close()

    asyncio.run(run())


def test_a_host_that_is_off_the_network_is_given_up_in_time(servers: Servers) -> None:
    host = servers.hosts["trixie"]
    host.cut_network()
    try:
        started = time.monotonic()
        with pytest.raises(Unreachable, match="no answer within 1 s"):
            servers.log_in(servers.route("trixie"), replace(servers.options, connect_s=1))
        assert time.monotonic() - started < 5
    finally:
        host.restore_network()


def test_a_network_that_is_cut_loses_the_hand_by_the_missing_keepalive(servers: Servers) -> None:
    host = servers.hosts["trixie"]

    async def run() -> None:
        impatient = replace(servers.options, keepalive_s=0.5)
        async with Session.open(servers.route("trixie"), impatient) as session:
            hand = await session.hand()
            host.cut_network()
            started = time.monotonic()
            with pytest.raises(HandLost):
                await hand.ask({"do": "probe", "targets": []})
            assert time.monotonic() - started < 20

    try:
        asyncio.run(run())
    finally:
        host.restore_network()


@pytest.mark.parametrize("release", RELEASES)
def test_a_login_that_is_ended_by_the_host_loses_the_hand(servers: Servers, release: str) -> None:
    async def run() -> None:
        async with Session.open(servers.route(release, "alice"), servers.options) as session:
            hand = await session.hand(Asker())
            nobody = servers.hosts[release].public.rpartition(".")[0] + ".99"
            silent = {"do": "probe", "targets": [[nobody, 9]], "timeout_s": 20}
            asked = asyncio.create_task(hand.ask(silent))
            await asyncio.to_thread(
                servers.hosts[release].check, ["loginctl", "kill-user", "-s", "KILL", "alice"]
            )
            with pytest.raises(HandLost):
                await asked

    asyncio.run(run())


@pytest.mark.parametrize("user", ["babbler", "brooder"])
def test_a_login_that_babbles_or_broods_is_given_up(
    servers: Servers, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hand_greeting, "READY_S", 2.0)
    with pytest.raises(SessionError):
        servers.start_hand("bookworm", user, Asker())


SECOND_FACTOR = """\
Match User erin
    AuthenticationMethods publickey,keyboard-interactive
    KbdInteractiveAuthentication yes
"""


@pytest.mark.parametrize("release", RELEASES)
def test_a_key_and_a_second_factor_log_in_together(servers: Servers, release: str) -> None:
    asked: list[Challenge] = []

    async def codes(challenge: Challenge) -> None:
        asked.append(challenge)

    host = servers.hosts[release]
    config = "/etc/ssh/sshd_config.d/second.conf"
    public = asyncssh.read_public_key(servers.lab.site / "keys/admin_ed25519.pub")
    route = servers.route(release, "erin")
    with file_on(host, config, SECOND_FACTOR, "644", ["systemctl", "restart", "ssh"]):
        both = replace(servers.options, password=Word(PASSWORD), codes=codes)
        assert servers.log_in(route, both) == public.get_fingerprint()
        with pytest.raises(LoginRefused, match="the key was accepted"):
            servers.log_in(route, replace(both, password=None))
    assert asked == []


def test_a_command_runs_with_its_arguments_whole(servers: Servers) -> None:
    async def story(session: Session) -> None:
        odd = "two words; $HOME `id` 'quoted' \\ \n*"
        left = await session.run(["printf", "%s", odd])
        assert (left.status, left.stdout) == (0, odd.encode())
        left = await session.run(["sh", "-c", "cat >&2; exit 4"], b"x" * 1_000_000)
        assert (left.status, left.stderr) == (4, b"x" * 1_000_000)

    servers.with_session("bookworm", "carol", story)


def test_a_configuration_gives_the_host_no_agent_no_terminal_and_no_variables(
    servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generous = tmp_path / "ssh_config"
    generous.write_text("Host *\n ForwardAgent yes\n RequestTTY force\n SetEnv LC_GIFT=here\n")
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent.sock"))
    options = replace(servers.options, config=(generous, *servers.options.config))

    async def run() -> None:
        async with Session.open(servers.route("bookworm", "carol"), options) as session:
            left = await session.run(["sh", "-c", 'tty; echo "<$SSH_AUTH_SOCK$LC_GIFT>"'])
            assert left.stdout == b"not a tty\n<>\n"

    asyncio.run(run())


@pytest.mark.parametrize("release", RELEASES)
def test_a_snapshot_comes_in_one_answer(servers: Servers, release: str) -> None:
    async def story(session: Session) -> None:
        hand = await session.hand(Asker())
        snapshot = read_snapshot(json.dumps(await hand.ask({"do": "snapshot"})))
        await hand.close()
        assert snapshot.privileged
        assert snapshot.hostname == servers.hosts[release].name

    servers.with_session(release, "alice", story)


def test_many_hands_share_one_login(servers: Servers) -> None:
    async def story(session: Session) -> None:
        hands: list[Hand] = await asyncio.gather(*(session.hand(Asker()) for _ in range(4)))
        assert all(hand.root for hand in hands)
        await asyncio.gather(*(hand.close() for hand in hands))

    servers.with_session("bookworm", "alice", story)
