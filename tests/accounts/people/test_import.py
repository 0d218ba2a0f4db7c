"""People come and go: nobody twice, nobody half, and what is given out can be taken in again."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.hashers import MD5PasswordHasher
from hypothesis import HealthCheck, given
from hypothesis import settings as pace
from hypothesis import strategies as st

from holdfast.accounts.applications import configured
from holdfast.accounts.applications.models import Registration
from holdfast.accounts.configuration import Application, Configuration
from holdfast.accounts.people import records
from holdfast.accounts.people.backend import ByHandle
from holdfast.accounts.people.flows import creation, exporting, importing
from holdfast.accounts.people.models import Handle, Person
from holdfast.accounts.people.records import LONGEST_LINE, Record

SECRET = "correct horse 9!"
BCRYPT = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(autouse=True)
def applications(database: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two applications, one with roles."""
    todo = Application(redirect=("https://todo.example.org/",), roles=("READ", "WRITE"))
    blog = Application(redirect=("https://blog.example.org/",))
    known = settings.HOLDFAST.model_copy(update={"applications": {"todo": todo, "Blog": blog}})
    assert isinstance(known, Configuration)
    monkeypatch.setattr(settings, "HOLDFAST", known)
    configured.bring()


def taken_in(text: str, kind: str = "jsonl", *, wrap: bool = False, dry: bool = False) -> str:
    """Import a text; return what it came to."""
    created = there = refused = 0
    for outcome in importing.run(records.read(io.StringIO(text), kind), wrap=wrap, dry=dry):
        created, there, refused = outcome.created, outcome.there, outcome.refused
    return f"{created} {there} {refused}"


def lines(*people: Mapping[str, object]) -> str:
    return "".join(json.dumps(one) + "\n" for one in people)


def why(text: str, kind: str = "jsonl") -> list[str]:
    read = records.read(io.StringIO(text), kind)
    outcomes = importing.run(read, wrap=False, dry=False)
    return [reason for outcome in outcomes for _, reason in outcome.batch_errors]


ADA = {
    "id": "7",
    "email": "Ada@Example.org",
    "username": "Ada",
    "name": "Ada L.",
    "created": "2020-01-02T03:04:05+00:00",
    "password_hash": BCRYPT,
    "profile": {"city": "London"},
    "other_emails": ["ada2@example.org"],
}


def test_somebody_comes_with_everything_that_is_theirs() -> None:
    assert taken_in(lines(ADA)) == "1 0 0"
    person = Person.objects.get(source_id="7")
    assert (person.email, person.username, person.name) == ("ada@example.org", "ada", "Ada L.")
    assert person.created.isoformat() == "2020-01-02T03:04:05+00:00"
    assert person.profile == {"city": "London"}
    assert set(Handle.objects.values_list("name", flat=True)) == {
        "ada@example.org",
        "ada2@example.org",
        "ada",
    }
    assert EmailAddress.objects.filter(user=person, primary=True).count() == 1


def test_what_is_imported_is_what_is_created_one_by_one() -> None:
    taken_in(lines({"email": "a@example.org", "username": "aa"}))
    creation.create("b@example.org", None, username="bb")
    rows = [
        (
            EmailAddress.objects.filter(user=person).values_list("email", "verified", "primary")[0],
            sorted(person.handles.values_list("name", flat=True)),
            person.has_usable_password(),
        )
        for person in Person.objects.order_by("email")
    ]
    assert rows == [
        (("a@example.org", True, True), ["a@example.org", "aa"], False),
        (("b@example.org", True, True), ["b@example.org", "bb"], False),
    ]


@pytest.mark.parametrize("times", [2, 3])
def test_the_same_file_again_changes_nothing(times: int) -> None:
    text = lines(ADA, {"email": "no-id@example.org"})
    assert taken_in(text) == "2 0 0"
    for _ in range(times):
        assert taken_in(text) == "0 2 0"
    assert Person.objects.count() == 2


def test_a_person_twice_in_a_file_is_there_once() -> None:
    assert taken_in(lines(ADA, ADA, {"email": "x@example.org"}, {"email": "X@example.org"})) == (
        "2 2 0"
    )


@pytest.mark.parametrize(
    "other",
    [
        {"id": "8", "email": "ada@example.org"},
        {"id": "8", "email": "b@example.org", "username": "ADA"},
        {"id": "8", "email": "b@example.org", "other_emails": ["ada2@example.org"]},
        {"email": "b@example.org", "username": "ada"},
    ],
)
def test_what_somebody_else_has_is_refused_and_nothing_of_that_line_stays(
    other: dict[str, object],
) -> None:
    assert taken_in(lines(ADA)) == "1 0 0"
    assert taken_in(lines(other, {"email": "fine@example.org"})) == "1 0 1"
    assert taken_in(lines(other)) == "0 0 1"
    assert Person.objects.filter(email="b@example.org").count() == 0


