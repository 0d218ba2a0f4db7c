"""files.private and packages.intact: what programs leave behind, whether they are themselves."""

from __future__ import annotations

import pytest
from building import file, site, snapshot
from hypothesis import given
from hypothesis import strategies as st

from holdfast.servers import debsums
from holdfast.servers.control import Gap
from holdfast.servers.controls import packages, traces
from holdfast.servers.snapshot import CannotJudge, Snapshot
from holdfast.servers.traces import (
    LOGIN_DEFS,
    MASK,
    NO_CORE_DUMPS,
    lets_others_read,
    umask_line,
    with_umask,
)

STRICT = f"UMASK\t\t{MASK}\n"


def host(login_defs: str = STRICT, left_out: str = "") -> Snapshot:
    """A host that keeps its traces to itself, with this login.defs and without that file."""
    files = {path: file(text) for path, text in NO_CORE_DUMPS.items() if path != left_out}
    return snapshot(files={**files, LOGIN_DEFS: file(login_defs)})


def found(seen: Snapshot) -> list[Gap]:
    of = site()
    return list(traces.gaps(of.hosts["app"], {"app": seen}, of))


def test_a_host_that_keeps_its_traces_has_no_gap() -> None:
    assert found(host()) == []


@pytest.mark.parametrize("path", NO_CORE_DUMPS)
def test_a_missing_file_lets_memory_be_written(path: str) -> None:
    (gap,) = found(host(left_out=path))
    assert path in gap.evidence
    assert [(w.resource, w.key, w.value) for w in gap.wants] == [("core dumps", "written", "no")]


MASKS = {
    "UMASK 022\n": True,
    "UMASK\t\t0022\n": True,
    "umask 077\n": True,
    "#UMASK 027\n": True,
    "UMASK 026\n": True,
    "": True,
    "UMASK 077\nUMASK 022\n": True,
    "UMASK 027\n": False,
    "UMASK 077\n": False,
    "UMASK 0027\n": False,
    "UMASK 022\nUMASK 027\n": False,
}


@pytest.mark.parametrize(("text", "open_to_others"), MASKS.items())
def test_a_mask_that_lets_others_read_is_a_gap(text: str, open_to_others: bool) -> None:
    assert bool(found(host(text))) is open_to_others


def test_without_login_defs_nothing_can_be_said() -> None:
    seen = host()
    files = {path: held for path, held in seen.files.items() if path != LOGIN_DEFS}
    with pytest.raises(CannotJudge, match=LOGIN_DEFS):
        found(seen.model_copy(update={"files": files}))


@given(st.lists(st.sampled_from(["UMASK 022", "# UMASK", "PASS_MAX_DAYS 99", ""])))
def test_a_mask_that_was_set_is_said_and_every_other_line_stays(lines: list[str]) -> None:
    before = "\n".join(lines)
    after = with_umask(before, MASK)
    line = umask_line(after)
    assert line is not None
    assert not lets_others_read(line)
    assert [one for one in after.split("\n") if one and "UMASK\t" not in one] == [
        one for one in lines if one and (one != "UMASK 022" or umask_line(before) is None)
    ]


def intact(files: dict[str, str], installed: bool = True) -> list[Gap]:
    of = site()
    seen = snapshot(
        packages={packages.PACKAGE: "1"} if installed else {},
        files={path: file(text) for path, text in files.items()},
    )
    return list(packages.gaps(of.hosts["app"], {"app": seen}, of))


def wanted(gap: Gap) -> list[tuple[str, str, str]]:
    return [(want.resource, want.key, want.value) for want in gap.wants]


WEEKLY = ("debsums", debsums.CHECK, "weekly")


def test_a_host_without_debsums_wants_it_and_what_it_does() -> None:
    (gap,) = intact({}, installed=False)
    assert wanted(gap) == [("package debsums", "installed", "yes"), WEEKLY]


@pytest.mark.parametrize("word", packages.REGULARLY)
def test_a_regular_check_is_enough(word: str) -> None:
    assert intact({debsums.FILE: f"# x\nCRON_CHECK={word}\n"}) == []


@pytest.mark.parametrize(
    "text", ["CRON_CHECK=never", "CRON_CHECK=weekly\nCRON_CHECK=", "CRON_CHECK='never'", "# x"]
)
def test_a_check_that_never_runs_is_switched_on(text: str) -> None:
    (gap,) = intact({debsums.FILE: f"{text}\n"})
    assert wanted(gap) == [WEEKLY]


@given(st.lists(st.sampled_from(["# a", "X=1", "CRON_CHECK=never", ""])))
def test_a_check_that_was_switched_on_is_said_and_every_other_line_stays(lines: list[str]) -> None:
    after = debsums.with_check("\n".join(lines), "weekly")
    assert debsums.checked(after) == "weekly"
    others = [line for line in lines if line and not line.startswith("CRON")]
    assert [line for line in after.split("\n") if line and not line.startswith("CRON")] == others
