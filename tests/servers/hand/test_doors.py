"""Who gets through PAM, asked of this machine's own PAM in a private copy of its /etc."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from holdfast.servers.hand import doors, pam
from holdfast.servers.hand.aside import aside
from holdfast.servers.hand.failed import Failed

pytestmark = pytest.mark.usefixtures("needs_root")

PAM = Path("/etc/pam.d")
COMMON_AUTH, COMMON_PASSWORD = PAM / "common-auth", PAM / "common-password"
SERVICE = "holdfast-door"
DENIES = "auth required pam_deny.so\naccount required pam_deny.so\n"
PERMITS = "auth required pam_permit.so\naccount required pam_permit.so\n"
ORDINARY = "auth required pam_unix.so\naccount required pam_unix.so\n"


def etc() -> dict[str, str]:
    watched = [Path("/etc/passwd"), Path("/etc/shadow"), Path("/etc/group"), *PAM.iterdir()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in watched}


@pytest.fixture(autouse=True)
def untouched() -> Iterator[None]:
    """Whatever happens aside, this machine's own accounts and stacks stay as they are."""
    before = etc()
    yield
    assert etc() == before


def asked(ask: Callable[[], pam.Result], text: str = ORDINARY) -> tuple[bool, str]:
    """Whether a service with these rules lets through, and with which reason not."""

    def work() -> dict[str, Any]:
        (PAM / SERVICE).write_text(text)
        result = ask()
        return {"good": result.good, "reason": result.reason}

    answer = aside(work)
    return answer["good"], answer["reason"]


def with_password(password: str, offered: str) -> Callable[[], pam.Result]:
    """The stand-in has one password and offers another."""

    def ask() -> pam.Result:
        doors._stand_in(doors.STAND_IN, password)
        return pam.authenticate(SERVICE, doors.STAND_IN, offered)

    return ask


# PAM itself


def test_the_right_password_opens() -> None:
    assert asked(with_password("correct horse", "correct horse"))[0]


@pytest.mark.parametrize("offered", ["correct hors", "Correct horse", "correct horse ", "", "é"])
def test_a_wrong_password_does_not_and_says_why(offered: str) -> None:
    good, reason = asked(with_password("correct horse", offered))
    assert (good, reason) == (False, "Authentication failure")


def test_a_password_of_other_letters_opens() -> None:
    assert asked(with_password("pâßwörd 漢字", "pâßwörd 漢字"))[0]


def test_a_user_who_does_not_exist_gets_nowhere() -> None:
    assert not asked(lambda: pam.authenticate(SERVICE, "holdfast-nobody", "x"))[0]


def test_a_service_without_rules_of_its_own_has_those_of_all_others() -> None:
    def ask() -> pam.Result:
        (PAM / "other").write_text(DENIES)
        doors._stand_in(doors.STAND_IN, "right")
        return pam.authenticate("holdfast-no-such-service", doors.STAND_IN, "right")

    assert not asked(ask)[0]


def test_an_account_that_expired_may_not_enter() -> None:
    def ask() -> pam.Result:
        doors._stand_in(doors.STAND_IN, "right")
        shadow = Path("/etc/shadow")
        shadow.write_text(shadow.read_text().replace(":20000:0:99999:7:::", ":20000:0:99999:7::1:"))
        return pam.may_enter(SERVICE, doors.STAND_IN)

    assert not asked(ask)[0]


def test_an_account_that_is_good_may_enter() -> None:
    def ask() -> pam.Result:
        doors._stand_in(doors.STAND_IN, "right")
        return pam.may_enter(SERVICE, doors.STAND_IN)

    assert asked(ask)[0]


def test_a_refusal_is_told_in_the_words_of_the_module() -> None:
    def ask() -> pam.Result:
        Path("/etc/nologin").write_text("closed today\n")
        doors._stand_in(doors.STAND_IN, "right")
        return pam.may_enter(SERVICE, doors.STAND_IN)

    good, reason = asked(ask, "account required pam_nologin.so\n")
    assert (good, reason.strip()) == (False, "closed today")