def test_a_dry_run_says_the_same_and_writes_nothing() -> None:
    text = lines(ADA, {"email": "bad"}, ADA)
    assert taken_in(text, dry=True) == taken_in(text)
    Person.objects.all().delete()
    assert taken_in(text, dry=True) == "1 1 1"
    assert Person.objects.count() == 0


def test_an_imported_password_signs_in_and_is_hashed_anew() -> None:
    taken_in(lines({"email": "u@example.org", "password_hash": BCRYPT}))
    assert ByHandle().authenticate(None, email="u@example.org", password="U*U") is not None
    assert Person.objects.get().password.startswith("argon2id$")
    assert ByHandle().authenticate(None, email="u@example.org", password="U*u") is None


def test_a_weak_hash_is_wrapped_at_once_where_that_is_asked() -> None:
    weak = MD5PasswordHasher().encode(SECRET, "salt")
    taken_in(lines({"email": "w@example.org", "password_hash": weak}), wrap=True)
    assert Person.objects.get().password.startswith("wrapped$")
    assert ByHandle().authenticate(None, email="w@example.org", password=SECRET) is not None


def test_somebody_comes_with_their_roles_in_applications() -> None:
    taken_in(lines({**ADA, "applications": {"todo": ["WRITE", "READ"], "Blog": []}}))
    found = Registration.objects.order_by("application_id").values_list("application", "roles")
    assert list(found) == [("Blog", []), ("todo", ["WRITE", "READ"])]


def test_roles_that_nothing_here_has_are_left_out_where_that_is_asked() -> None:
    wanted = {"todo": ["READ", "ADMIN"], "shop": ["BUY"]}
    text = lines({"id": "7", "email": "a@example.org", "applications": wanted})
    (outcome,) = importing.run(
        records.read(io.StringIO(text), "jsonl"), wrap=False, dry=False, drop_unknown_roles=True
    )
    assert (outcome.created, outcome.partly) == (1, 1)
    assert outcome.batch_notes == [
        (1, "'7': role 'ADMIN' of application 'todo'; application 'shop'")
    ]
    assert Registration.objects.get().roles == ["READ"]


BAD = {
    "no json": "is no JSON",
    "[1]": "is no object",
    '{"email": "a@b.org", "email": "c@d.org"}': "has a key twice",
    "{}": "email: is missing",
    '{"email": "x"}': "email: is no address",
    '{"email": "a@b.org", "password": "x"}': "has a field 'password'",
    '{"email": "a@b.org", "username": "a b"}': "username: use letters",
    '{"email": "a@b.org", "verified": "perhaps"}': "verified: write true or false",
    '{"email": "a@b.org", "created": "yesterday"}': "created: write a time",
    '{"email": "a@b.org", "password_hash": "hunter2"}': "password_hash: this is no form of hash",
    '{"email": "a@b.org", "name": "\\u0000"}': "name: is no text",
    '{"email": "a@b.org", "name": "\\ud800"}': "name: is no text",
    '{"email": "a@b.org", "profile": {"a": 1}}': "profile.a: is no text",
    '{"email": "a@b.org", "other_emails": "a"}': "other_emails: is no list",
    '{"email": "a@b.org", "applications": ["todo"]}': "applications: is no object",
    '{"email": "a@b.org", "applications": {"a b": []}}': "applications: 'a b' is no client id",
    '{"email": "a@b.org", "applications": {"todo": "READ"}}': "applications.todo: is no list",
    '{"email": "a@b.org", "applications": {"todo": ["a b"]}}': "applications.todo: 'a b' is no",
    '{"email": "a@b.org", "applications": {"shop": []}}': "has no application 'shop'",
    '{"email": "a@b.org", "applications": {"todo": ["ADMIN"]}}': (
        "has no role 'ADMIN' of application 'todo': name it under [applications]"
    ),
    '{"email": ' + "[" * 5000: "is no JSON",
    "x" * (LONGEST_LINE + 10): "is longer than",
}


@pytest.mark.parametrize(("line", "said"), BAD.items())
def test_a_bad_line_is_named_and_stops_no_other(line: str, said: str) -> None:
    found = why(f"{line}\n" + lines({"email": "fine@example.org"}))
    assert len(found) == 1
    assert said in found[0]
    assert "hunter2" not in found[0]
    assert Person.objects.count() == 1


CSV = "id,email,verified,profile.city,name\n1,a@example.org,true,Rome,Ann\n2,b@example.org,no,,\n"


