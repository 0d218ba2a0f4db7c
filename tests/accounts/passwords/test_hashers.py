"""Our own hashes: what they are made of, what changes them, what they never do."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from hypothesis import given
from hypothesis import settings as pace
from hypothesis import strategies as st

from holdfast.accounts.configuration import Argon2, Configuration, Passwords, Pepper
from holdfast.accounts.passwords import queue
from holdfast.accounts.passwords.hashers import Argon2id, burn, prepared

OLD = Pepper(name="old", key="o" * 32)  # type: ignore[arg-type]
NEW = Pepper(name="new", key="n" * 32)  # type: ignore[arg-type]
CHEAP = Argon2(memory_kib=7 * 1024, passes=1)
texts = st.text(min_size=1, max_size=256).filter(lambda text: prepared(text) is not None)


@pytest.fixture
def passwords(monkeypatch: pytest.MonkeyPatch) -> list[Passwords]:
    """Whatever stands last in the list is how passwords are hashed."""
    chosen = [Passwords(argon2=CHEAP)]

    class Chosen:
        def __getattr__(self, name: str) -> object:
            return chosen[-1] if name == "passwords" else getattr(Configuration(), name)

    monkeypatch.setattr(settings, "HOLDFAST", Chosen())
    return chosen


def test_a_hash_names_its_cost_and_fits_its_password_only() -> None:
    made = make_password("correct horse battery staple")
    assert made.startswith("argon2id$$argon2id$v=19$m=7168,t=1,p=1$")
    assert check_password("correct horse battery staple", made)
    assert not check_password("correct horse battery stapl", made)


def test_the_same_password_has_another_hash_each_time() -> None:
    assert make_password("correct horse") != make_password("correct horse")


@given(texts)
@pace(max_examples=25, deadline=None)
def test_whatever_can_be_typed_fits_and_one_character_more_does_not(text: str) -> None:
    made = Argon2id().encode(text)
    assert Argon2id().verify(text, made)
    assert not Argon2id().verify(text + "x", made)


@given(st.text(max_size=80), st.text(max_size=200))
@pace(max_examples=60, deadline=None)
def test_a_damaged_hash_fits_nothing_and_raises_nothing(text: str, kept: str) -> None:
    assert Argon2id().verify(text, f"argon2id${kept}") is False


def test_nothing_is_cut_off() -> None:
    long = "x" * 5000
    made = Argon2id().encode(long)
    assert not Argon2id().verify(long[:-1], made)
    assert Argon2id().verify(long, made)


def test_a_letter_is_the_same_however_it_was_typed() -> None:
    made = Argon2id().encode("Zoe\u0308")
    assert Argon2id().verify("Zo\u00eb", made)


def test_what_is_no_text_fits_nothing_and_cannot_be_set() -> None:
    assert not Argon2id().verify("\ud800", Argon2id().encode("x"))
    with pytest.raises(ValueError, match="a password is text"):
        Argon2id().encode("\ud800")


def test_another_cost_makes_the_hash_anew(passwords: list[Passwords]) -> None:
    made = Argon2id().encode("x")
    assert not Argon2id().must_update(made)
    passwords.append(Passwords(argon2=Argon2(memory_kib=8 * 1024, passes=1)))
    assert Argon2id().must_update(made)
    assert Argon2id().verify("x", made)


def test_a_pepper_is_needed_to_verify_and_the_newest_one_is_used(
    passwords: list[Passwords],
) -> None:
    plain = Argon2id().encode("x")
    passwords.append(Passwords(argon2=CHEAP, peppers=(OLD,)))
    old = Argon2id().encode("x")
    assert (Argon2id().verify("x", plain), Argon2id().must_update(plain)) == (True, True)
    passwords.append(Passwords(argon2=CHEAP, peppers=(OLD, NEW)))
    assert (Argon2id().verify("x", old), Argon2id().must_update(old)) == (True, True)
    assert Argon2id().encode("x").startswith("argon2id$new$")
    passwords.append(Passwords(argon2=CHEAP, peppers=(NEW,)))
    assert not Argon2id().verify("x", old)
    passwords.append(Passwords(argon2=CHEAP))
    assert not Argon2id().verify("x", old)


def test_a_stolen_hash_without_the_pepper_fits_nothing(passwords: list[Passwords]) -> None:
    passwords.append(Passwords(argon2=CHEAP, peppers=(NEW,)))
    made = Argon2id().encode("x").replace("$new$", "$$")
    passwords.append(Passwords(argon2=CHEAP))
    assert not Argon2id().verify("x", made)


# The line


def test_never_more_hash_at_once_than_there_are_lanes() -> None:
    line = queue.Line([queue.Lane(), queue.Lane()])
    inside, most, lock = 0, 0, threading.Lock()

    def hold() -> None:
        nonlocal inside, most
        with line.place():
            with lock:
                inside += 1
                most = max(most, inside)
            time.sleep(0.005)  # the hash
            with lock:
                inside -= 1

    with ThreadPoolExecutor(16) as pool:
        for _ in range(64):
            pool.submit(hold)
    assert most == 2


def test_who_waits_too_long_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "LONGEST_WAIT_S", 0.05)
    line = queue.Line([queue.Lane()])
    with line.place(), pytest.raises(queue.Overloaded), line.place():
        pass
    with line.place():  # and the lane is free again
        pass


def test_a_line_that_is_too_long_sends_away_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "LONGEST_LINE", 0)
    with pytest.raises(queue.Overloaded), queue.Line([queue.Lane()]).place():
        pass


def test_workers_that_share_a_lane_take_turns(tmp_path: object) -> None:
    path = tmp_path / "lane"  # type: ignore[operator]
    one, other = queue.Lane(path), queue.Lane(path)
    one.enter(time.monotonic())
    with pytest.raises(queue.Overloaded):
        other.enter(time.monotonic())
    one.leave()
    other.enter(time.monotonic())


@pytest.mark.parametrize(("workers", "cores"), [(1, 4), (2, 4), (4, 4), (3, 8)])
def test_all_workers_together_have_a_lane_a_core(workers: int, cores: int) -> None:
    lanes = [lane for worker in range(workers) for lane in range(cores) if lane % workers == worker]
    assert sorted(lanes) == list(range(cores))


def test_burning_takes_the_time_of_a_hash() -> None:
    made = Argon2id().encode("x")
    pairs = []
    for _ in range(15):
        began = time.perf_counter()
        Argon2id().verify("y", made)
        middle = time.perf_counter()
        burn("y")
        pairs.append((middle - began, time.perf_counter() - middle))
    verified, burnt = (sorted(column)[7] for column in zip(*pairs, strict=True))
    assert 0.5 < burnt / verified < 2
