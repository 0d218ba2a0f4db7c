"""People of other systems sign in here with the password that they have, and may what they might.

The hashes in `exports/` were made by Node's crypto, PHP and Django themselves, or were published:
Keycloak's of `iceberg` and `password`, FusionAuth's of `password123` and Firebase's of
`user1password`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from accounts.applications.asking import Client
from accounts.service import GENEROUS, GOOD, Browser, Service, serving, totp, visitors

EXPORTS = Path(__file__).parent / "exports"
MAGAZINE = "85a03867-dccf-4882-adde-1a79aeec50df"
BACK = "http://localhost:3000/guard/signed-in"
TOTP = "O42HQUJXKJRFIMTNJZRTSTDQJNZTKWLE"  # w4xQ7RbT2mNc9LpKs5Yd, by the program base32
IMPORTS = (
    ("keycloak.json", "keycloak"),
    ("fusionauth.json", "fusionauth"),
    ("auth0.ndjson", "auth0", "--with", str(EXPORTS / "auth0-hashes.ndjson")),
    ("auth0-hashes.ndjson", "auth0"),
    ("auth0-bulk.json", "auth0"),
    ("firebase.json", "firebase", "--firebase-hash", "PARAMETERS"),
    ("firebase.csv", "firebase", "--firebase-hash", "PARAMETERS"),
    ("django.json", "django"),
    ("django.jsonl", "django", "--model", "members.Member"),
)
PASSWORDS = {
    "kim": "iceberg",
    "lou": "password",
    "max": GOOD,
    "noa": GOOD,
    "pat": GOOD,
    "ada": "password123",
    "ben": GOOD,
    "cleo": GOOD,
    "dan": GOOD,
    "eve": GOOD,
    "fay": GOOD,
    "gil": GOOD,
    "amy": GOOD,
    "bob": GOOD,
    "eli": GOOD,
    **{f"b{number}": GOOD for number in range(1, 10)},
    "uma": "user1password",
    "vic": GOOD,
    "xia": "user1password",
    "ari": GOOD,
    "bea": GOOD,
    "cyd": GOOD,
    "dov": GOOD,
}
fresh = visitors(86)


ALL = """
import json, sys
from holdfast.cli.main import main
print([main(words) for words in json.load(sys.stdin)])
"""


def holdfast(*commands: list[str]) -> list[int]:
    """Run commands one after the other in one process; return their exit codes."""
    argv = [sys.executable, "-c", ALL]
    done = subprocess.run(
        argv, input=json.dumps(commands), capture_output=True, text=True, timeout=300, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    codes: list[int] = json.loads(done.stdout.splitlines()[-1])
    return codes


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("moving")


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[Service]:
    """A service with the applications of Keycloak and FusionAuth, and everybody."""
    folder.joinpath("run").mkdir()
    exports = {"keycloak": "keycloak", "fusionauth": "fusionauth-applications"}
    convert = [
        [
            *("applications", "convert", f"{EXPORTS}/{name}.json"),
            *("--from", system, "--to", str(folder / system)),
        ]
        for system, name in exports.items()
    ]
    assert holdfast(*convert) == [1, 1]  # some of each are left out
    tables = ""
    for system in exports:
        for secret in (folder / system).glob("*.secret"):
            secret.rename(folder / "run" / secret.name)
        tables += (folder / system / "applications.toml").read_text()
    for address in ("https://shop.example.org/callback", "https://mag.example.org/oauth-redirect"):
        tables = tables.replace(address, BACK)
    with serving(folder / "run", f'[sign_up]\nfields = ["company"]\n{tables}{GENEROUS}') as running:
        assert holdfast(*_imports(folder, running)) == [1, 1, 0, 0, 0, 1, 0, 1, 0]
        yield running


def _imports(folder: Path, service: Service) -> list[list[str]]:
    parameters = folder / "parameters"
    parameters.write_text((EXPORTS / "firebase-hash.txt").read_text())
    parameters.chmod(0o600)
    common = ["--config", str(folder / "run/accounts.toml"), "--data", str(service.data)]
    return [
        [
            *("people", "import", str(EXPORTS / name), "--from", system, *common),
            *(str(parameters) if one == "PARAMETERS" else one for one in options),
            *("--errors", str(folder / f"errors-{number}")),
        ]
        for number, (name, system, *options) in enumerate(IMPORTS)
    ]


def signed_in(service: Service, name: str, password: str) -> Browser:
    browser = fresh(service)
    browser.sign_in(f"{name}@example.org", password)
    return browser


def kept(service: Service, name: str) -> str:
    statement = "SELECT password FROM people_person WHERE email = %s"
    ((found,),) = service.rows(statement, f"{name}@example.org")
    return str(found)


def told(folder: Path, number: int) -> dict[int, str]:
    """What an import said of each record."""
    lines = (folder / f"errors-{number}").read_text().splitlines()
    said = [json.loads(line) for line in lines]
    return {one["record"]: one.get("what") or one["left_behind"] for one in said}


@pytest.mark.parametrize(("name", "password"), PASSWORDS.items())
def test_everybody_signs_in_with_the_password_that_they_have(
    service: Service, name: str, password: str
) -> None:
    assert not kept(service, name).startswith("argon2id$")
    assert signed_in(service, name, password).who() is not None
    assert kept(service, name).startswith("argon2id$")


def test_an_app_for_codes_goes_on_as_it_did(service: Service) -> None:
    browser = signed_in(service, "ola", GOOD)
    assert browser.who() is None
    browser.submit("/2fa/authenticate/", "/2fa/authenticate/", code=totp(TOTP))
    form = browser.get("/2fa/trust/").form("/2fa/trust/")
    browser.follow(browser.post("/2fa/trust/", {**form, "action": "skip"}))
    assert browser.who() is not None
    ((data,),) = service.rows("SELECT data FROM mfa_authenticator WHERE type = %s", "totp")
    assert TOTP not in data


@pytest.mark.parametrize("name", ["new", "odd", "hal", "ida", "kit", "wes", "gone", "esa"])
def test_who_comes_without_a_password_has_none_that_fits(service: Service, name: str) -> None:
    assert signed_in(service, name, GOOD).who() is None


def application(service: Service, name: str) -> Client:
    secret = (service.data.parent / f"{name}.secret").read_text().strip()
    return Client(service, name, secret)


@pytest.mark.parametrize(
    ("client", "name", "roles"),
    [
        ("shop-web", "kim", ["buyer", "realm:staff", "seller"]),
        ("shop-web", "lou", ["buyer", "realm:staff", "seller"]),  # by a group, and the one above it
        ("shop-web", "max", ["buyer", "manager", "seller"]),  # by a role that holds another
        ("shop-web", "noa", ["buyer"]),  # by the realm's default
        (MAGAZINE, "ada", ["editor", "reader"]),
        (MAGAZINE, "ben", []),
        (MAGAZINE, "cleo", ["reader"]),  # was not there: what everybody has
    ],
)
def test_what_somebody_may_do_is_in_their_token(
    service: Service, client: str, name: str, roles: list[str]
) -> None:
    asking = application(service, client)
    browser = signed_in(service, name, PASSWORDS[name])
    assert asking.claims(asking.tokens(browser)["id_token"])["roles"] == roles


def test_what_does_not_come_along_is_said_of_each(service: Service, folder: Path) -> None:
    keycloak, fusionauth = told(folder, 0), told(folder, 1)
    assert "'colours': is not one short text" in keycloak[1]
    assert "sign-in by 'google': they link it again" in keycloak[2]
    assert "they set it up again; credential 'webauthn'" in keycloak[6]
    assert "password: it had to be changed" in keycloak[7]
    assert "the scheme 'drupal7' is not known" in keycloak[8]
    assert "has no address" in keycloak[9]
    assert "is the service account of client 'batch'" in keycloak[10]
    assert set(keycloak) == {1, 2, 6, 7, 8, 9, 10}
    assert "the scheme 'phpass-sha512' is not known" in fusionauth[8]
    assert "group '2cb5c83f" in fusionauth[8]
    assert "second factor 'authenticator'" in fusionauth[7]
    auth0, bulk = told(folder, 2), told(folder, 4)
    assert "app_metadata.'roles'" in auth0[1]
    assert "ask Auth0's support" in auth0[4]
    assert "sign-in by 'google-oauth2'" in auth0[3]
    assert "'md4' is not known" in bulk[10]
    assert "'scrypt' is not known" in bulk[11]
    assert "would cost too much" in bulk[12]
    firebase, django, members = told(folder, 5), told(folder, 7), told(folder, 8)
    assert "sign-in by 'github.com'" in firebase[3]
    assert "custom claims" in firebase[2]
    assert "has no address" in firebase[4]
    assert "is_superuser: give them a role" in django[3]
    assert "address 'ari@old.example.org': is not verified" in django[3]
    assert "field 'api_token'" in members[1]


def test_no_report_holds_a_hash_or_a_secret(service: Service, folder: Path) -> None:
    said = "".join(path.read_text() for path in folder.glob("errors-*"))
    for secret in ("AAAAAAAA", "BuViHNDG", "MOVCR1Bq", "s3cr3t", "AbuUujg", "2HVQ-VNJX"):
        assert secret not in said


def test_addresses_that_were_verified_are_and_no_others(service: Service) -> None:
    statement = "SELECT email, verified FROM account_emailaddress WHERE email LIKE %s"
    assert service.rows(statement, "ari@%") == [
        ("ari@example.org", 1),
        ("ari@work.example.org", 1),
    ]
    assert service.rows(statement, "yul@%") == [("yul@example.org", 0)]
    assert service.rows(statement, "ida@%") == [("ida@example.org", 0)]


def test_the_trail_says_where_people_came_from(service: Service) -> None:
    entries = [row for (row,) in service.rows("SELECT data FROM trail_trailentry")]
    text = "\n".join(one.decode() if isinstance(one, bytes) else str(one) for one in entries)
    for system in ("keycloak", "fusionauth", "auth0", "firebase", "django"):
        assert f'"source":"{system}"' in text
