"""root.locked: no password makes anybody root, neither at the console nor by su."""

from __future__ import annotations

import pytest
from building import SU, SU_LOGIN, account, file, site, snapshot
from hypothesis import given
from hypothesis import strategies as st
from model import proven

from holdfast.servers.control import Gap, Phase, Want
from holdfast.servers.controls.root import ONLY_ADMINS, gaps
from holdfast.servers.controls.root import SU as SU_PATH
from holdfast.servers.controls.root import SU_LOGIN as SU_LOGIN_PATH
from holdfast.servers.snapshot import CannotJudge, Evidence, Snapshot, Unreadable

ROOT_PASSES = "auth       sufficient pam_rootok.so"
COMMENTED = "# auth       required   pam_wheel.so"
LIMITED = SU.replace(ROOT_PASSES, f"{ROOT_PASSES}\n{ONLY_ADMINS}")
PEOPLE = {
    "root": account(0, groups=("root",)),
    "alice": account(1000, groups=("alice", "sudo", "staff")),
    "bob": account(1001, groups=("bob", "wheel", "users")),
}
GROUPS = {"root": ("root",), "sudo": ("alice",), "staff": ("alice",), "wheel": ("bob",)}


def host(
    su: str | None = LIMITED, *, login: str | None = SU_LOGIN, root: str = "locked"
) -> Snapshot:
    """A host on which root's password is this, and the two files of su these, None for no file."""
    texts = {SU_PATH: su, SU_LOGIN_PATH: login}
    return snapshot(
        files={path: file(text) for path, text in texts.items() if text is not None},
        accounts={**PEOPLE, "root": account(0, password=root, groups=("root",))},
        groups=GROUPS,
    )


def found(seen: Snapshot) -> list[Gap]:
    of = site()
    return list(gaps(of.hosts["app"], {"app": seen}, of))


def only(seen: Snapshot) -> Gap:
    (gap,) = found(seen)
    return gap


def test_a_host_with_root_locked_and_su_limited_has_no_gap() -> None:
    assert found(host()) == []


# Root's password


@pytest.mark.parametrize("password", ["set", "empty"])
def test_root_is_not_locked_before_a_login_was_proven(password: str) -> None:
    gap = only(host(root=password))
    assert (gap.automatic, "holdfast apply" in gap.mend) == (False, True)


@pytest.mark.parametrize("password", ["set", "empty"])
def test_root_is_locked_once_a_login_was_proven(password: str) -> None:
    gap = only(proven(host(root=password), site()))
    assert gap.wants == (Want("account root", "password", "locked", Phase.NARROW),)


@pytest.mark.parametrize(
    ("kind", "subject", "key"),
    [
        ("login", "alice", "SHA256:a key that she has no more"),
        ("login", "eve", "her own"),
        ("notice", "alice", "her own"),
    ],
    ids=["another key", "nobody of the site", "no login"],
)
def test_evidence_of_something_else_locks_nothing(kind: str, subject: str, key: str) -> None:
    of = site()
    bound_to = key.replace("her own", of.admins["alice"].keys[0].fingerprint)
    record = Evidence(kind=kind, subject=subject, bound_to=bound_to, at=1.0)
    seen = host(root="set").model_copy(update={"evidence": (record,)})
    assert not only(seen).automatic


def test_evidence_that_cannot_be_read_locks_nothing() -> None:
    seen = host(root="set").model_copy(update={"evidence": Unreadable(unreadable="needs root")})
    assert not only(seen).automatic


def test_a_host_that_names_no_root_cannot_be_judged() -> None:
    with pytest.raises(CannotJudge):
        found(host().model_copy(update={"accounts": {}}))


# Who may use su


def with_line(line: str) -> Snapshot:
    return host(SU.replace(ROOT_PASSES, f"{ROOT_PASSES}\n{line}"))


@pytest.mark.parametrize(
    "line",
    [
        "auth required pam_wheel.so use_uid group=sudo",
        "auth requisite pam_wheel.so group=sudo",
        "-auth\trequired\tpam_wheel.so\tgroup=sudo # only admins",
        "AUTH Required pam_wheel.so group=sudo",
        "auth [success=ignore default=die] pam_wheel.so group=sudo",
        "auth required /lib/security/pam_wheel.so group=sudo",
        "auth required \\\n  pam_wheel.so group=sudo",
        "auth required pam_wheel.so use_uid group=staff",
        "auth required pam_wheel.so group=wheel group=sudo",
        "auth required pam_wheel.so group=nobody-is-in-it",
    ],
)
def test_su_that_only_sudos_members_get_past_is_no_gap(line: str) -> None:
    assert found(with_line(line)) == []


@pytest.mark.parametrize(
    "line",
    [
        COMMENTED,
        "#auth required pam_wheel.so group=sudo",
        "auth required pam_permit.so # pam_wheel.so group=sudo",
        "account required pam_wheel.so group=sudo",
        "auth optional pam_wheel.so group=sudo",
        "auth sufficient pam_wheel.so group=sudo",
        "auth [success=1 default=ignore] pam_wheel.so group=sudo",
        "auth required pam_wheel.so deny group=sudo",
        "auth required pam_wheel.so root_only group=sudo",
        "auth required pam_wheel.so use_uid",
        "auth required pam_wheel.so group=users",
        "auth required pam_wheel.so group=sudo group=users",
    ],
)
def test_su_that_others_get_past_is_limited(line: str) -> None:
    gap = only(with_line(line))
    want = Want(f"lines {SU_PATH}", ROOT_PASSES, f"{ROOT_PASSES}\n{ONLY_ADMINS}", Phase.NARROW)
    assert gap.wants == (want,)