def test_a_new_password_is_the_one_that_then_opens() -> None:
    def ask() -> pam.Result:
        doors._stand_in(doors.STAND_IN, "the old one")
        changed = pam.change_password(doors.STAND_IN, "the new one")
        return pam.authenticate(SERVICE, doors.STAND_IN, "the new one") if changed.good else changed

    assert asked(ask)[0]


# What is open


def opened(prepare: Callable[[], object] = lambda: None) -> dict[str, Any]:
    def work() -> dict[str, Any]:
        prepare()
        return doors.open_doors()

    return aside(work)


def test_the_doors_of_this_machine_open_for_the_right_password_alone() -> None:
    seen = opened()
    assert "login with the right password" in seen["open"]
    assert (seen["closed"], seen["wrong"]) == ({}, [])


def test_each_service_of_the_host_is_a_door() -> None:
    seen = opened(lambda: (PAM / "sudo").write_text(ORDINARY))
    assert {"sudo with the right password", "sudo for anybody"} <= set(seen["open"])


def test_a_door_that_takes_any_password_is_named() -> None:
    assert opened(lambda: (PAM / "sudo").write_text(PERMITS))["wrong"] == ["sudo"]


def test_a_door_that_is_closed_says_why() -> None:
    seen = opened(lambda: (PAM / "sudo").write_text(DENIES))
    assert seen["closed"]["sudo with the right password"]


def admin() -> None:
    doors._stand_in("holdfast-admin", "x")
    group = Path("/etc/group")
    lines = [line for line in group.read_text().splitlines() if not line.startswith("sudo:")]
    group.write_text("\n".join([*lines, "sudo:x:27:holdfast-admin"]) + "\n")


def test_each_admin_is_asked_for() -> None:
    assert "login for holdfast-admin" in opened(admin)["open"]


def test_no_password_of_anybody_is_in_the_answer() -> None:
    password = "Zq4-known-to-this-test"

    def work() -> dict[str, Any]:
        doors.strong_password = lambda: password
        return doors.open_doors()

    assert password not in str(aside(work))


# What a change may not do


def refusal(change: Callable[[], object], prepare: Callable[[], object] = lambda: None) -> str:
    def work() -> dict[str, Any]:
        prepare()
        before = doors.open_doors()
        change()
        doors.require_as_open(before)
        return {}

    with pytest.raises(Failed) as caught:
        aside(work)
    assert caught.value.kind == "invalid"
    return str(caught.value)


def test_a_change_that_closes_nothing_passes() -> None:
    def work() -> dict[str, Any]:
        before = doors.open_doors()
        COMMON_AUTH.write_text(COMMON_AUTH.read_text() + "# a comment\n")
        doors.require_as_open(before)
        return {}

    assert aside(work) == {}


def test_a_stack_that_denies_everybody_is_noticed() -> None:
    message = refusal(lambda: COMMON_AUTH.write_text("auth required pam_deny.so\n"))
    assert "login with the right password" in message


def test_a_stack_that_permits_everybody_is_noticed() -> None:
    message = refusal(lambda: COMMON_AUTH.write_text("auth required pam_permit.so\n"))
    assert message == "PAM would take any password for login"


def test_a_stack_that_lets_no_account_in_is_noticed() -> None:
    path = PAM / "common-account"
    message = refusal(lambda: path.write_text("account required pam_deny.so\n"))
    assert "login for anybody" in message


def test_a_rule_that_shuts_out_one_admin_is_noticed() -> None:
    def change() -> None:
        rule = "account [success=1 default=ignore] pam_succeed_if.so user != holdfast-admin\n"
        text = (PAM / "common-account").read_text()
        (PAM / "common-account").write_text(f"{rule}account requisite pam_deny.so\n{text}")

    message = refusal(change, admin)
    assert ("login for holdfast-admin" in message, "for anybody" in message) == (True, False)


