"""The attacks of the controls: what makes each succeed, be repelled, or say nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import pytest
from building import DIRECT_SITE, SITE, account, site, snapshot

from holdfast.servers.attack import (
    AlgorithmClass,
    Attack,
    Endpoint,
    Exchange,
    Kind,
    Login,
    OtherKeys,
    Outcome,
    PasswordTrial,
    Ran,
    Reach,
    Verdict,
)
from holdfast.servers.catalogue import host_controls
from holdfast.servers.snapshot import Listener, Snapshot
from holdfast.site import Role, Secret, Site

ATTACKS = {f"{c.id}/{a.name}": a for c in host_controls() for a in c.attacks}

THREE_HOSTS = (
    SITE
    + """
[hosts.backup]
roles = ["backup"]
address = "203.0.113.12"
private_address = "10.0.0.13"
"""
)
NO_DATABASE = SITE[: SITE.index("[databases.todo]")]
PEOPLE = {
    "root": account(0, shell="/bin/bash"),
    "alice": account(1000, shell="/bin/bash"),
    "bob": account(1001, shell="/bin/bash"),
    "gone": account(1002, shell="/bin/bash", expired=True),
    "daemon": account(1),
}


class FakeAttacker:
    """An attacker against a host that answers as told; `tried` holds what was attempted."""

    def __init__(
        self,
        name: str = "app",
        *,
        of: Site | None = None,
        seen: Snapshot | None = None,
        login: str = "alice",
        reach: Callable[[str, Endpoint], Reach] = lambda vantage, endpoint: Reach.SILENT,
        logins: Mapping[str, Login] | None = None,
        otherwise: Login = Login.REFUSED,
        ran: Callable[[Sequence[str]], Ran] = lambda argv: Ran(1, ""),
        weak: Sequence[str] = (),
        strong: bool = True,
        su: bool = False,
        no_other_keys: bool = False,
        agent: str = "",
        exchanges: Mapping[str, Exchange] | None = None,
    ) -> None:
        self.site = of or site()
        self.host = self.site.hosts[name]
        self.snapshot = seen or snapshot(accounts=PEOPLE)
        self.login = login
        self.tried: list[tuple[str, str]] = []
        self.typed: list[str] = []
        self._weak, self._strong, self._su = weak, strong, su
        self.protocols: set[str] = set()
        self._no_other_keys, self._agent = no_other_keys, agent
        self._exchanges = {"": Exchange.COMPLETED, **(exchanges or {})}
        self._reach, self._logins, self._otherwise, self._ran = reach, logins, otherwise, ran

    async def connect(self, vantage: str, endpoints: Sequence[Endpoint]) -> dict[Endpoint, Reach]:
        self.tried += [(vantage, f"{e.address} {e.port}") for e in endpoints]
        self.protocols |= {endpoint.protocol for endpoint in endpoints}
        return {endpoint: self._reach(vantage, endpoint) for endpoint in endpoints}

    async def login_with_admin_key(self, user: str) -> Login:
        return self._log_in("admin key", user)

    async def login_with_new_key(self, user: str) -> Login:
        return self._log_in("new key", user)

    async def login_with_password(self, user: str) -> Login:
        return self._log_in("password", user)

    def _log_in(self, how: str, user: str) -> Login:
        self.tried.append((how, user))
        return (self._logins or {}).get(user, self._otherwise)

    async def login_by_key_file(self, path: str) -> Login:
        return self._log_in(f"key in ~/{path}", self.login)

    async def login_with_other_keys(self, user: str) -> OtherKeys:
        login = self._log_in("other keys", user)
        tried = () if self._no_other_keys else ("SHA256:other",)
        accepted = ("SHA256:other",) if login is Login.ACCEPTED else ()
        return OtherKeys(tried, accepted, login is Login.UNREACHED, self._no_other_keys)

    async def forwarded_agent(self) -> str:
        self.tried.append(("forward agent", self.login))
        return self._agent

    async def exchange_keys(self, offer: Mapping[AlgorithmClass, Sequence[str]]) -> Exchange:
        self.tried.append(("offer", ", ".join(offer)))
        return self._exchanges.get("".join(offer), Exchange.REFUSED)

    async def run(self, argv: Sequence[str], typed: str = "") -> Ran:
        self.tried.append(("run", " ".join(argv)))
        self.typed.append(typed)
        return self._ran(argv)

    async def own_password(self) -> Secret:
        return Secret("the operator's own")

    async def try_passwords(self, passwords: Sequence[str]) -> PasswordTrial:
        self.tried += [("password", password) for password in passwords]
        taken = tuple(password in self._weak for password in passwords)
        return PasswordTrial(taken, strong=self._strong, reason="no dictionary")

    async def stranger_by_su(self) -> bool:
        return self._su

    async def canary(self) -> bool:
        return True


def attempted(attack: str, attacker: FakeAttacker) -> Verdict:
    async def attempt() -> Verdict:
        return await ATTACKS[attack].attempt(attacker)

    return asyncio.run(attempt())


def outcome(attack: str, attacker: FakeAttacker) -> Outcome:
    return attempted(attack, attacker).outcome


# Whether updates come is seen only on the day when one is needed, and a changed file up to a week
# later; forged redirects come from a host's own network, where no vantage is; and one control is
# about the machine of the admin, not a server.
NOT_ATTACKED = {
    "admins.key-passphrase",
    "kernel.parameters",
    "packages.intact",
    "updates.automatic",
}
NOISY = {"firewall.inbound/every-port", "ssh.key-files/second-key-file"}


def test_every_control_is_attacked() -> None:
    attacked = {name.split("/")[0] for name in ATTACKS}
    assert {control.id for control in host_controls()} - attacked == NOT_ATTACKED


def test_an_attack_that_makes_noise_has_to_be_asked_for() -> None:
    noisy = {name for name, attack in ATTACKS.items() if attack.kind is not Kind.SAFE}
    assert noisy == NOISY


# Logging in

ONE_LOGIN = {
    "ssh.keys-only/root-with-key": ("admin key", "root"),
    "ssh.keys-only/admin-with-password": ("password", "alice"),
    "ssh.keys-only/strangers-key": ("new key", "alice"),
    "ssh.key-files/second-key-file": ("key in ~/.ssh/authorized_keys2", "alice"),
}
VERDICTS = {
    Login.ACCEPTED: Outcome.SUCCEEDED,
    Login.REFUSED: Outcome.REPELLED,
    Login.UNREACHED: Outcome.INCONCLUSIVE,
}


@pytest.mark.parametrize("attack", ONE_LOGIN)
@pytest.mark.parametrize(("login", "verdict"), VERDICTS.items())
def test_how_the_login_ends_is_how_the_attack_ends(
    attack: str, login: Login, verdict: Outcome
) -> None:
    assert outcome(attack, FakeAttacker(otherwise=login)) is verdict


@pytest.mark.parametrize(("attack", "tried"), ONE_LOGIN.items())
def test_the_login_is_tried_with_what_the_attack_says(attack: str, tried: tuple[str, str]) -> None:
    attacker = FakeAttacker()
    attempted(attack, attacker)
    assert attacker.tried == [tried]


@pytest.mark.parametrize(
    "attack",
    [
        "ssh.keys-only/admin-with-password",
        "sudo.password/sudo-without-password",
        "admins.ordinary/empty-password",
    ],
)
def test_at_first_contact_there_is_no_admin_whose_way_could_be_tried(attack: str) -> None:
    assert outcome(attack, FakeAttacker(login="root")) is Outcome.INCONCLUSIVE


def test_the_password_of_an_admin_is_not_tried_on_the_account_of_an_image() -> None:
    attacker = FakeAttacker(login="debian")
    assert outcome("ssh.keys-only/admin-with-password", attacker) is Outcome.INCONCLUSIVE
    assert attacker.tried == []


STRANGER = "admins.ordinary/log-in-as-a-stranger"


def test_a_stranger_who_is_let_in_is_named() -> None:
    verdict = attempted(STRANGER, FakeAttacker(logins={"bob": Login.ACCEPTED}))
    assert (verdict.outcome, verdict.evidence.split()[0]) == (Outcome.SUCCEEDED, "bob")


def test_an_account_that_does_not_exist_is_tried_too() -> None:
    attacker = FakeAttacker()
    attempted(STRANGER, attacker)
    assert attacker.tried == [("admin key", "bob"), ("admin key", "holdfast-stranger")]


def test_strangers_who_are_all_refused_are_repelled() -> None:
    assert outcome(STRANGER, FakeAttacker()) is Outcome.REPELLED


def test_a_server_that_answers_nobody_repels_no_stranger() -> None:
    assert outcome(STRANGER, FakeAttacker(otherwise=Login.UNREACHED)) is Outcome.INCONCLUSIVE


def test_one_stranger_who_could_not_be_tried_leaves_it_open() -> None:
    attacker = FakeAttacker(logins={"bob": Login.UNREACHED})
    assert outcome(STRANGER, attacker) is Outcome.INCONCLUSIVE


def test_a_stranger_who_is_let_in_counts_even_if_another_could_not_be_tried() -> None:
    attacker = FakeAttacker(logins={"bob": Login.UNREACHED, "holdfast-stranger": Login.ACCEPTED})
    assert outcome(STRANGER, attacker) is Outcome.SUCCEEDED


REMOVED = "ssh.key-files/removed-key"


def test_every_other_key_is_tried_as_the_operator_and_as_root() -> None:
    attacker = FakeAttacker()
    verdict = attempted(REMOVED, attacker)
    assert attacker.tried == [("other keys", "alice"), ("other keys", "root")]
    assert (verdict.outcome, "SHA256:other" in verdict.evidence) == (Outcome.REPELLED, True)


def test_another_key_that_is_let_in_is_named() -> None:
    verdict = attempted(REMOVED, FakeAttacker(logins={"root": Login.ACCEPTED}))
    assert verdict == Verdict(Outcome.SUCCEEDED, "root was let in with SHA256:other")


def test_a_machine_without_other_keys_says_that_one_was_made() -> None:
    verdict = attempted(REMOVED, FakeAttacker(no_other_keys=True))
    assert (verdict.outcome, "made a moment ago" in verdict.evidence) == (Outcome.REPELLED, True)


def test_a_key_that_could_not_be_tried_leaves_it_open() -> None:
    attacker = FakeAttacker(logins={"root": Login.UNREACHED})
    assert outcome(REMOVED, attacker) is Outcome.INCONCLUSIVE


# Algorithms and agents

WEAK_OFFER = "ssh.modern/weak-algorithms"
CLASSES = ["key exchange", "cipher", "MAC", "host key"]


def test_weak_algorithms_are_offered_class_by_class_and_modern_ones_last() -> None:
    attacker = FakeAttacker()
    assert outcome(WEAK_OFFER, attacker) is Outcome.REPELLED
    assert attacker.tried == [("offer", name) for name in (*CLASSES, "")]


@pytest.mark.parametrize("of", CLASSES)
def test_one_weak_class_that_is_agreed_on_is_named(of: str) -> None:
    verdict = attempted(WEAK_OFFER, FakeAttacker(exchanges={of: Exchange.COMPLETED}))
    assert (verdict.outcome, verdict.evidence.endswith(f"a weak {of}")) == (Outcome.SUCCEEDED, True)


def test_a_server_that_agrees_on_nothing_at_all_refuses_nothing_weak() -> None:
    attacker = FakeAttacker(exchanges={"": Exchange.REFUSED})
    assert outcome(WEAK_OFFER, attacker) is Outcome.INCONCLUSIVE


def test_a_class_that_could_not_be_tried_leaves_it_open() -> None:
    attacker = FakeAttacker(exchanges={"MAC": Exchange.UNREACHED})
    assert outcome(WEAK_OFFER, attacker) is Outcome.INCONCLUSIVE


AGENT = "ssh.jump/forwarded-agent"


def test_an_agent_that_is_forwarded_is_there_for_root() -> None:
    verdict = attempted(AGENT, FakeAttacker(agent="/tmp/ssh-x/agent.7"))
    assert (verdict.outcome, "/tmp/ssh-x/agent.7" in verdict.evidence) == (Outcome.SUCCEEDED, True)


def test_an_agent_that_is_not_forwarded_is_out_of_reach() -> None:
    assert outcome(AGENT, FakeAttacker()) is Outcome.REPELLED


# Becoming somebody else on the host

EMPTY = "admins.ordinary/empty-password"


def su(answers: Mapping[str, str]) -> Callable[[Sequence[str]], Ran]:
    """A `su` that lets into these accounts and prints this there."""

    def run(argv: Sequence[str]) -> Ran:
        name = argv[-1]
        if name in answers:
            return Ran(0, f"{answers[name]}\n")
        return Ran(1, "su: Authentication failure\n")

    return run


def test_su_that_asks_for_nothing_succeeds() -> None:
    assert outcome(EMPTY, FakeAttacker(ran=su({"bob": "bob"}))) is Outcome.SUCCEEDED


def test_su_that_runs_as_somebody_else_has_not_succeeded() -> None:
    assert outcome(EMPTY, FakeAttacker(ran=su({"bob": "alice"}))) is Outcome.REPELLED


def test_su_is_tried_for_root_and_for_whoever_has_a_shell() -> None:
    attacker = FakeAttacker(ran=su({}))
    attempted(EMPTY, attacker)
    assert [command.split()[-1] for _, command in attacker.tried] == ["bob", "root"]


@pytest.mark.parametrize("status", [127, -1], ids=["no such program", "cut off"])
def test_su_that_did_not_run_says_nothing(status: int) -> None:
    assert outcome(EMPTY, FakeAttacker(ran=lambda argv: Ran(status, ""))) is Outcome.INCONCLUSIVE


SUDO = {
    "root, unasked": (Ran(0, "0\n"), Outcome.SUCCEEDED),
    "asked": (Ran(1, "sudo: a password is required\n"), Outcome.REPELLED),
    "not root": (Ran(0, "1000\n"), Outcome.INCONCLUSIVE),
    "no sudo": (Ran(127, "bash: sudo: command not found\n"), Outcome.INCONCLUSIVE),
    "no right": (Ran(1, "alice is not in the sudoers file.\n"), Outcome.INCONCLUSIVE),
    "no answer": (Ran(-1, ""), Outcome.INCONCLUSIVE),
}


@pytest.mark.parametrize(("ran", "verdict"), SUDO.values(), ids=SUDO)
def test_how_sudo_answers_is_how_the_attack_ends(ran: Ran, verdict: Outcome) -> None:
    attacker = FakeAttacker(ran=lambda argv: ran)
    assert outcome("sudo.password/sudo-without-password", attacker) is verdict


def test_sudo_forgets_what_it_was_told_before() -> None:
    attacker = FakeAttacker()
    attempted("sudo.password/sudo-without-password", attacker)
    assert attacker.tried == [("run", "sudo -k -n id -u")]


# Connecting

USUAL = "firewall.inbound/usual-ports"
OTHERS = "firewall.inbound/from-other-hosts"
EVERY = "firewall.inbound/every-port"
USUAL_UDP = "firewall.inbound/usual-udp-ports"
PAST = "firewall.redirect/past-the-redirect"
DATABASE = "provisioning.separate/database"


def only_open(*ports: int, to: str = "", protocol: str = "tcp") -> Callable[[str, Endpoint], Reach]:
    """These ports are open, to everybody or to one vantage; all others are silent."""

    def reach(vantage: str, endpoint: Endpoint) -> Reach:
        opens = (endpoint.port, endpoint.protocol) in {(port, protocol) for port in ports}
        return Reach.OPEN if opens and to in ("", vantage) else Reach.SILENT

    return reach


@pytest.mark.parametrize("attack", [USUAL, EVERY, OTHERS])
def test_what_the_site_lets_in_may_answer(attack: str) -> None:
    assert outcome(attack, FakeAttacker(reach=only_open(22, 80, 443))) is Outcome.REPELLED


@pytest.mark.parametrize("attack", [USUAL, EVERY, OTHERS])
def test_an_open_port_that_the_site_does_not_mention_is_named(attack: str) -> None:
    verdict = attempted(attack, FakeAttacker(reach=only_open(22, 3000)))
    assert verdict.outcome is Outcome.SUCCEEDED
    assert "203.0.113.10 port 3000" in verdict.evidence


@pytest.mark.parametrize("attack", [USUAL, USUAL_UDP, EVERY, OTHERS, PAST])
def test_attempts_that_go_nowhere_say_nothing(attack: str) -> None:
    attacker = FakeAttacker(reach=lambda vantage, endpoint: Reach.FAILED)
    assert outcome(attack, attacker) is Outcome.INCONCLUSIVE


def test_a_packet_that_got_lost_is_no_application_that_is_down() -> None:
    private, waits = "10.0.0.12", iter((1, 2))

    def reach(vantage: str, endpoint: Endpoint) -> Reach:
        meant = vantage == "app" and (endpoint.address, endpoint.port) == (private, 3306)
        return Reach.OPEN if meant and next(waits, 0) == 0 else Reach.SILENT

    attacker = FakeAttacker("db", of=site(), reach=reach)
    assert outcome(DATABASE, attacker) is Outcome.REPELLED


def test_a_listener_is_tried_on_whatever_port_it_is() -> None:
    listeners = (Listener(protocol="tcp", address="0.0.0.0", port=31337, process="x"),)
    attacker = FakeAttacker(seen=snapshot(listeners=listeners), reach=only_open(31337))
    assert outcome(USUAL, attacker) is Outcome.SUCCEEDED


def test_a_listener_on_loopback_is_not_tried() -> None:
    listeners = (Listener(protocol="tcp", address="127.0.0.1", port=31337, process="x"),)
    attacker = FakeAttacker(seen=snapshot(listeners=listeners))
    attempted(USUAL, attacker)
    assert not any(where.endswith(" 31337") for _, where in attacker.tried)


@pytest.mark.parametrize("attack", [USUAL, USUAL_UDP, EVERY])
def test_an_attack_from_outside_starts_outside(attack: str) -> None:
    attacker = FakeAttacker()
    attempted(attack, attacker)
    assert {vantage for vantage, _ in attacker.tried} == {"outside"}


def test_what_tends_to_be_forgotten_is_tried_whether_or_not_it_was_seen() -> None:
    attacker = FakeAttacker()
    attempted(USUAL, attacker)
    tried = {int(where.split()[1]) for _, where in attacker.tried}
    assert tried >= {
        *(21, 22, 23, 25, 53, 80, 110, 111, 135, 139, 143, 389, 443, 445, 465, 587, 631, 993, 995),
        *(1433, 1521, 2049, 2375, 2376, 2379, 2812, 3000, 3003, 3128, 3306, 3389, 4369, 5000, 5432),
        *(5601, 5672, 5900, 5984, 6379, 6443, 8000, 8080, 8081, 8443, 8888, 9000, 9090, 9092, 9200),
        *(9300, 10250, 11211, 15672, 27017, 33060),
    }


def test_a_site_with_one_host_has_nobody_else_to_attack_it() -> None:
    attacker = FakeAttacker(of=site(SITE[: SITE.index("[hosts.db]")]))
    verdict = attempted(OTHERS, attacker)
    assert (verdict.outcome, attacker.tried) == (Outcome.REPELLED, [])


def test_only_addresses_of_the_site_are_attacked() -> None:
    attacker = FakeAttacker(seen=snapshot(addresses=("192.0.2.66",)))
    attempted(USUAL, attacker)
    tried = {where.split()[0] for _, where in attacker.tried}
    assert tried == {"203.0.113.10", "10.0.0.11", "fd00::11"}


def test_every_port_is_tried_on_one_public_address_of_each_family() -> None:
    addresses = '["203.0.113.10", "203.0.113.20", "2001:db8::1", "app.example.com"]'
    attacker = FakeAttacker(of=site(SITE.replace('"203.0.113.10"', addresses)))
    attempted(EVERY, attacker)
    assert {where.split()[0] for _, where in attacker.tried} == {"203.0.113.10", "2001:db8::1"}


def test_every_port_is_every_port() -> None:
    attacker = FakeAttacker()
    attempted(EVERY, attacker)
    tried = {int(where.split()[1]) for _, where in attacker.tried}
    assert tried == set(range(1, 65536))


def test_a_host_known_by_name_alone_cannot_be_scanned() -> None:
    text = SITE.replace('"203.0.113.10"', '"app.example.com"')
    text = text.replace('private_address = ["10.0.0.11", "fd00::11"]\n', "", 1)
    attacker = FakeAttacker(of=site(text[: text.index("[databases.todo]")]))
    assert outcome(USUAL, attacker) is Outcome.INCONCLUSIVE


def test_the_other_hosts_of_the_site_are_the_vantages() -> None:
    attacker = FakeAttacker(of=site(THREE_HOSTS))
    attempted(OTHERS, attacker)
    assert {vantage for vantage, _ in attacker.tried} == {"db", "backup"}


def test_a_host_may_reach_what_the_site_lets_it_reach() -> None:
    attacker = FakeAttacker("db", reach=only_open(22, 3306, to="app"))
    assert outcome(OTHERS, attacker) is Outcome.REPELLED


def test_another_host_may_not_reach_what_is_meant_for_one() -> None:
    attacker = FakeAttacker("db", of=site(THREE_HOSTS), reach=only_open(3306, to="backup"))
    verdict = attempted(OTHERS, attacker)
    assert (verdict.outcome, "from backup" in verdict.evidence) == (Outcome.SUCCEEDED, True)


def test_one_vantage_that_says_nothing_does_not_hide_another_that_gets_in() -> None:
    def reach(vantage: str, endpoint: Endpoint) -> Reach:
        if vantage == "db":
            return Reach.FAILED
        return Reach.OPEN if endpoint.port == 3000 else Reach.SILENT

    attacker = FakeAttacker(of=site(THREE_HOSTS), reach=reach)
    assert outcome(OTHERS, attacker) is Outcome.SUCCEEDED


# Asking for datagrams


@pytest.mark.parametrize("attack", [USUAL_UDP, OTHERS])
def test_a_udp_port_that_answers_is_named(attack: str) -> None:
    verdict = attempted(attack, FakeAttacker(reach=only_open(161, protocol="udp")))
    assert verdict.outcome is Outcome.SUCCEEDED
    assert "203.0.113.10 UDP port 161" in verdict.evidence


def test_udp_ports_are_asked_and_no_others() -> None:
    attacker = FakeAttacker()
    attempted(USUAL_UDP, attacker)
    assert attacker.protocols == {"udp"}


@pytest.mark.parametrize("attack", [USUAL_UDP, OTHERS])
def test_a_tcp_port_that_the_site_lets_in_is_not_let_in_by_udp(attack: str) -> None:
    assert outcome(attack, FakeAttacker(reach=only_open(443, protocol="udp"))) is Outcome.SUCCEEDED


def test_a_udp_listener_is_asked_on_whatever_port_it_is() -> None:
    listeners = (Listener(protocol="udp", address="*", port=31337, process="x"),)
    seen = snapshot(listeners=listeners)
    attacker = FakeAttacker(seen=seen, reach=only_open(31337, protocol="udp"))
    assert outcome(USUAL_UDP, attacker) is Outcome.SUCCEEDED


def refused(*ports: int, protocol: str = "udp") -> Callable[[str, Endpoint], Reach]:
    """These ports are refused, all others are silent."""

    def reach(vantage: str, endpoint: Endpoint) -> Reach:
        said = endpoint.port in ports and endpoint.protocol == protocol
        return Reach.REFUSED if said else Reach.SILENT

    return reach


@pytest.mark.parametrize("attack", [USUAL_UDP, OTHERS])
def test_word_that_nobody_listens_is_no_sign_of_a_filter(attack: str) -> None:
    verdict = attempted(attack, FakeAttacker(reach=refused(514)))
    assert (verdict.outcome, "UDP port 514" in verdict.evidence) == (Outcome.INCONCLUSIVE, True)


def test_a_tcp_port_that_is_refused_is_closed() -> None:
    assert outcome(USUAL, FakeAttacker(reach=refused(514, protocol="tcp"))) is Outcome.REPELLED


def test_one_udp_port_that_answers_outweighs_those_that_are_refused() -> None:
    def reach(vantage: str, endpoint: Endpoint) -> Reach:
        return Reach.OPEN if endpoint.port == 161 else Reach.REFUSED

    assert outcome(USUAL_UDP, FakeAttacker(reach=reach)) is Outcome.SUCCEEDED


# Past the redirect


@pytest.mark.parametrize("vantage", ["outside", "db"])
@pytest.mark.parametrize("port", [3000, 3003])
def test_a_port_behind_the_redirect_that_answers_directly_is_named(vantage: str, port: int) -> None:
    verdict = attempted(PAST, FakeAttacker(reach=only_open(80, port, to=vantage)))
    assert verdict.outcome is Outcome.SUCCEEDED
    assert f"from {vantage}: reached 203.0.113.10 port {port}" in verdict.evidence


@pytest.mark.parametrize("port", [80, 443])
def test_an_application_that_answers_through_the_redirect_alone_is_closed(port: int) -> None:
    attacker = FakeAttacker(of=site(DIRECT_SITE), reach=only_open(port))
    assert outcome(PAST, attacker) is Outcome.REPELLED


def test_an_application_that_answers_nowhere_says_nothing() -> None:
    assert outcome(PAST, FakeAttacker(of=site(DIRECT_SITE))) is Outcome.INCONCLUSIVE


def test_where_nothing_is_redirected_the_ports_are_closed_all_the_same() -> None:
    assert outcome(PAST, FakeAttacker()) is Outcome.REPELLED


# Connecting to the database


def on_private(vantage: str, endpoint: Endpoint) -> Reach:
    """The application's host reaches the private addresses, nobody reaches anything else."""
    meant = vantage == "app" and endpoint.address in ("10.0.0.12", "fd00::12")
    return Reach.OPEN if meant else Reach.SILENT


