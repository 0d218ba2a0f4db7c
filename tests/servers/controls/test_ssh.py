"""ssh.keys-only: judged is what sshd decides for each person, as it runs."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from building import SSHD_DEFAULTS, file, site, snapshot, sshd

from holdfast.servers.audit import Status, judge
from holdfast.servers.control import Gap, Phase, Want
from holdfast.servers.controls.ssh import SSH_KEYS_ONLY, gaps
from holdfast.servers.restricted import settings as blocks
from holdfast.servers.snapshot import EffectiveSshd, Snapshot, Sshd, Unreadable
from holdfast.servers.sshd_config import FILE, render

TODAY = date(2026, 1, 1)
MAIN = "/etc/ssh/sshd_config"
GOOD = {
    "PermitRootLogin": "no",
    "PasswordAuthentication": "no",
    "KbdInteractiveAuthentication": "no",
    "HostbasedAuthentication": "no",
    "PubkeyAuthentication": "yes",
    "PermitEmptyPasswords": "no",
    "AllowGroups": "holdfast-admins",
    "AuthorizedKeysFile": ".ssh/authorized_keys",
    "AllowAgentForwarding": "no",
    "X11Forwarding": "no",
    "LogLevel": "VERBOSE",
    "Compression": "no",
    "TCPKeepAlive": "no",
    "MaxAuthTries": "4",
    "LoginGraceTime": "30",
    "ClientAliveInterval": "300",
    "ClientAliveCountMax": "2",
}

OURS = render(GOOD | blocks(site().hosts["app"], site()))


def host(
    *,
    ours: str | None = None,
    main: str = "",
    others: dict[str, str] | None = None,
    daemon: dict[str, Any] | None = None,
    settings: dict[str, str] | None = None,
) -> Snapshot:
    """A host as it should be, except for these settings, files and facts of its daemon."""
    decided: dict[str, tuple[str, ...]] = {
        key.lower(): (value,) for key, value in (GOOD | (settings or {})).items()
    }
    files = {FILE: OURS if ours is None else ours, MAIN: main, **(others or {})}
    return snapshot(
        sshd=sshd(decided, **(daemon or {})),
        files={path: file(text) for path, text in files.items()},
    )


def found(seen: Snapshot) -> list[Gap]:
    of = site()
    return list(gaps(of.hosts["app"], {"app": seen}, of))


def wanted(seen: Snapshot) -> set[tuple[str, str, str]]:
    """What is wanted of what holds for all; restricted accounts have tests of their own."""
    wants = [want for gap in found(seen) for want in gap.wants]
    return {(want.resource, want.key, want.value) for want in wants if " " not in want.key}


def test_a_host_that_takes_keys_only_has_no_gap() -> None:
    assert found(host()) == []


def test_a_fresh_server_gets_every_setting() -> None:
    seen = snapshot(sshd=sshd())
    wrong = {key for key in GOOD if (GOOD[key],) != SSHD_DEFAULTS.get(key.lower())}
    assert wanted(seen) == {("sshd", key, GOOD[key]) for key in wrong}


def test_every_setting_closes_a_way_in() -> None:
    wants = [want for gap in found(snapshot(sshd=sshd())) for want in gap.wants]
    assert {want.phase for want in wants} == {Phase.NARROW}


WRONG = [
    ("PermitRootLogin", "yes"),
    ("PermitRootLogin", "without-password"),
    ("PermitRootLogin", "prohibit-password"),
    ("PermitRootLogin", "forced-commands-only"),
    ("PasswordAuthentication", "yes"),
    ("KbdInteractiveAuthentication", "yes"),
    ("HostbasedAuthentication", "yes"),
    ("PubkeyAuthentication", "no"),
    ("PermitEmptyPasswords", "yes"),
    ("AllowGroups", "sudo"),
    ("AllowGroups", "holdfast-admins sudo"),
    ("AuthorizedKeysFile", ".ssh/authorized_keys .ssh/authorized_keys2"),
    ("AuthorizedKeysFile", "/tmp/keys/%u"),
    ("AllowAgentForwarding", "yes"),
    ("X11Forwarding", "yes"),
    ("MaxAuthTries", "5"),
    ("MaxAuthTries", "0"),
    ("MaxAuthTries", "six"),
    ("MaxAuthTries", "²"),
    ("LoginGraceTime", "31"),
    ("LogLevel", "INFO"),
    ("LogLevel", "QUIET"),
    ("Compression", "delayed"),
    ("TCPKeepAlive", "yes"),
    ("ClientAliveInterval", "0"),
    ("ClientAliveCountMax", "3"),
    ("LoginGraceTime", "0"),
    ("LoginGraceTime", "-1"),
]


@pytest.mark.parametrize(("keyword", "value"), WRONG)
def test_a_setting_that_lets_more_in_is_set_right(keyword: str, value: str) -> None:
    assert wanted(host(ours="# empty\n", settings={keyword: value})) == {
        ("sshd", keyword, GOOD[keyword])
    }


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("MaxAuthTries", "4"),
        ("MaxAuthTries", "1"),
        ("LoginGraceTime", "30"),
        ("LoginGraceTime", "5"),
        ("ClientAliveInterval", "60"),
        ("ClientAliveCountMax", "1"),
        ("LogLevel", "DEBUG"),
    ],
)
def test_a_stricter_limit_is_left_alone(keyword: str, value: str) -> None:
    assert found(host(settings={keyword: value})) == []


def test_a_keyword_that_sshd_does_not_report_is_a_gap() -> None:
    effective = EffectiveSshd(user="root", address="127.0.0.1", settings={})
    seen = snapshot(sshd=sshd(effective=(effective,)))
    assert {key for _, key, _ in wanted(seen)} == set(GOOD)


def test_one_person_for_whom_sshd_decides_otherwise_is_enough() -> None:
    seen = host()
    good: dict[str, tuple[str, ...]] = {key.lower(): (value,) for key, value in GOOD.items()}
    odd = EffectiveSshd(
        user="bob", address="10.0.0.9", settings=good | {"passwordauthentication": ("yes",)}
    )
    daemon = sshd(good)
    daemon = daemon.model_copy(update={"effective": (*daemon.effective, odd)})
    (gap,) = found(seen.model_copy(update={"sshd": daemon}))
    assert gap.evidence == "sshd -T for bob from 10.0.0.9: passwordauthentication yes"


# Which methods a login takes

BLOCKS_ALONE = render(blocks(site().hosts["app"], site()))
METHODS = "AuthenticationMethods"
SECOND = "publickey,keyboard-interactive"


@pytest.mark.parametrize("value", ["any", "publickey"])
def test_a_key_alone_is_no_gap(value: str) -> None:
    assert found(host(settings={METHODS: value})) == []


@pytest.mark.parametrize(
    "value", ["none", "password", SECOND, "publickey,password", "publickey password", "hostbased"]
)
def test_other_methods_than_a_key_alone_are_left_to_a_person(value: str) -> None:
    main = f"Port 22\n{METHODS} {value}\n"
    (gap,) = found(host(main=main, settings={METHODS: value}))
    assert (gap.automatic, f"{MAIN}:2" in gap.mend) == (False, True)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("KbdInteractiveAuthentication", SECOND),
        ("KbdInteractiveAuthentication", f"{SECOND}:pam"),
        ("KbdInteractiveAuthentication", f"{SECOND} hostbased,keyboard-interactive"),
        ("PasswordAuthentication", "publickey,password"),
    ],
)
def test_what_each_login_demands_is_not_switched_off(keyword: str, value: str) -> None:
    seen = host(ours=BLOCKS_ALONE, settings={keyword: "yes", METHODS: value})
    assert (wanted(seen), [gap.automatic for gap in found(seen)]) == (set(), [False])


@pytest.mark.parametrize("value", ["any", "publickey", f"publickey {SECOND}", "publickey,password"])
def test_what_no_login_demands_is_switched_off(value: str) -> None:
    keyword = "KbdInteractiveAuthentication"
    seen = host(ours="# empty\n", settings={keyword: "yes", METHODS: value})
    assert wanted(seen) == {("sshd", keyword, "no")}


def test_what_another_account_demands_is_switched_off_and_named() -> None:
    seen = host(ours=BLOCKS_ALONE, settings={"KbdInteractiveAuthentication": "yes"})
    good: dict[str, tuple[str, ...]] = {key.lower(): (value,) for key, value in GOOD.items()}
    bob = EffectiveSshd(
        user="bob", address="10.0.0.9", settings=good | {METHODS.lower(): (SECOND,)}
    )
    assert isinstance(seen.sshd, Sshd)
    daemon = seen.sshd.model_copy(update={"effective": (*seen.sshd.effective, bob)})
    switched, named = found(seen.model_copy(update={"sshd": daemon}))
    assert (switched.automatic, named.automatic, "for bob" in named.evidence) == (True, False, True)


EXEMPT = "PerSourcePenaltyExemptList"


@pytest.mark.parametrize("value", ["none", "10.0.0.0/8", "198.51.100.70/32"])
def test_a_server_that_would_turn_controllers_away_is_told_not_to(value: str) -> None:
    assert wanted(host(settings={EXEMPT: value})) == {("sshd", EXEMPT, "198.51.100.7/32")}


@pytest.mark.parametrize("value", ["198.51.100.7/32", "10.0.0.0/8,198.51.100.7/32"])
def test_a_server_that_never_turns_controllers_away_is_left_alone(value: str) -> None:
    assert found(host(settings={EXEMPT: value})) == []


def test_silence_of_sshd_is_not_taken_for_a_pass() -> None:
    of, seen = site(), snapshot(sshd=sshd(effective=()))
    (finding,) = judge(of.hosts["app"], {"app": seen}, of, [SSH_KEYS_ONLY], TODAY)
    assert finding.status is not Status.PASS


def test_what_overrides_our_file_is_named_by_file_and_line() -> None:
    main = "Port 22\nPermitRootLogin yes\nInclude /etc/ssh/sshd_config.d/*.conf\n"
    (gap,) = found(host(main=main, settings={"PermitRootLogin": "yes"}))
    assert gap.mend == f"{FILE} is overridden: remove PermitRootLogin from {MAIN}:2"


@pytest.mark.parametrize(
    "line", ["permitrootlogin yes", "PermitRootLogin=yes", " PERMITROOTLOGIN yes"]
)
def test_what_overrides_our_file_is_found_however_it_is_spelled(line: str) -> None:
    (gap,) = found(host(main=f"# first\n{line}\n", settings={"PermitRootLogin": "yes"}))
    assert f"{MAIN}:2" in gap.mend


def test_what_overrides_our_file_is_for_a_person() -> None:
    (gap,) = found(host(settings={"PermitRootLogin": "yes"}))
    assert not gap.automatic


def test_a_setting_after_ours_that_changes_nothing_is_no_gap() -> None:
    assert found(host(main="PermitRootLogin yes\n")) == []


def test_a_configuration_that_was_edited_and_not_loaded_is_for_a_person() -> None:
    """Reloading it would bring somebody's lines to life, which no revert could undo."""
    (gap,) = found(host(daemon={"changed": 201.0, "loaded": 200.0}))
    assert (gap.automatic, "systemctl reload ssh" in gap.mend) == (False, True)


