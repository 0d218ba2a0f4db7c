"""passwords.quality: what lets a weak password be set, and whichever file says so."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

import pytest
from building import COMMON_PASSWORD, PAM, SITE, file, site, snapshot
from hypothesis import given
from hypothesis import strategies as st
from model import PWQUALITY_LINE

from holdfast.servers.control import Gap, Phase, Want
from holdfast.servers.controls.passwords import FORBIDDEN, PACKAGES, STACK, WEAK, gaps
from holdfast.servers.hand import doors
from holdfast.servers.pwquality import FILE, FOLDER, LONGEST_LINE, MAIN, render
from holdfast.servers.snapshot import CannotJudge, Snapshot, Unreadable

EARLIER, LATER = f"{FOLDER}/10-provider.conf", f"{FOLDER}/90-local.conf"
NIST = {"minlen": "15", "enforce_for_root": "", "badwords": FORBIDDEN}
COMPLIANCE = {
    **NIST,
    "minlen": "10",
    "difok": "3",
    "ucredit": "-1",
    "lcredit": "-2",
    "dcredit": "-1",
    "ocredit": "-1",
}
COMPLIANT_SITE = SITE + '\n[profiles]\npasswords = "compliance"\n'


def host(*, rules: Mapping[str, str] = NIST, asked: str = PWQUALITY_LINE, **texts: str) -> Snapshot:
    """A host that asks libpwquality, with our rules; `main`, `earlier`, `later` are further files,
    `service` is a service of PAM."""
    paths = {"main": MAIN, "earlier": EARLIER, "later": LATER, "service": "/etc/pam.d/own"}
    files = {path: file(text) for path, text in PAM.items()}
    files |= {STACK: file(asked + COMMON_PASSWORD), FILE: file(render(rules))}
    files |= {paths[name]: file(text) for name, text in texts.items()}
    return snapshot(files=files, packages=dict.fromkeys(PACKAGES, "1"))


def found(seen: Snapshot, text: str = SITE) -> list[Gap]:
    of = site(text)
    return list(gaps(of.hosts["app"], {"app": seen}, of))


def only(seen: Snapshot, text: str = SITE) -> Gap:
    (gap,) = found(seen, text)
    return gap


def wanted(seen: Snapshot, text: str = SITE) -> dict[str, str]:
    """The options that our file is to have."""
    wants = [want for gap in found(seen, text) for want in gap.wants]
    return {want.key: want.value for want in wants if want.resource == "pwquality"}


def test_a_host_with_our_rules_has_no_gap() -> None:
    assert found(host()) == []


def test_a_host_with_the_rules_of_compliance_has_no_gap_there() -> None:
    assert found(host(rules=COMPLIANCE), COMPLIANT_SITE) == []


# Packages


@pytest.mark.parametrize("package", PACKAGES)
def test_what_checks_passwords_is_installed(package: str) -> None:
    others = {name: "1" for name in PACKAGES if name != package}
    gap = only(host().model_copy(update={"packages": others}))
    assert gap.wants == (Want(f"package {package}", "installed", "yes", Phase.WIDEN),)


# Whether PAM asks


def test_a_stack_that_does_not_ask_is_switched_on_as_debian_does_it() -> None:
    gap = only(host(asked=""))
    assert gap.wants == (
        Want("pam pwquality", "enabled", "password pam_pwquality.so", Phase.WIDEN),
    )


def test_a_stack_edited_by_hand_is_left_to_a_person() -> None:
    seen = host()
    edited = {**seen.files, STACK: file("password required pam_unix.so\n")}
    gap = only(seen.model_copy(update={"files": edited}))
    assert (gap.automatic, "pam-auth-update --force" in gap.mend) == (False, True)


@pytest.mark.parametrize(
    "line",
    [
        "password requisite pam_pwquality.so",
        "password\trequired\tpam_pwquality.so retry=3",
        "-password required pam_pwquality.so",
        "PASSWORD REQUIRED pam_pwquality.so",
        "password [success=ok default=die] pam_pwquality.so",
        "password required /lib/x86_64-linux-gnu/security/pam_pwquality.so # a comment",
        "password required \\\n  pam_pwquality.so \\\n  retry=3",
    ],
)
def test_every_spelling_of_a_binding_rule_counts(line: str) -> None:
    assert found(host(asked=f"{line}\n")) == []


@pytest.mark.parametrize(
    "line",
    [
        "# password requisite pam_pwquality.so",
        "#password requisite pam_pwquality.so",
        "auth requisite pam_pwquality.so",
        "password requisite pam_unix.so # pam_pwquality.so",
    ],
)
def test_what_only_looks_like_the_rule_does_not_count(line: str) -> None:
    assert [gap.what for gap in found(host(asked=f"{line}\n"))] == ["a new password is not checked"]


@pytest.mark.parametrize("control", ["optional", "sufficient", "[success=1 default=ignore]"])
def test_a_rule_that_does_not_bind_is_left_to_a_person(control: str) -> None:
    gap = only(host(asked=f"password {control} pam_pwquality.so\n"))
    assert (gap.automatic, "does not bind" in gap.evidence) == (False, True)


def test_a_rule_that_comes_when_the_password_is_set_is_left_to_a_person() -> None:
    seen = host()
    late = {**seen.files, STACK: file(COMMON_PASSWORD + PWQUALITY_LINE)}
    gap = only(seen.model_copy(update={"files": late}))
    assert (gap.automatic, "too late" in gap.evidence) == (False, True)


@pytest.mark.parametrize(
    "before",
    [
        "password [success=1 default=ignore] pam_permit.so",
        "password sufficient pam_krb5.so",
        "password [success=done default=ignore] pam_krb5.so",
        "password include other",
        "@include other",
    ],
)
def test_a_rule_that_may_be_skipped_is_left_to_a_person(before: str) -> None:
    gap = only(host(asked=f"{before}\n{PWQUALITY_LINE}"))
    assert (gap.automatic, "may be skipped" in gap.evidence) == (False, True)


@pytest.mark.parametrize(
    "before",
    [
        "password required pam_env.so",
        "password optional pam_gnome_keyring.so",
        "password [success=ok default=ignore] pam_env.so",
        "auth sufficient pam_rootok.so",
    ],
)
def test_what_comes_before_the_rule_and_skips_nothing_is_no_gap(before: str) -> None:
    assert found(host(asked=f"{before}\n{PWQUALITY_LINE}")) == []


# What the rules are


WEAKER = {
    "minlen": ("14", "15"),
    "dictcheck": ("0", "1"),
    "usercheck": ("00", "1"),
    "enforcing": ("-0", "1"),
    "dcredit": ("1", "0"),
    "ocredit": ("2", "0"),
}


@pytest.mark.parametrize(("option", "weak", "right"), [(k, *v) for k, v in WEAKER.items()])
def test_a_weaker_rule_is_a_gap(option: str, weak: str, right: str) -> None:
    seen = host(rules={**NIST, option: weak})
    assert wanted(seen) == {option: right}


WEAKER_THAN_COMPLIANCE = {
    "minlen": ("9", "10"),
    "difok": ("2", "3"),
    "ucredit": ("0", "-1"),
    "lcredit": ("-1", "-2"),
    "dcredit": ("1", "-1"),
    "ocredit": ("0", "-1"),
}


@pytest.mark.parametrize(
    ("option", "weak", "right"), [(k, *v) for k, v in WEAKER_THAN_COMPLIANCE.items()]
)
def test_compliance_demands_classes(option: str, weak: str, right: str) -> None:
    seen = host(rules={**COMPLIANCE, option: weak})
    assert wanted(seen, COMPLIANT_SITE) == {option: right}


def test_without_any_rules_each_is_wanted() -> None:
    assert wanted(host(rules={})) == NIST


def test_without_any_rules_compliance_wants_its_own() -> None:
    assert wanted(host(rules={}), COMPLIANT_SITE) == COMPLIANCE


@pytest.mark.parametrize("option", ["minlen", "difok", "dictcheck", "usercheck", "enforcing"])
def test_what_a_host_does_not_say_is_as_libpwquality_has_it(option: str) -> None:
    rules = {key: value for key, value in COMPLIANCE.items() if key != option}
    missing = option in wanted(host(rules=rules), COMPLIANT_SITE)
    assert missing is (option in ("minlen", "difok"))


STRICTER = {
    "minlen": "40",
    "difok": "9",
    "ucredit": "-3",
    "lcredit": "-3",
    "dcredit": "-3",
    "ocredit": "-3",
    "minclass": "4",
    "maxrepeat": "2",
    "gecoscheck": "1",
    "dictcheck": "7",
    "enforce_for_root": "0",
    "badwords": f"{FORBIDDEN} todo",
}


@pytest.mark.parametrize("text", [SITE, COMPLIANT_SITE], ids=["nist", "compliance"])
def test_rules_that_are_stricter_than_wanted_pass(text: str) -> None:
    assert found(host(rules=STRICTER), text) == []


def test_what_a_flag_is_set_to_does_not_switch_it_off() -> None:
    assert found(host(rules={**NIST, "enforce_for_root": "0"})) == []


def test_the_hosts_own_forbidden_words_stay_forbidden() -> None:
    words = wanted(host(rules={**NIST, "badwords": "todo qwertyuiop"}))["badwords"].split()
    assert {"todo", *FORBIDDEN.split()} == set(words)


def test_more_forbidden_words_than_a_line_holds_are_left_to_a_person() -> None:
    many = " ".join(f"word{number:04}" for number in range(105))
    gap = only(host(rules={**NIST, "badwords": many}))
    assert (gap.automatic, len(many) < LONGEST_LINE) == (False, True)


# Files that contradict each other


def test_what_comes_before_ours_does_not_count() -> None:
    assert found(host(earlier="minlen = 6\n")) == []


@pytest.mark.parametrize("name", ["main", "later"])
@pytest.mark.parametrize("line", ["minlen = 6", "minlen=6", "minlen 6", "MINLEN\t= 6 # short"])
def test_what_comes_after_ours_overrides_and_gives_way(name: str, line: str) -> None:
    text = f"# ours\n{line}\n"
    gap = only(host(main=text) if name == "main" else host(later=text))
    path = MAIN if name == "main" else LATER
    assert gap.wants == (
        Want("pwquality", "minlen", "15", Phase.WIDEN),
        Want(f"lines {path}", line, f"# {line}", Phase.WIDEN),
    )


def test_of_two_lines_the_last_counts_and_both_give_way() -> None:
    gap = only(host(main="minlen = 20\nminlen = 6\n"))
    assert [want.key for want in gap.wants[1:]] == ["minlen = 20", "minlen = 6"]


def test_what_is_only_a_comment_overrides_nothing() -> None:
    assert found(host(main="# minlen = 6\n#minlen = 6\n")) == []


def test_a_line_separator_inside_a_comment_begins_no_line() -> None:
    assert wanted(host(rules={**NIST, "minlen": "8"}, main="# x\u2028minlen = 20\n")) == {
        "minlen": "15"
    }


def test_an_argument_of_the_rule_overrides_every_file_and_is_left_to_a_person() -> None:
    gap = only(host(asked=PWQUALITY_LINE.replace("retry=3", "retry=3 MinLen=6")))
    assert (gap.automatic, "pam-auth-update" in gap.mend) == (False, True)


def test_an_argument_may_be_what_is_wanted() -> None:
    rules = {key: value for key, value in NIST.items() if key not in ("minlen", "badwords")}
    asked = PWQUALITY_LINE.replace("retry=3", f"retry=3 minlen=15 [badwords={FORBIDDEN}]")
    assert found(host(rules=rules, asked=asked)) == []


@pytest.mark.parametrize("path", [MAIN, EARLIER, LATER])
@pytest.mark.parametrize(
    "line", ["minimum = 6", "minlen = long", "minlen", "minlen = 1.5", "= 5", "minlen = ١٥"]
)
def test_a_line_that_ends_the_reading_is_left_to_a_person(path: str, line: str) -> None:
    seen = host(rules={})
    files = {**seen.files, path: file(f"{line}\n")}
    gap = only(seen.model_copy(update={"files": files}))
    assert (gap.automatic, line in gap.evidence) == (False, True)


def test_a_line_of_ours_that_ends_the_reading_is_written_anew() -> None:
    seen = host(rules={"a": "b", **NIST})
    assert wanted(seen) == NIST


@pytest.mark.parametrize("path", [MAIN, EARLIER, LATER])
def test_another_dictionary_is_left_to_a_person(path: str) -> None:
    seen = host()
    files = {**seen.files, path: file("dictpath = /tmp/empty\n")}
    gap = only(seen.model_copy(update={"files": files}))
    assert (gap.automatic, path in gap.mend, "/tmp/empty" in gap.evidence) == (False, True, True)


def test_another_dictionary_in_the_rule_is_left_to_a_person() -> None:
    gap = only(host(asked=PWQUALITY_LINE.replace("retry=3", "retry=3 dictpath=/tmp/empty")))
    assert (gap.automatic, STACK in gap.mend) == (False, True)


# How often a password may be tried


@pytest.mark.parametrize("tries", ["retry=1", "retry=2", "retry=3", ""])
def test_few_tries_are_no_gap(tries: str) -> None:
    assert found(host(asked=PWQUALITY_LINE.replace("retry=3", tries))) == []


@pytest.mark.parametrize("tries", ["retry=4", "retry=99", "retry=0", "retry=-1"])
def test_many_tries_are_left_to_a_person(tries: str) -> None:
    gap = only(host(asked=PWQUALITY_LINE.replace("retry=3", tries)))
    assert (gap.automatic, "may be tried" in gap.what) == (False, True)


def test_many_tries_count_in_a_file_too() -> None:
    asked = PWQUALITY_LINE.replace("retry=3", "")
    assert "may be tried 9 times" in only(host(asked=asked, main="retry = 9\n")).what


# Past the stack


@pytest.mark.parametrize(
    "text",
    [
        "password required pam_unix.so\n",
        "-password sufficient pam_unix.so nullok\n",
        "@include common-auth\npassword required pam_cracklib.so\npassword required pam_unix.so\n",
    ],
)
def test_a_service_that_sets_passwords_by_its_own_rules_is_named(text: str) -> None:
    gap = only(host(service=text))
    assert (gap.automatic, gap.evidence.startswith("/etc/pam.d/own")) == (False, True)


@pytest.mark.parametrize(
    "text",
    [
        "@include common-password\n",
        "auth required pam_unix.so\n",
        "# password required pam_unix.so\n",
        "password requisite pam_pwquality.so\npassword required pam_unix.so use_authtok\n",
        "password required pam_deny.so\n",
        "",
    ],
)
def test_a_service_that_keeps_to_the_stack_is_no_gap(text: str) -> None:
    assert found(host(service=text)) == []


def test_a_service_that_could_not_be_read_is_no_pass() -> None:
    seen = host()
    files = {**seen.files, "/etc/pam.d/own": Unreadable(unreadable="needs root")}
    with pytest.raises(CannotJudge):
        found(seen.model_copy(update={"files": files}))


# What a hostile host says


pieces = st.sampled_from(
    ["minlen", "retry", "dictcheck", "=", " ", "²", "--0", "9" * 5000, "#", "\\", "[", "\n", "\x00"]
)


@given(st.lists(pieces | st.text(max_size=5)).map("".join))
def test_no_text_ends_in_anything_but_gaps(text: str) -> None:
    with contextlib.suppress(CannotJudge):
        found(host(main=text, service=text, asked=text))


@given(st.lists(pieces | st.text(max_size=5)).map("".join))
def test_no_arguments_end_in_anything_but_gaps(text: str) -> None:
    found(host(asked=f"password requisite pam_pwquality.so {text}\n"))


def test_the_name_that_is_tried_is_the_stand_ins_own() -> None:
    assert doors.STAND_IN in WEAK