def test_a_database_that_only_its_application_reaches_is_closed() -> None:
    assert outcome(DATABASE, FakeAttacker("db", reach=on_private)) is Outcome.REPELLED


def test_a_database_that_its_application_reaches_on_a_public_address_is_open() -> None:
    verdict = attempted(DATABASE, FakeAttacker("db", reach=only_open(3306, to="app")))
    assert verdict.outcome is Outcome.SUCCEEDED
    assert "from app: connected to the database at 203.0.113.11" in verdict.evidence


def test_a_database_is_not_for_every_application_of_the_site() -> None:
    text = SITE + THREE_HOSTS[len(SITE) :].replace('roles = ["backup"]', 'roles = ["app"]')
    attacker = FakeAttacker("db", of=site(text), reach=only_open(3306, to="backup"))
    assert "from backup" in attempted(DATABASE, attacker).evidence


def test_a_database_beside_its_application_is_reached_on_loopback() -> None:
    text = SITE[: SITE.index("[hosts.db]")].replace('["app"]', '["app", "database"]')
    text += SITE[SITE.index("[databases.todo]") :].replace('host = "db"', 'host = "app"')

    def reach(vantage: str, endpoint: Endpoint) -> Reach:
        own = (vantage, endpoint.address) == ("app", "127.0.0.1")
        return Reach.OPEN if own else Reach.SILENT

    assert outcome(DATABASE, FakeAttacker(of=site(text), reach=reach)) is Outcome.REPELLED


