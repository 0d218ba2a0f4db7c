"""Servers as people really have them: nothing of theirs is lost, and every old way in is closed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cloud_image
import pytest
from cloud_image import ACCOUNT, foreign
from driving import (
    Done,
    admin_gets_in,
    armed,
    eventually,
    holdfast,
    read_until,
    seen,
    ssh,
    started,
    states,
)
from faults import write

from holdfast.lab import Host, Lab
from holdfast.servers.snapshot import judged
from throwaway import SERVERS, UNTOUCHED

RELEASES = tuple(SERVERS)
FIRST = ("--first-login", ACCOUNT)
SUDOERS = "/etc/sudoers.d/90-cloud-init-users"
TABLE = ["nft", "list", "table", "inet", "holdfast"]


@dataclass(frozen=True)
class Story:
    """What was seen while both images were brought in order; records are by release."""

    before: Mapping[str, Mapping[str, str]]
    unnamed: Done
    plan: Done
    weak: Any
    applied: Done
    after: Mapping[str, Mapping[str, str]]
    audit: Any
    strong: Any


def hosts(lab: Lab) -> dict[str, Host]:
    return {release: lab.host(spec.name) for release, spec in SERVERS.items()}


def recorded(lab: Lab) -> dict[str, dict[str, str]]:
    return {release: foreign(host) for release, host in hosts(lab).items()}


def image_gets_in(site: Path, host: Host) -> bool:
    """Whether the image's account still logs in with the provider's key."""
    return ssh(site, host, ACCOUNT, "root_ed25519", ["true"]).code == 0


def attacks(proof: Any, release: str, outcome: str) -> set[str]:
    name = SERVERS[release].name
    return {
        attack["attack"]
        for attack in proof["attacks"]
        if (attack["host"], attack["outcome"]) == (name, outcome)
    }


def gaps(audit: Any, release: str, control: str) -> tuple[int, int, str]:
    """Return a finding's automatic and manual gaps, and all of its evidence."""
    (host,) = [host for host in audit["hosts"] if host["name"] == SERVERS[release].name]
    (found,) = [each for each in host["findings"] if each["control"] == control]
    return found["automatic"], found["manual"], "\n".join(found["evidence"])


@pytest.fixture(scope="module")
def images(lab: Lab) -> Iterator[Lab]:
    """Both servers as cloud images."""
    for host in hosts(lab).values():
        host.reset(UNTOUCHED)
        cloud_image.make(host)
        host.snapshot("image")
    yield lab
    for host in hosts(lab).values():
        host.reset(UNTOUCHED)


@pytest.fixture(scope="module")
def story(images: Lab) -> Story:
    """Both images: recorded, attacked, changed, recorded and attacked again."""
    site = images.site
    told = Story(
        before=recorded(images),
        unnamed=holdfast("audit", site=site),
        plan=holdfast("plan", *FIRST, site=site),
        weak=holdfast("prove", *FIRST, "--format", "json", site=site).data,
        applied=holdfast("apply", *FIRST, "--yes", site=site),
        after=recorded(images),
        audit=holdfast("audit", "--format", "json", site=site).data,
        strong=holdfast("prove", "--format", "json", site=site).data,
    )
    for host in hosts(images).values():
        host.snapshot("in order")
    return told


@pytest.fixture
def in_order(images: Lab, story: Story) -> dict[str, Host]:
    """Both images as they were after the change."""
    for host in hosts(images).values():
        host.reset("in order")
    return hosts(images)


def test_a_root_that_may_only_show_a_notice_is_explained(story: Story) -> None:
    assert story.unnamed.code == 3
    assert story.unnamed.out.count(f"add --first-login {ACCOUNT}") == len(RELEASES)


def test_a_root_that_is_refused_is_explained(images: Lab) -> None:
    host = images.host("app")
    host.reset("image")
    host.check(["truncate", "--size=0", "/root/.ssh/authorized_keys"])
    refused = holdfast("audit", "app", site=images.site)
    assert refused.code == 3
    assert "add --first-login" in refused.out


def test_the_plan_says_beforehand_who_loses_the_login(story: Story) -> None:
    assert story.plan.out.count(f"these accounts lose their login: {ACCOUNT}, root") == 2


@pytest.mark.parametrize("release", RELEASES)
def test_an_image_falls_to_the_attacks_and_then_repels_them(story: Story, release: str) -> None:
    assert attacks(story.weak, release, "succeeded") >= {
        "admins.ordinary/log-in-as-a-stranger",
        "ssh.keys-only/root-with-key",
        "sudo.password/sudo-without-password",
    }
    assert attacks(story.strong, release, "succeeded") == set()
    assert attacks(story.strong, release, "repelled") >= {
        *attacks(story.weak, release, "succeeded"),
        "ssh.keys-only/admin-with-password",
        "ssh.keys-only/strangers-key",
    }


@pytest.mark.parametrize("release", RELEASES)
def test_everything_automatic_is_done_and_the_rest_is_for_a_person(
    story: Story, release: str
) -> None:
    assert story.applied.code == 1, story.applied
    assert gaps(story.audit, release, "ssh.keys-only") == (0, 0, "")
    assert gaps(story.audit, release, "sudo.password") == (0, 0, "")
    automatic, manual, evidence = gaps(story.audit, release, "admins.ordinary")
    assert (automatic, manual) == (0, 3)
    assert f"{ACCOUNT} is in group sudo" in evidence


