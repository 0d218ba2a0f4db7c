"""A change of PAM that would lock people out is refused beforehand, or taken back."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest
from driving import admin_gets_in, apply, armed, holdfast, seen, settled
from faults import write

from holdfast.cli.main import parser
from holdfast.cli.work import Work
from holdfast.lab import Host, Lab
from holdfast.servers.apply import Reverted
from holdfast.servers.apply import apply as bring_in_order
from holdfast.servers.control import Control, Gap, Phase, Principle, Severity, Want
from holdfast.servers.snapshot import Snapshot, judged
from holdfast.site import Host as SiteHost
from holdfast.site import Site
from throwaway import OFTEN, SERVERS, UNTOUCHED

STACK = "/etc/pam.d/common-auth"
FINISHED = "finished with PAM"


@pytest.fixture(scope="module", params=OFTEN)
def prepared(lab: Lab, request: pytest.FixtureRequest) -> Host:
    host = lab.host(SERVERS[request.param].name)
    host.reset(UNTOUCHED)
    done = apply(lab.site, host.name)
    assert done.code == 0, done
    host.snapshot(FINISHED)
    return host


@pytest.fixture
def finished(prepared: Host, lab_site: Path) -> Host:
    prepared.reset(FINISHED)
    return prepared


def putting_first(line: str) -> Control:
    """A control that wants this line before everything else that decides about passwords."""

    def gaps(host: SiteHost, snapshots: Mapping[str, Snapshot], site: Site) -> Iterable[Gap]:
        text = judged(snapshots[host.name].files[STACK]).content or ""
        first = next(each for each in text.split("\n") if "pam_unix.so" in each)
        if line not in text:
            want = Want(f"lines {STACK}", first, f"{line}\n{first}", Phase.NARROW)
            yield Gap("it is missing", STACK, wants=(want,))

    return Control(
        "test.pam",
        "PAM has a line",
        Principle.AUTOMATE_CHECKS,
        "G3",
        Severity.LOW,
        "nothing",
        "one line of PAM",
        gaps,
    )


def applying(site: Path, host: Host, control: Control) -> None:
    """Bring one control's wants to a host, as `holdfast apply` does with all of them."""
    words = ["apply", host.name, "--yes", "--site", str(site / "holdfast.toml")]
    work = Work.load(parser(["apply"]).parse_args(words))

    async def go() -> None:
        async with work.fleet() as fleet:
            run = dataclasses.replace(work.run(fleet), controls=(control,))
            await bring_in_order(run, work.site.hosts[host.name], {}, lambda text: None)

    asyncio.run(go())


def test_a_stack_that_refuses_everyone_is_refused_before_it_is_written(
    finished: Host, lab_site: Path
) -> None:
    before = seen(finished)
    with pytest.raises(Reverted, match="PAM would refuse what it lets through now"):
        applying(lab_site, finished, putting_first("auth requisite pam_deny.so"))
    assert settled(seen(finished), before) == settled(before)


def test_a_stack_that_takes_any_password_is_refused_before_it_is_written(
    finished: Host, lab_site: Path
) -> None:
    before = seen(finished)
    with pytest.raises(Reverted, match="PAM would take any password"):
        applying(lab_site, finished, putting_first("auth sufficient pam_permit.so"))
    assert settled(seen(finished), before) == settled(before)


def test_a_stack_that_refuses_only_real_people_is_taken_back_when_they_try(
    finished: Host, lab_site: Path
) -> None:
    before = seen(finished)
    refusing = "auth requisite pam_succeed_if.so quiet user != admin"
    with pytest.raises(Reverted, match="everything was taken back"):
        applying(lab_site, finished, putting_first(refusing))
    assert not armed(finished)
    assert admin_gets_in(lab_site, finished)
    assert settled(seen(finished), before) == settled(before)


def test_the_only_admins_password_is_tried_against_the_policy_before_anything_is_touched(
    prepared: Host, untouched: Callable[[str], Host], lab_site: Path
) -> None:
    host = untouched(prepared.release)
    before = seen(host)
    password = lab_site / "keys" / "admin.sudo"
    kept = password.read_text()
    password.write_text("too short 1\n")
    try:
        done = apply(lab_site, host.name)
    finally:
        password.write_text(kept)
    assert done.code == 4, done
    assert "the password for admin would be refused" in done.out
    assert "shorter than 15" in done.out
    assert "too short 1" not in done.out + done.err
    assert settled(seen(host), before) == settled(before)


def test_a_policy_that_no_password_can_meet_is_refused_before_it_holds(
    finished: Host, lab_site: Path
) -> None:
    finished.check(["sh", "-c", "rm /var/cache/cracklib/*"])
    write(finished, "/etc/security/pwquality.conf.d/50-holdfast.conf", "dictcheck = 0\n")
    before = seen(finished)
    done = apply(lab_site, finished.name)
    assert done.code == 4, done
    assert "a new strong password" in done.out
    assert "dictionary" in done.out
    assert settled(seen(finished), before) == settled(before)


def test_a_profile_that_was_switched_off_is_switched_on_again(
    finished: Host, lab_site: Path
) -> None:
    off = ["pam-auth-update", "--package", "--remove", "pwquality"]
    finished.check(["env", "DEBIAN_FRONTEND=noninteractive", *off])
    weak = holdfast("prove", finished.name, "--format", "json", site=lab_site)
    assert weak.code == 1
    assert apply(lab_site, finished.name).code == 0
    strong = holdfast("prove", finished.name, "--format", "json", site=lab_site)
    assert strong.code == 0, strong


def test_undo_puts_pam_back_as_it_was(
    prepared: Host, untouched: Callable[[str], Host], lab_site: Path
) -> None:
    host = untouched(prepared.release)
    before = seen(host)
    assert apply(lab_site, host.name).code == 0
    for _ in range(2):
        done = holdfast("undo", host.name, "--yes", site=lab_site)
        assert done.code == 0, done
    assert settled(seen(host), before) == settled(before)


def test_what_a_stack_is_tried_with_leaves_nothing_on_the_host(
    finished: Host, lab_site: Path
) -> None:
    holdfast("prove", finished.name, site=lab_site)
    for path in ("/etc/passwd", "/etc/shadow"):
        assert "holdfast-trial" not in finished.check(["cat", path])
