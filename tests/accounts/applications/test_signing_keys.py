"""Keys that tokens are signed with follow one another, and no token is refused meanwhile."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import jwt
import pytest

from accounts.api.asking import run
from accounts.applications.asking import SECRET, SETTINGS, Client
from accounts.service import Browser, Service, serving, visitors
from holdfast.accounts.applications.signing_key import (
    KEPT_FOR,
    NAME,
    PUBLISHED_FOR,
    STAMP,
    ready,
    rotate,
    signing_keys,
)
from holdfast.accounts.configuration import ConfigurationError

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
fresh = visitors(62)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    path = tmp_path / "secret"
    path.write_text(SECRET)
    path.chmod(0o600)
    with serving(tmp_path / "openid", SETTINGS.replace("SECRET", str(path), 1)) as running:
        yield running


def signed_in(service: Service) -> Browser:
    browser = fresh(service)
    browser.join("ann@example.org")
    return browser


def published(client: Client) -> set[str]:
    found = httpx.get(client.described["jwks_uri"]).json()
    return {key["kid"] for key in found["keys"]}


def kid(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def test_a_new_key_is_published_before_it_signs_and_the_old_one_after(service: Service) -> None:
    ann, client = signed_in(service), Client(service)
    before = client.tokens(ann)["access_token"]
    done = run(service, "keys", "rotate")
    assert done.returncode == 0, done.stderr
    assert "signs from" in done.stdout
    again = run(service, "keys", "rotate")
    assert (again.returncode, "--at-once" in again.stderr) == (2, True)

    assert len(published(client)) == 2, "both are known"
    assert kid(Client(service).tokens(ann)["access_token"]) == kid(before), "the old one signs"

    (later,) = Path(service.data).glob("signing-key-*.pem")
    past = datetime.now(UTC) - timedelta(minutes=1)
    later.rename(later.with_name(f"signing-key-{past.strftime(STAMP)}.pem"))
    other = Client(service)
    after = other.tokens(ann)["access_token"]
    assert kid(after) != kid(before), "the new one signs, and nobody has started anything again"
    assert other.claims(after)["sub"] == client.claims(before)["sub"], "both are believed"


def test_a_key_that_others_know_is_gone_at_once(service: Service) -> None:
    ann, client = signed_in(service), Client(service)
    before = client.tokens(ann)["access_token"]
    known = (Path(service.data) / NAME).read_text()
    assert run(service, "keys", "rotate", "--at-once").returncode == 0
    after = Client(service).tokens(ann)["access_token"]
    assert published(client) == {kid(after)}
    assert kid(after) != kid(before)
    said = {**jwt.decode(before, options={"verify_signature": False}), "sub": "somebody else"}
    forged = jwt.encode(said, known, "RS256", headers={"kid": kid(before), "typ": "JWT"})
    for token in (before, forged):
        with pytest.raises(KeyError):
            client.claims(token)
    answer = httpx.get(
        client.described["userinfo_endpoint"], headers={"Authorization": f"Bearer {forged}"}
    )
    assert answer.status_code == 401


def test_keys_follow_one_another_and_the_ones_that_have_ended_are_removed(tmp_path: Path) -> None:
    ready(tmp_path)
    now = NOW
    for _ in range(4):
        rotate(tmp_path, now, at_once=False)
        now += KEPT_FOR + PUBLISHED_FOR + timedelta(seconds=1)
    keys = signing_keys(tmp_path)
    assert [key.ends is None for key in keys] == [False, True]
    for one, other in itertools.pairwise(keys):
        assert other.begins is not None
        assert one.ends == other.begins + KEPT_FOR
    assert all(key.path.stat().st_mode & 0o077 == 0 for key in keys)


def test_one_that_does_not_sign_yet_is_waited_for(tmp_path: Path) -> None:
    ready(tmp_path)
    rotate(tmp_path, NOW, at_once=False)
    with pytest.raises(FileExistsError, match="signs from 12:20 UTC on"):
        rotate(tmp_path, NOW + timedelta(minutes=19), at_once=False)
    made = rotate(tmp_path, NOW + timedelta(minutes=19), at_once=True)
    assert [key.path for key in signing_keys(tmp_path)] == [made.path]


@pytest.mark.parametrize("content", ["", "no key", "-----BEGIN PRIVATE KEY-----\nx\n"])
def test_a_file_that_is_no_key_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "signing-key-20261127T120000Z.pem"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(ConfigurationError, match="is no private key"):
        ready(tmp_path)


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    ready(tmp_path)
    made = rotate(tmp_path, NOW, at_once=False)
    made.path.chmod(0o644)
    with pytest.raises(ConfigurationError, match="others may use it"):
        rotate(tmp_path, NOW, at_once=True)


def test_two_rotations_at_once_within_a_second_leave_a_key_that_is_new(tmp_path: Path) -> None:
    ready(tmp_path)
    first = rotate(tmp_path, NOW, at_once=True)
    second = rotate(tmp_path, NOW, at_once=True)
    assert [key.pem for key in signing_keys(tmp_path)] == [second.pem]
    assert second.pem != first.pem