def test_a_database_that_outside_reaches_is_open() -> None:
    verdict = attempted(DATABASE, FakeAttacker("db", reach=only_open(3306)))
    assert verdict.outcome is Outcome.SUCCEEDED
    assert "203.0.113.11" in verdict.evidence


def test_a_database_that_nobody_reaches_says_nothing() -> None:
    assert outcome(DATABASE, FakeAttacker("db")) is Outcome.INCONCLUSIVE


def test_a_database_that_outside_reaches_is_open_whoever_else_does_not() -> None:
    attacker = FakeAttacker("db", reach=only_open(3306, to="outside"))
    assert "from outside" in attempted(DATABASE, attacker).evidence


def test_a_database_that_could_not_be_tried_from_outside_says_nothing() -> None:
    def reach(vantage: str, endpoint: Endpoint) -> Reach:
        return on_private(vantage, endpoint) if vantage == "app" else Reach.FAILED

    assert outcome(DATABASE, FakeAttacker("db", reach=reach)) is Outcome.INCONCLUSIVE


def test_a_host_without_a_database_has_not_repelled_anybody() -> None:
    attacker = FakeAttacker("db", of=site(NO_DATABASE), reach=only_open(3306))
    assert outcome(DATABASE, attacker) is not Outcome.REPELLED