def test_nothing_is_wanted_of_sshd_while_it_has_not_read_its_files() -> None:
    daemon = {"changed": 201.0, "loaded": 200.0}
    assert wanted(host(daemon=daemon, settings={"PermitRootLogin": "yes"})) == set()


@pytest.mark.parametrize(
    "daemon",
    [{"changed": 200.0, "loaded": 200.0}, {"changed": 201.0, "loaded": 0.0, "running": False}],
    ids=["loaded since", "does not run"],
)
def test_nothing_is_loaded_without_need(daemon: dict[str, Any]) -> None:
    assert found(host(daemon=daemon)) == []


def test_arguments_that_go_before_the_configuration_are_for_a_person() -> None:
    (gap,) = found(host(daemon={"arguments": ("-D", "-oPermitRootLogin=yes")}))
    assert (gap.evidence, "SSHD_OPTS" in gap.mend) == ("arguments: -oPermitRootLogin=yes", True)


@pytest.mark.parametrize("arguments", [(), ("-D",), ("-D", "-e"), ("-e",)])
def test_the_arguments_of_debians_units_are_no_gap(arguments: tuple[str, ...]) -> None:
    assert found(host(daemon={"arguments": arguments})) == []


FOREIGN = "Match Address 10.0.0.0/8\n    X11Forwarding no\n    PasswordAuthentication yes\n"


