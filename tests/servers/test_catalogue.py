"""Every control says what it is about, and a misspelt id finds its way."""

from __future__ import annotations

import re

import pytest

from holdfast.servers.attack import Attack
from holdfast.servers.catalogue import all_controls, nearest
from holdfast.servers.control import Control

CONTROLS = {control.id: control for control in all_controls()}
ATTACKS = {f"{c.id}/{attack.name}": attack for c in all_controls() for attack in c.attacks}
EVERY_CONTROL = pytest.mark.parametrize("control", CONTROLS.values(), ids=CONTROLS)
EVERY_ATTACK = pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
WORDS = r"[a-z0-9]+(-[a-z0-9]+)*"


@EVERY_CONTROL
def test_an_id_is_a_family_and_a_name(control: Control) -> None:
    assert re.fullmatch(rf"{WORDS}\.{WORDS}", control.id)


@EVERY_CONTROL
def test_a_control_says_what_it_stops(control: Control) -> None:
    assert control.stops.strip()


@EVERY_CONTROL
def test_a_control_says_what_it_changes(control: Control) -> None:
    assert control.changes.strip()


@EVERY_CONTROL
def test_a_control_says_where_it_comes_from(control: Control) -> None:
    assert control.source.strip()


@EVERY_CONTROL
def test_what_a_control_says_is_whole_sentences(control: Control) -> None:
    assert [text for text in (control.changes, control.deviates) if text and text[-1] != "."] == []


@EVERY_CONTROL
def test_no_two_attacks_of_a_control_share_a_name(control: Control) -> None:
    names = [attack.name for attack in control.attacks]
    assert len(names) == len(set(names))


@EVERY_ATTACK
def test_an_attack_says_where_it_starts(attack: Attack) -> None:
    assert attack.vantage.strip()


@EVERY_ATTACK
def test_an_attack_has_a_plain_name_and_a_title(attack: Attack) -> None:
    assert re.fullmatch(WORDS, attack.name)
    assert attack.title.strip()


def test_controls_are_sorted_by_id() -> None:
    assert list(CONTROLS) == sorted(CONTROLS)


KNOWN = ("admins.ordinary", "firewall.inbound", "ssh.keys-only", "ssh.modern", "sudo.password")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("ssh.key-only", "ssh.keys-only"),
        ("ssh.keysonly", "ssh.keys-only"),
        ("shh.keys-only", "ssh.keys-only"),
        ("firewal.inbond", "firewall.inbound"),
        ("admin.ordinary", "admins.ordinary"),
        ("keys-only", "ssh.keys-only"),
        ("sudo", "sudo.password"),
    ],
)
def test_a_misspelt_id_finds_the_one_that_was_meant(word: str, meant: str) -> None:
    assert nearest(word, KNOWN)[0] == meant


@pytest.mark.parametrize(
    "word", ["ssh.second-factor", "tls.modern", "db.files", "backup.made", "x.y", "", ".", "é" * 99]
)
def test_another_id_is_no_misspelling(word: str) -> None:
    assert nearest(word, KNOWN) == ()


def test_a_family_finds_its_controls() -> None:
    assert nearest("ssh", KNOWN) == ("ssh.keys-only", "ssh.modern")


def test_an_enormous_word_is_compared_quickly() -> None:
    assert nearest("x" * 10**6, KNOWN) == ()