def test_the_database_is_attacked_on_database_hosts_alone() -> None:
    attack: Attack = ATTACKS[DATABASE]
    assert attack.roles == {Role.DATABASE}


# Passwords

WEAK_PASSWORD = "passwords.quality/weak-password"


def test_a_weak_password_that_can_be_set_is_named() -> None:
    verdict = attempted(WEAK_PASSWORD, FakeAttacker(weak=["qwertyuiop"]))
    assert (verdict.outcome, verdict.evidence.split()[-1]) == (Outcome.SUCCEEDED, "qwertyuiop")


def test_a_weak_password_that_can_be_set_counts_even_if_a_strong_one_cannot() -> None:
    attacker = FakeAttacker(weak=["password"], strong=False)
    assert outcome(WEAK_PASSWORD, attacker) is Outcome.SUCCEEDED


def test_weak_passwords_that_are_all_refused_are_repelled() -> None:
    assert outcome(WEAK_PASSWORD, FakeAttacker()) is Outcome.REPELLED


def test_a_host_that_refuses_every_password_repels_nothing() -> None:
    verdict = attempted(WEAK_PASSWORD, FakeAttacker(strong=False))
    assert (verdict.outcome, "no dictionary" in verdict.evidence) == (Outcome.INCONCLUSIVE, True)