@pytest.mark.parametrize(
    "path",
    [MAIN, "/etc/ssh/sshd_config.d/50-cloud-init.conf", "/opt/vendor/sshd.conf"],
    ids=["main file", "drop-in", "included from elsewhere"],
)
def test_somebody_elses_match_block_on_our_keywords_is_named_by_line(path: str) -> None:
    text = "Match Address 10.0.0.0/8\n    Banner none\n    PasswordAuthentication yes\n"
    (gap,) = found(host(others={path: text}, daemon={"config_files": tuple({MAIN, path})}))
    assert f"line 3 of {path}" in gap.mend


def test_every_keyword_of_somebody_elses_match_block_counts() -> None:
    assert len(found(host(main=FOREIGN))) == 2


@pytest.mark.parametrize(
    "main",
    [
        "Match User git\n    ForceCommand /usr/bin/git-shell\n",
        "PasswordAuthentication yes\nMatch User git\n    Banner none\n",
        "# Match all\n#    PasswordAuthentication yes\n",
        "Match User git\n    # PasswordAuthentication yes\n",
    ],
    ids=["other keywords", "before the block", "comments", "comment in a block"],
)
def test_what_does_not_touch_our_keywords_in_a_match_block_is_no_gap(main: str) -> None:
    assert found(host(main=main)) == []