@pytest.mark.parametrize(
    "before",
    [
        "auth required pam_env.so",
        "auth requisite pam_nologin.so",
        "auth optional pam_faildelay.so delay=3000000",
        "auth [success=ok default=ignore] pam_env.so",
        "account sufficient pam_localuser.so",
    ],
)
def test_what_comes_before_and_lets_nobody_in_is_no_gap(before: str) -> None:
    assert found(with_line(f"{before}\n{ONLY_ADMINS}")) == []


@pytest.mark.parametrize(
    "before",
    [
        "auth sufficient pam_unix.so",
        "auth [success=1 default=ignore] pam_permit.so",
        "auth [success=done default=ignore] pam_unix.so",
        "@include common-auth",
        "auth substack common-auth",
        "auth nonsense pam_permit.so",
    ],
)
def test_what_lets_somebody_in_before_the_question_is_limited(before: str) -> None:
    gap = only(with_line(f"{before}\n{ONLY_ADMINS}"))
    want = Want(f"lines {SU_PATH}", ROOT_PASSES, f"{ROOT_PASSES}\n{ONLY_ADMINS}", Phase.NARROW)
    assert gap.wants == (want,)


@pytest.mark.parametrize(
    "before",
    [
        "auth sufficient pam_unix.so",
        "auth [success=2 default=ignore] pam_permit.so",
        "@include common-auth",
    ],
)
def test_what_comes_before_the_line_of_root_is_left_to_a_person(before: str) -> None:
    gap = only(host(f"{before}\n{LIMITED}"))
    assert (gap.automatic, before in gap.evidence) == (False, True)


@pytest.mark.parametrize(
    "control",
    [
        "[success=ok auth_err=ignore default=bad]",
        "[success=ok perm_denied=1 default=die]",
        "[success=ok ignore=1 default=bad]",
        "[success=done default=bad]",
    ],
)
def test_a_question_whose_answer_may_be_ignored_limits_nobody(control: str) -> None:
    assert only(with_line(f"auth {control} pam_wheel.so group=sudo")).automatic


def test_a_refusal_that_is_forgotten_is_left_to_a_person() -> None:
    line = "auth [success=ok default=reset] pam_permit.so"
    gap = only(with_line(f"{ONLY_ADMINS}\n{line}"))
    assert (gap.automatic, line in gap.evidence) == (False, True)


def test_without_a_group_named_wheel_that_of_root_counts() -> None:
    seen = with_line("auth required pam_wheel.so")
    groups = {name: members for name, members in GROUPS.items() if name != "wheel"}
    assert found(seen.model_copy(update={"groups": groups})) == []


def test_our_line_stands_behind_the_one_that_lets_root_pass() -> None:
    gap = only(host(SU))
    lines = SU.replace(gap.wants[0].key, gap.wants[0].value).splitlines()
    assert lines.index(ONLY_ADMINS) == lines.index(ROOT_PASSES) + 1


def test_our_line_closes_the_gap() -> None:
    gap = only(host(SU))
    assert found(host(SU.replace(gap.wants[0].key, gap.wants[0].value))) == []


@pytest.mark.parametrize(
    "text", ["", "auth required pam_permit.so\n", "auth sufficient \\\n pam_rootok.so\n"]
)
def test_a_su_that_is_not_debians_is_left_to_a_person(text: str) -> None:
    gap = only(host(text))
    assert (gap.automatic, ONLY_ADMINS in gap.mend) == (False, True)


def test_members_who_are_asked_for_no_password_are_left_to_a_person() -> None:
    line = "auth sufficient pam_wheel.so trust use_uid group=sudo"
    trusted, unlimited = found(with_line(line))
    assert (trusted.automatic, "`trust`" in trusted.mend) == (False, True)
    assert unlimited.automatic


def test_members_who_are_asked_for_no_password_are_a_gap_beside_our_line() -> None:
    seen = host(LIMITED.replace(ONLY_ADMINS, f"auth sufficient pam_wheel.so trust\n{ONLY_ADMINS}"))
    assert "no password" in only(seen).what


def test_a_comment_trusts_nobody() -> None:
    assert found(with_line(f"{ONLY_ADMINS} # trust")) == []


def test_a_host_without_su_has_nothing_to_limit() -> None:
    assert found(host(None, login=None)) == []


@pytest.mark.parametrize("text", ["auth include su\n", "auth substack su\n", "@include su\n"])
def test_su_with_a_login_is_limited_by_the_other(text: str) -> None:
    assert found(host(login=text)) == []


@pytest.mark.parametrize("text", ["auth required pam_env.so\nauth include su\n", SU_LOGIN])
def test_su_with_a_login_may_ask_more_before_the_other(text: str) -> None:
    assert found(host(login=text)) == []


@pytest.mark.parametrize(
    "before",
    ["auth sufficient pam_unix.so", "auth [success=1 default=ignore] pam_permit.so"],
)
def test_su_with_a_login_that_lets_in_before_the_other_is_left_to_a_person(before: str) -> None:
    gap = only(host(login=f"{before}\n{SU_LOGIN}"))
    assert (gap.automatic, SU_LOGIN_PATH in gap.mend) == (False, True)


def test_su_with_a_login_of_its_own_rules_is_a_gap() -> None:
    gap = only(host(login=f"{ROOT_PASSES}\n@include common-auth\n"))
    assert gap.wants[0].resource == f"lines {SU_LOGIN_PATH}"


@given(st.text(max_size=200), st.sampled_from(["auth required pam_wheel.so ", "auth ", ""]))
def test_no_text_ends_in_anything_but_gaps(text: str, before: str) -> None:
    found(host(f"{before}{text}", login=text))