def test_a_stack_that_takes_no_new_password_is_noticed() -> None:
    message = refusal(lambda: COMMON_PASSWORD.write_text("password required pam_deny.so\n"))
    assert "a new strong password" in message


def test_a_module_that_does_not_exist_is_noticed() -> None:
    refusal(lambda: COMMON_AUTH.write_text("auth required pam_no_such_module.so\n"))


def test_a_door_that_was_closed_before_may_stay_so() -> None:
    def work() -> dict[str, Any]:
        (PAM / "sudo").write_text(DENIES)
        doors.require_as_open(doors.open_doors())
        return {}

    assert aside(work) == {}


def test_a_door_that_took_any_password_before_is_not_blamed_on_the_change() -> None:
    def work() -> dict[str, Any]:
        (PAM / "sudo").write_text(PERMITS)
        doors.require_as_open(doors.open_doors())
        return {}

    assert aside(work) == {}


# Passwords


def password_stack(rule: str) -> None:
    COMMON_PASSWORD.write_text(f"password {rule}\n")


@pytest.mark.parametrize("account", ["root", "holdfast-new"], ids=["there", "not there yet"])
def test_a_password_that_would_be_refused_is_known_before(account: str) -> None:
    def work() -> dict[str, Any]:
        password_stack("required pam_deny.so")
        doors.require_password(account, "correct horse")
        return {}

    with pytest.raises(Failed, match=f"the password for {account} would be refused") as caught:
        aside(work)
    assert ("correct horse" in str(caught.value), caught.value.kind) == (False, "invalid")


@pytest.mark.parametrize("account", ["root", "holdfast-new"], ids=["there", "not there yet"])
def test_a_password_that_would_be_taken_is_no_failure(account: str) -> None:
    def work() -> dict[str, Any]:
        doors.require_password(account, "correct horse battery staple")
        return {}

    assert aside(work) == {}


def test_where_nothing_checks_a_weak_password_can_be_set() -> None:
    answer = aside(lambda: doors.accepted_passwords(["password", "123456"]))
    assert (answer["accepted"], answer["strong"]) == ([True, True], True)


def test_where_every_password_is_refused_a_strong_one_is_too() -> None:
    def work() -> dict[str, Any]:
        password_stack("required pam_deny.so")
        return doors.accepted_passwords(["password"])

    answer = aside(work)
    assert (answer["accepted"], answer["strong"], answer["reason"] != "") == ([False], False, True)


# su


def test_su_that_asks_only_for_the_password_lets_a_stranger_become_another() -> None:
    assert aside(doors.su_outside_the_group) == {"became": True}


def test_su_that_is_kept_to_a_group_does_not() -> None:
    def work() -> dict[str, Any]:
        su = PAM / "su"
        su.write_text(f"auth required pam_wheel.so use_uid group=sudo\n{su.read_text()}")
        return doors.su_outside_the_group()

    assert aside(work) == {"became": False}


def test_su_that_is_kept_to_a_group_only_for_root_lets_a_stranger_become_another() -> None:
    def work() -> dict[str, Any]:
        su = PAM / "su"
        rule = "auth required pam_wheel.so root_only use_uid group=sudo"
        su.write_text(f"{rule}\n{su.read_text()}")
        return doors.su_outside_the_group()

    assert aside(work) == {"became": True}


# A strong password


def test_a_strong_password_has_every_class_and_no_neighbours() -> None:
    for password in (doors.strong_password() for _ in range(200)):
        assert all(abs(ord(one) - ord(two)) > 1 for one, two in pairwise(password))
        assert (password[:7], len(password)) == (doors.START, doors.STRONG_LENGTH)


def test_no_two_strong_passwords_are_the_same() -> None:
    assert len({doors.strong_password() for _ in range(200)}) == 200