@pytest.mark.parametrize("password", ["password", "holdfast-trial", "qwertyuiopasdfghjkl"])
def test_the_obvious_passwords_are_tried(password: str) -> None:
    attacker = FakeAttacker()
    attempted(WEAK_PASSWORD, attacker)
    assert ("password", password) in attacker.tried


# Core dumps

CORE_DUMP = "files.private/core-dump"
LIMITS = {
    "0\n": Outcome.REPELLED,
    "unlimited\n": Outcome.SUCCEEDED,
    "4096\n": Outcome.SUCCEEDED,
    "": Outcome.INCONCLUSIVE,
    "sh: not found\n": Outcome.INCONCLUSIVE,
}


@pytest.mark.parametrize(("limit", "expected"), LIMITS.items())
def test_the_limit_that_is_granted_is_how_it_ends(limit: str, expected: Outcome) -> None:
    assert outcome(CORE_DUMP, answering(0, limit)) is expected


# Root

SU_TO_ROOT = "root.locked/su-to-root"
SU_OF_A_STRANGER = "root.locked/su-of-a-stranger"


def answering(status: int, output: str = "") -> FakeAttacker:
    return FakeAttacker(ran=lambda argv: Ran(status, output))


def test_su_that_makes_root_of_a_guess_succeeds() -> None:
    assert outcome(SU_TO_ROOT, answering(0, "Password: \n0\n")) is Outcome.SUCCEEDED