@pytest.mark.parametrize("release", RELEASES)
def test_a_filter_that_clashes_is_left_to_a_person(story: Story, release: str) -> None:
    automatic, manual, evidence = gaps(story.audit, release, "firewall.inbound")
    assert automatic == 0
    assert manual >= 1
    assert "forward" in evidence
    assert "policy drop" in evidence


@pytest.mark.parametrize("release", RELEASES)
def test_nothing_foreign_is_lost_by_the_change(story: Story, release: str) -> None:
    assert story.after[release] == story.before[release]


def test_nothing_foreign_is_lost_by_a_reboot(story: Story, in_order: Mapping[str, Host]) -> None:
    for release, host in in_order.items():
        host.reboot()
        assert foreign(host) == story.before[release]


def test_undo_gives_everything_back(
    story: Story, in_order: Mapping[str, Host], images: Lab
) -> None:
    for release, host in in_order.items():
        for _ in range(states(host).count("committed")):
            undone = holdfast("undo", host.name, *FIRST, "--yes", site=images.site)
            assert undone.code == 0, undone
        assert foreign(host) == story.before[release]
        assert host.check(["cat", SUDOERS]) == cloud_image.FILES[SUDOERS]
        assert "Please login as the user" in host.check(["cat", cloud_image.ROOT_KEYS])
        assert image_gets_in(images.site, host)


def test_sudo_asks_everybody_and_its_files_are_sound(in_order: Mapping[str, Host]) -> None:
    for host in in_order.values():
        host.check(["visudo", "--check", "--strict"])
        assert host.check(["cat", SUDOERS]).endswith("debian ALL=(ALL) ALL\n")


def test_an_sshd_that_waits_for_a_connection_has_the_new_rules_at_the_next_one(
    in_order: Mapping[str, Host], images: Lab
) -> None:
    for host in in_order.values():
        host.reboot()
        assert host.run(["systemctl", "is-enabled", "ssh.service"]).stdout == "disabled\n"
        assert not image_gets_in(images.site, host)
        assert admin_gets_in(images.site, host)


def test_an_sshd_that_nobody_has_connected_to_is_read_and_nothing_is_made(
    in_order: Mapping[str, Host],
) -> None:
    for host in in_order.values():
        host.check(["systemctl", "stop", "ssh.service"])
        host.run(["rmdir", "/run/sshd"])
        sshd = judged(seen(host).sshd)
        assert (sshd.running, sshd.socket_activated) == (False, True)
        assert {each.settings["passwordauthentication"] for each in sshd.effective} == {("no",)}
        assert host.run(["test", "-e", "/run/sshd"]).returncode != 0


def test_what_starts_each_connections_sshd_counts(in_order: Mapping[str, Host]) -> None:
    host = in_order["bookworm"]
    unit = "/etc/systemd/system/ssh@.service.d/options.conf"
    write(host, unit, "[Service]\nExecStart=\nExecStart=/usr/sbin/sshd -i -o UseDNS=yes\n")
    host.check(["systemctl", "daemon-reload"])
    sshd = judged(seen(host).sshd)
    assert sshd.arguments == ("-o", "UseDNS=yes")
    assert {each.settings["usedns"] for each in sshd.effective} == {("yes",)}


@pytest.mark.parametrize("by", ["its timer", "a power cut"])
def test_a_change_that_nobody_confirms_is_taken_back_where_a_socket_starts_sshd(
    story: Story, images: Lab, by: str
) -> None:
    arguments = (*FIRST, "--yes", "--verbose", "--confirm-within")
    within_s = "5" if by == "its timer" else "600"
    for host in hosts(images).values():
        host.reset("image")
        with started("apply", host.name, *arguments, within_s, site=images.site) as controller:
            read_until(controller, "narrow 1/")
    for release, host in hosts(images).items():
        if by == "a power cut":
            host.kill()
            host.boot()
        eventually(lambda: not armed(host), 20, "the change is taken back")  # noqa: B023
        assert states(host)[-1] == "reverted"
        assert foreign(host) == story.before[release]
        assert image_gets_in(images.site, host)


def test_a_filter_of_the_owner_and_ours_stand_side_by_side_after_a_reboot_too(
    images: Lab,
) -> None:
    before = {}
    for release, host in hosts(images).items():
        host.reset(UNTOUCHED)
        cloud_image.make_with_own_table(host)
        before[release] = foreign(host)
    holdfast("apply", *FIRST, "--yes", site=images.site)
    for release, host in hosts(images).items():
        assert "policy drop" in host.check(TABLE)
        assert foreign(host) == before[release]
        host.reboot()
        assert "policy drop" in host.check(TABLE)
        assert foreign(host) == before[release]


def test_a_file_that_was_there_before_its_package_stays_as_it_is(images: Lab) -> None:
    host = images.host("app")
    host.reset(UNTOUCHED)
    write(host, "/etc/nftables.conf", "# the owner's\n")
    applied = holdfast("apply", "app", "--yes", site=images.site)
    assert applied.code == 0, applied
    assert host.check(["cat", "/etc/nftables.conf"]) == "# the owner's\n"