def test_a_table_is_read_by_its_first_row() -> None:
    assert taken_in(CSV, "csv") == "2 0 0"
    assert Person.objects.get(source_id="1").profile == {"city": "Rome"}
    assert not EmailAddress.objects.get(email="b@example.org").verified


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id,name\n1,x\n", "names no column email"),
        ("email,name\na@example.org\n", "has 1 cells where the first row has 2"),
        ('email\n"a\n', "is no row of CSV"),
    ],
)
def test_a_table_that_is_none_is_refused(text: str, said: str) -> None:
    (found,) = why(text, "csv")
    assert said in found


words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30)
people = st.lists(
    st.builds(
        lambda number, name, city, verified, active, roles: Record(
            id=f"id-{number}",
            email=f"p{number}@example.org",
            name=name.strip(),
            verified=verified,
            active=active,
            profile={"city": city} if city else {},
            password_hash=f"passlib${BCRYPT}" if number % 2 else "",
            applications=roles,
        ),
        st.integers(0, 10**6),
        words,
        words,
        st.booleans(),
        st.booleans(),
        st.sampled_from(
            ({}, {"todo": ()}, {"todo": ("READ", "WRITE"), "Blog": ()}, {"todo": ("WRITE",)})
        ),
    ),
    max_size=12,
    unique_by=lambda one: one.id,
)


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
@given(somebody=people)
@pace(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_given_out_comes_back_as_it_was(kind: str, somebody: list[Record]) -> None:
    Person.objects.all().delete()
    taken_in("".join(records.as_json(one) + "\n" for one in somebody))
    first = given_out(kind)
    Person.objects.all().delete()
    assert taken_in(first, kind) == f"{len(somebody)} 0 0"
    assert given_out(kind) == first


def given_out(kind: str) -> str:
    stream = io.StringIO()
    exporting.write(stream, kind, hashes=True)
    return stream.getvalue()


def test_hashes_stay_where_they_are_unless_they_are_wanted() -> None:
    taken_in(lines(ADA))
    stream = io.StringIO()
    exporting.write(stream, "jsonl", hashes=False)
    assert "CCCCC" not in stream.getvalue()


# The command


def command(folder: Path, *words: str) -> list[str]:
    return [
        *(sys.executable, "-m", "holdfast.cli.main", "people", *words),
        *("--data", str(folder / "data")),
    ]


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command(folder, *words), capture_output=True, text=True, timeout=120, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_an_import_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    count = 6000
    source = tmp_path / "people.jsonl"
    source.write_text(lines(*({"id": f"u{n}", "email": f"p{n}@example.org"} for n in range(count))))
    for wait_s in (0.0, 0.1, 0.3):
        process = subprocess.Popen(
            command(tmp_path, "import", str(source)),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        database = tmp_path / "data/accounts.sqlite3"
        deadline = time.monotonic() + 30
        while not database.exists() and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.01)
        time.sleep(wait_s)  # the moment of the crash is what is tried here
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    done = run(tmp_path, "import", str(source))
    said = [int(word) for word in done.stdout.replace(",", "").split() if word.isdecimal()]
    created, there = said[:2]
    assert (done.returncode, created + there) == (0, count), done
    target = tmp_path / "out.jsonl"
    assert run(tmp_path, "export", str(target)).returncode == 0
    given = [json.loads(line)["id"] for line in target.read_text().splitlines()]
    assert sorted(given) == sorted(f"u{n}" for n in range(count))


def test_a_file_of_hashes_is_private_and_never_overwritten(tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    assert run(tmp_path, "export", str(target)).returncode == 0
    assert target.stat().st_mode & 0o777 == 0o600
    again = run(tmp_path, "export", str(target))
    assert (again.returncode, "is there already" in again.stderr) == (2, True)


def test_refused_lines_are_kept_with_their_reasons(tmp_path: Path) -> None:
    source = tmp_path / "people.jsonl"
    source.write_text("".join(f'{{"email": "bad{n}"}}\n' for n in range(30)))
    errors = tmp_path / "errors"
    done = run(tmp_path, "import", str(source), "--errors", str(errors))
    assert done.returncode == 1
    assert "and 10 more lines" in done.stderr
    assert [json.loads(line)["line"] for line in errors.read_text().splitlines()] == list(
        range(1, 31)
    )


def test_a_file_that_is_not_there_is_said_in_a_line(tmp_path: Path) -> None:
    done = run(tmp_path, "import", str(tmp_path / "none"))
    assert (done.returncode, "No such file" in done.stderr) == (2, True)


def test_what_a_hash_costs_is_said_for_people_and_programs(tmp_path: Path) -> None:
    text = run(tmp_path, "hash-cost")
    assert "an attacker" in text.stdout
    data = json.loads(run(tmp_path, "hash-cost", "--format", "json").stdout)
    assert data["memory_kib"] == 19 * 1024
    assert data["ms"] > 1