def test_su_that_refuses_every_guess_repels() -> None:
    verdict = attempted(SU_TO_ROOT, answering(1, "su: Authentication failure\n"))
    assert verdict.outcome is Outcome.REPELLED


def test_su_that_ends_well_as_somebody_else_says_nothing() -> None:
    assert outcome(SU_TO_ROOT, answering(0, "1000\n")) is Outcome.INCONCLUSIVE


@pytest.mark.parametrize("status", [126, 127, -1])
def test_su_that_does_not_run_says_nothing(status: int) -> None:
    assert outcome(SU_TO_ROOT, answering(status)) is Outcome.INCONCLUSIVE


def test_root_is_not_asked_to_become_root() -> None:
    attacker = FakeAttacker(login="root", ran=lambda argv: Ran(0, "0\n"))
    assert outcome(SU_TO_ROOT, attacker) is Outcome.INCONCLUSIVE


def test_no_guess_stands_in_a_command() -> None:
    attacker = FakeAttacker()
    attempted(SU_TO_ROOT, attacker)
    assert {command for _, command in attacker.tried} == {"su --login --command id -u"}


def test_the_admins_own_password_is_the_last_guess() -> None:
    attacker = FakeAttacker()
    attempted(SU_TO_ROOT, attacker)
    assert (attacker.typed[0], attacker.typed[-1]) == ("\n", "the operator's own\n")


def test_no_guess_is_shown_in_a_verdict() -> None:
    for status, output in ((0, "0"), (1, ""), (126, "")):
        assert "own" not in attempted(SU_TO_ROOT, answering(status, output)).evidence.replace(
            "the admin's own", ""
        )


def test_a_stranger_who_becomes_another_by_su_has_succeeded() -> None:
    assert outcome(SU_OF_A_STRANGER, FakeAttacker(su=True)) is Outcome.SUCCEEDED


def test_a_stranger_whom_su_refuses_is_repelled() -> None:
    assert outcome(SU_OF_A_STRANGER, FakeAttacker()) is Outcome.REPELLED