@pytest.mark.parametrize(
    "main", ["match user bob\nPASSWORDAUTHENTICATION yes\n", "Match=user bob\nX11Forwarding=yes\n"]
)
def test_a_match_block_is_found_however_it_is_spelled(main: str) -> None:
    assert len(found(host(main=main))) == 1


def test_a_file_that_could_not_be_read_is_not_taken_for_a_harmless_one() -> None:
    path = "/etc/ssh/sshd_config.d/50-x.conf"
    of, seen = site(), host(daemon={"config_files": (MAIN, path)})
    files = {**seen.files, path: Unreadable(unreadable="too large")}
    seen = seen.model_copy(update={"files": files})
    (finding,) = judge(of.hosts["app"], {"app": seen}, of, [SSH_KEYS_ONLY], TODAY)
    assert finding.status is not Status.PASS


def test_a_file_that_is_no_text_is_not_taken_for_an_empty_one() -> None:
    of, seen = site(), host()
    held = file("x").model_copy(update={"content": None})
    seen = seen.model_copy(update={"files": {**seen.files, MAIN: held}})
    (finding,) = judge(of.hosts["app"], {"app": seen}, of, [SSH_KEYS_ONLY], TODAY)
    assert finding.status is not Status.PASS


def test_what_somebody_adds_to_our_own_file_is_a_gap() -> None:
    (gap,) = found(host(ours=OURS + "    PermitUserEnvironment yes\n"))
    assert gap.wants == (Want("sshd", "PermitUserEnvironment", "absent", Phase.NARROW),)
