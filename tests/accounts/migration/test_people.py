"""What is made of an export, whoever wrote it: people, or in words why not; never a crash."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.hashers import check_password
from hypothesis import HealthCheck, given
from hypothesis import settings as pace
from hypothesis import strategies as st

from holdfast.accounts.migration import (
    auth0,
    django_dump,
    documents,
    firebase,
    fusionauth,
    keycloak,
)
from holdfast.accounts.people.records import BadLine, Record

EXPORTS = Path(__file__).parent / "exports"
HASH = firebase.HashParameters.parse((EXPORTS / "firebase-hash.txt").read_text())
KNOWN = {"shop-web": ["buyer", "seller", "realm:staff"]}
READERS: dict[str, Callable[[Path], Iterator[tuple[int, Any]]]] = {
    "keycloak.json": lambda path: keycloak.read(path, KNOWN),
    "fusionauth.json": fusionauth.read,
    "auth0.ndjson": lambda path: auth0.read(path, EXPORTS / "auth0-hashes.ndjson"),
    "auth0-hashes.ndjson": auth0.read,
    "auth0-bulk.json": auth0.read,
    "firebase.json": lambda path: firebase.read(path, "json", HASH),
    "firebase.csv": lambda path: firebase.read(path, "csv", HASH),
    "django.json": django_dump.read,
    "django.jsonl": lambda path: django_dump.read(path, "members.member", ["company"]),
}


def people(name: str) -> dict[str, Record]:
    found = [one for _, one in READERS[name](EXPORTS / name)]
    return {one.email.partition("@")[0]: one for one in found if isinstance(one, Record)}


def said(text: str | bytes, reader: str, tmp_path: Path) -> list[str]:
    """What is said of those in a text who are nobody."""
    path = tmp_path / "export"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return [str(one) for _, one in READERS[reader](path) if isinstance(one, BadLine)]


@pytest.mark.parametrize("name", READERS)
def test_no_hash_fits_another_password(name: str) -> None:
    hashes = [one.password_hash for one in people(name).values() if one.password_hash]
    assert hashes
    for kept in hashes:
        for wrong in ("magenta otter paddles nort", "Password", ""):
            assert not check_password(wrong, kept)


def test_what_keycloak_knew_of_somebody_comes_along() -> None:
    kim = people("keycloak.json")["kim"]
    assert (kim.id, kim.username) == ("0b5ad2a1-9a3e-4c1c-8f54-000000000001", "kim")
    assert (kim.name, kim.language, kim.profile) == (
        *("Kim Iceberg", "de"),
        {"phone": "+49 30 1234567"},
    )
    assert kim.created is not None
    assert kim.created.isoformat() == "2023-07-22T04:26:40.001000+00:00"
    assert not people("keycloak.json")["gone"].active


def test_the_realm_may_be_in_another_file(tmp_path: Path) -> None:
    whole = json.loads((EXPORTS / "keycloak.json").read_text())
    users = tmp_path / "shop-users-0.json"
    users.write_text(json.dumps({"realm": "shop", "users": whole.pop("users")}))
    realm = tmp_path / "shop-realm.json"
    realm.write_text(json.dumps(whole))
    apart = [one for _, one in keycloak.read(users, KNOWN, realm) if isinstance(one, Record)]
    assert apart == list(people("keycloak.json").values())
    (lou,) = (one for _, one in keycloak.read(users, KNOWN) if "lou" in getattr(one, "email", ""))
    assert isinstance(lou, Record)
    assert "group '/sales/europe': what it gives is not in this file" in lou.dropped


def test_a_role_of_the_realm_is_never_taken_for_one_of_an_application() -> None:
    known = {"shop-web": ["buyer", "staff"]}
    found = dict(keycloak.read(EXPORTS / "keycloak.json", known))
    kim = found[1]
    assert isinstance(kim, Record)
    assert "staff" not in kim.applications["shop-web"]
    assert "role 'staff' of the realm: no application here has it as realm:…" in kim.dropped


def test_several_realms_are_not_mixed(tmp_path: Path) -> None:
    (what,) = said('[{"realm": "a", "users": []}]', "keycloak.json", tmp_path)
    assert "is a realm: export one alone" in what


def test_somebody_has_the_same_id_in_both_exports_of_auth0() -> None:
    both = people("auth0.ndjson"), people("auth0-hashes.ndjson")
    assert both[0]["amy"].id == both[1]["amy"].id == "auth0|5dea9f9c82dd7c0e76e4ec01"
    assert both[0]["amy"].password_hash == both[1]["amy"].password_hash
    assert both[1]["eli"].id == "auth0|euclid"
    assert both[1]["eli"].verified


def test_who_they_are_in_django_is_no_bare_number() -> None:
    assert people("django.json")["ari"].id == "auth.user:1"
    gus = people("django.jsonl")["gus"]
    assert (gus.name, gus.profile) == ("Gus Member", {"company": "Acme"})


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{algorithm: BCRYPT,\nrounds: 1\n}", "algorithm is not SCRYPT"),
        ("hash_config {\n rounds: 8,\n}", "mem_cost is missing"),
        (
            "rounds: 8\nmem_cost: x\nbase64_signer_key: AA==\nbase64_salt_separator: Bw==",
            "one of its values",
        ),
    ],
)
def test_parameters_that_are_none_are_refused(text: str, what: str) -> None:
    with pytest.raises(firebase.BadParameters, match=what):
        firebase.HashParameters.parse(text)
    assert "jxspr" not in repr(HASH)


# Whoever wrote the file

MEANS = {
    "keycloak.json": "users",
    "fusionauth.json": "users",
    "firebase.json": "users",
}


@pytest.mark.parametrize("reader", MEANS)
@pytest.mark.parametrize(
    ("part", "what"),
    [
        ('{"a": ' + "[" * 50 + "]" * 50 + "}", "is larger than one may be"),
        ('{"a": "' + "x" * (documents.LONGEST_PART + 1) + '"}', "is larger than one may be"),
        ('{"a": [' + "1," * documents.MOST_VALUES + "1]}", "is larger than one may be"),
        ('{"email": "a@b.org", "email": "c@d.org"}', "has the key 'email' twice"),
        ('{"email": "a\\u0000@b.org"}', "is no address"),
        ('{"email": ["a@b.org"]}', "is no text"),
        ("7", "is no object"),
    ],
)
def test_what_is_no_person_is_named_and_stops_no_other(
    reader: str, part: str, what: str, tmp_path: Path
) -> None:
    fine = '{"email": "fine@example.org"}'
    path = tmp_path / "export"
    path.write_text(f'{{"users": [{part}, {fine}]}}')
    first, second = READERS[reader](path)
    assert what in str(first[1])
    assert isinstance(second[1], Record)


ENDS = [
    b'{"users": [{"email": "a@b.org"}, {"email": "c@',
    b'{"users": [{"a": ' + b"[" * 5000,
    b'{"users": [{"a": "' + b"x" * (10 * documents.LONGEST_PART),
    b'{"users": [{"a": ' + b"9" * 10_000 + b"}]}",
    b'{"users": [{"a": 1e99999}]}',
    b'{"users": [{"a": "\xff"}]}',
    b'{"skipped": ' + b'{"a":' * 5000,
    b" " * (10 * documents.LONGEST_PART),
    b"",
]


@pytest.mark.parametrize("text", ENDS, ids=range(len(ENDS)))
def test_a_file_that_ends_in_nonsense_is_read_so_far(text: bytes, tmp_path: Path) -> None:
    assert said(text, "fusionauth.json", tmp_path)[-1] == documents.NO_JSON


@pytest.mark.parametrize("name", ["auth0.ndjson", "django.jsonl"])
def test_a_bad_line_stops_no_other(name: str, tmp_path: Path) -> None:
    lines = (EXPORTS / name).read_text()
    bad = ("{", '{"a": 1, "a": 2}', '"x', "[" * 5000, "\0", "x" * (documents.LONGEST_PART + 5))
    path = tmp_path / "export"
    path.write_text('{"model": "a.b"}\n' + "".join(f"{one}\n" for one in bad) + lines)
    found = [one for _, one in READERS[name](path)]
    assert found[-1] == next(one for one in reversed([o for _, o in READERS[name](EXPORTS / name)]))
    assert sum(isinstance(one, BadLine) for one in found) >= len(bad)


def _paths(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a value."""
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else ()
    for key, one in inner or (enumerate(value) if isinstance(value, list) else ()):
        yield from _paths(one, (*path, key))


def _loaded(name: str) -> Any:
    text = (EXPORTS / name).read_text()
    return json.loads(text) if name.endswith(".json") else [*map(json.loads, text.splitlines())]


DOCUMENTS = {name: _loaded(name) for name in READERS if not name.endswith(".csv")}
PLACES = {name: list(_paths(value)) for name, value in DOCUMENTS.items()}
strange = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30)
    | st.sampled_from(["\0", "{", '{"value":1}', "[]", "x" * 5000, "$2a$99$", "AAAA", "a@b.org"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@pytest.mark.parametrize("name", DOCUMENTS)
@given(data=st.data())
@pace(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_anything_may_stand_anywhere(name: str, data: st.DataObject, tmp_path: Path) -> None:
    whole = json.loads(json.dumps(DOCUMENTS[name]))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.sampled_from(PLACES[name]))
        try:
            here = whole
            for key in place[:-1]:
                here = here[key]
            here[place[-1]] = data.draw(strange)
        except (TypeError, IndexError, KeyError):
            continue  # an earlier change has taken that place away
    path = tmp_path / "export"
    is_list = isinstance(whole, list) and not name.endswith(".json")
    texts = [json.dumps(one) for one in whole] if is_list else [json.dumps(whole)]
    path.write_text("\n".join(texts))
    for _, one in READERS[name](path):
        assert isinstance(one, Record | BadLine)


@given(data=st.data())
@pace(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_anything_may_stand_in_a_credential(data: st.DataObject, tmp_path: Path) -> None:
    """Keycloak has JSON in its JSON."""
    users = DOCUMENTS["keycloak.json"]["users"]
    person = json.loads(json.dumps(users[data.draw(st.integers(0, 5))]))
    for one in person["credentials"]:
        for key in ("secretData", "credentialData"):
            inner = json.loads(one[key])
            for name in data.draw(st.lists(st.sampled_from([*inner, "value", "salt"]), max_size=2)):
                inner[name] = data.draw(strange)
            further = inner.get("additionalParameters")
            for name in further if isinstance(further, dict) else ():
                if data.draw(st.booleans()):
                    further[name] = data.draw(strange)
            one[key] = json.dumps(inner)
    path = tmp_path / "export"
    path.write_text(json.dumps({"users": [person]}))
    ((_, one),) = READERS["keycloak.json"](path)
    assert isinstance(one, Record)


def test_a_name_may_be_no_text_at_all(tmp_path: Path) -> None:
    """A lone surrogate has no UTF-8."""
    path, hashes = tmp_path / "users", tmp_path / "hashes"
    path.write_text('{"user_id": "auth0|\\ud800", "email": "a@b.org"}\n')
    hashes.write_text('{"_id": {"$oid": "\\ud800"}, "passwordHash": "x"}\n')
    ((_, one),) = auth0.read(path, hashes)
    assert isinstance(one, BadLine)


@given(st.binary(max_size=300))
@pace(max_examples=100, deadline=None)
def test_anything_may_be_a_document(data: bytes) -> None:
    for where, _ in documents.parts(io.BytesIO(b'{"users": [' + data), {"users", ""}):
        assert where in ("users", "")


@given(st.text(max_size=200))
@pace(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_anything_may_be_a_row(tmp_path: Path, text: str) -> None:
    path = tmp_path / "export.csv"
    row = (EXPORTS / "firebase.csv").read_text().splitlines()[0]
    path.write_text(f"{text}\n{row}\n{text}{row}\n", errors="replace")
    for _, one in firebase.read(path, "csv", HASH):
        assert isinstance(one, Record | BadLine)
