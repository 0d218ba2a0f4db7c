"""Clients of other systems become tables of our configuration: what is safe of them, in words."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as pace
from hypothesis import strategies as st

from accounts.migration.test_people import EXPORTS, strange
from holdfast.accounts import configuration
from holdfast.accounts.migration.client_exports import clients
from holdfast.accounts.migration.clients import Client
from holdfast.accounts.people.records import BadLine
from holdfast.cli.main import main

FILES = {
    "keycloak": "keycloak.json",
    "fusionauth": "fusionauth-applications.json",
    "auth0": "auth0-clients.json",
}
DESK = "AaiyAPdpYdesoKnqjj8HJqRn4T5titww"
MAGAZINE = "85a03867-dccf-4882-adde-1a79aeec50df"


def converted(system: str, to: Path) -> tuple[int, configuration.Configuration]:
    """What the command writes, as our configuration reads it."""
    words = ["applications", "convert", str(EXPORTS / FILES[system]), "--from", system]
    code = main([*words, "--to", str(to)])

    def reveal(key: str, text: str) -> str:
        return (to / text.removeprefix("file:")).read_text().strip() if "secret" in key else text

    return code, configuration.load(to / "applications.toml", {}, reveal)


@pytest.fixture
def of(tmp_path: Path) -> Callable[[str], dict[str, configuration.Application]]:
    return lambda system: converted(system, tmp_path / "to")[1].applications


Of = Callable[[str], dict[str, configuration.Application]]


def test_a_client_of_keycloak_is_as_safe_as_ours(of: Of) -> None:
    found = of("keycloak")
    assert set(found) == {"shop-web", "shop-app"}
    shop = found["shop-web"]
    assert shop.redirect == ("https://shop.example.org/callback",)
    assert shop.signed_out == ("https://shop.example.org/bye",)
    assert shop.secret.get_secret_value() == "Zk3cT9vQpW7rYb1nLx5sHd8mAe2uJg6f"
    assert shop.roles == ("buyer", "seller", "manager", "realm:staff")
    assert (shop.everyone, shop.first_party) == (("buyer",), True)
    assert not found["shop-app"].secret.get_secret_value()
    assert (found["shop-app"].roles, found["shop-app"].first_party) == ((), False)


def test_a_client_of_fusionauth_keeps_its_id_and_roles(of: Of) -> None:
    found = of("fusionauth")
    magazine = found[MAGAZINE]
    assert (magazine.name, magazine.roles, magazine.everyone) == (
        *("Magazine", ("reader", "editor"), ("reader",)),
    )
    phone = found["10000000-0000-0002-0000-000000000001"]
    assert (phone.secret.get_secret_value(), phone.first_party) == ("", False)


def test_a_client_of_auth0_keeps_its_capital_letters(of: Of) -> None:
    found = of("auth0")
    assert found[DESK].secret.get_secret_value().startswith("MG_TNT2ver")
    assert set(found) == {DESK, "Spa0APdpYdesoKnqjj8HJqRn4T5titww"}


@pytest.mark.parametrize(
    ("system", "texts"),
    [
        (
            "keycloak",
            [
                "shop-web: redirect 'https://shop.example.org/*': is compared to the letter",
                "shop-web: redirect 'http://shop.example.org/callback': write https://",
                "shop-web: grant 'implicit': does not come along",
                "shop-web: grant 'password': does not come along",
                "shop-web: role 'night shift'",
                "batch: left out: grant 'client_credentials'",
                "old-saml: left out: speaks 'saml'",
                "resource: left out: verifies tokens only",
            ],
        ),
        ("fusionauth", ["Magazine", "chief editor", "https://*.example.org/cb"][1:]),
        ("auth0", ["http://pages.example.org/", "M2m0APdpYdesoKnqjj8HJqRn4T5titww: left out"]),
    ],
)
def test_what_does_not_come_along_is_said(
    system: str, texts: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _ = converted(system, tmp_path / "to")
    said = capsys.readouterr().err
    assert code == 1
    for text in texts:
        assert text in said
    for secret in ("Zk3cT9vQ", "super-secret", "MG_TNT2ver", "NTdlMGE5"):
        assert secret not in said


def test_secrets_lie_in_files_that_nobody_else_reads(tmp_path: Path) -> None:
    to = tmp_path / "to"
    converted("auth0", to)
    assert to.stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in to.iterdir())
    assert "MG_TNT2ver" not in (to / "applications.toml").read_text()


def test_a_folder_is_never_written_into_twice(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "holdfast.cli.main", "applications", "convert"]
    argv += [str(EXPORTS / "auth0-clients.json"), "--from", "auth0", "--to", str(tmp_path)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "is there already" in done.stderr) == (2, True)


def keycloak(tmp_path: Path, *ones: dict[str, Any]) -> list[Client | BadLine]:
    path = tmp_path / "realm.json"
    usual = {"redirectUris": ["https://a.example.org/"], "standardFlowEnabled": True}
    path.write_text(json.dumps({"clients": [{**usual, **one} for one in ones]}))
    return [one for _, one in clients("keycloak", path)]


@pytest.mark.parametrize("secret", [None, "**********", "short", "x" * 40 + "\n", "ü" * 40])
def test_a_secret_that_could_be_guessed_is_made_anew(secret: str | None, tmp_path: Path) -> None:
    (one,) = keycloak(tmp_path, {"clientId": "a", "secret": secret})
    assert isinstance(one, Client)
    assert len(one.secret) >= 43
    assert "a new one was made" in one.dropped[-1]


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "a/b", "a b", "é", "x" * 61, ".a", None])
def test_an_id_that_is_none_here_names_no_file(name: str | None, tmp_path: Path) -> None:
    (one,) = keycloak(tmp_path, {"clientId": name, "secret": "s" * 40})
    assert isinstance(one, BadLine)


def test_two_that_differ_in_capital_letters_are_not_both_taken(tmp_path: Path) -> None:
    one, two = keycloak(tmp_path, {"clientId": "web"}, {"clientId": "Web"})
    assert isinstance(one, Client)
    assert isinstance(two, BadLine)
    table = {"redirect": ["https://a.example.org/"]}
    with pytest.raises(ValueError, match="capital letters only"):
        configuration.Configuration.model_validate({"applications": {"web": table, "Web": table}})


ADDRESSES = [
    "https://a.example.org/cb#x",
    "https://user@a.example.org/cb",
    "https://a.example.org/\n[applications.evil]",
    'https://a.example.org/"x',
    "javascript:alert(1)",
    "https://[",
    "//a.example.org/",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_says_nothing_but_itself(address: str, tmp_path: Path) -> None:
    (one,) = keycloak(
        tmp_path,
        {"clientId": "a", "redirectUris": [address, "https://a.example.org/"], "name": address},
    )
    assert isinstance(one, Client)
    table = tomllib.loads(one.table())["applications"]
    assert set(table) == {"a"}
    known = configuration.Application.model_validate({**table["a"], "secret": "s" * 40})
    assert set(known.redirect) <= {"https://a.example.org/", 'https://a.example.org/"x'}


@pytest.mark.parametrize("system", FILES)
@given(data=st.data())
@pace(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_anything_may_stand_in_a_client(system: str, data: st.DataObject, tmp_path: Path) -> None:
    whole = json.loads((EXPORTS / FILES[system]).read_text())
    key = {"keycloak": "clients", "fusionauth": "applications"}.get(system)
    for one in whole[key] if key else whole:
        place = one.get("oauthConfiguration", one)
        for name in data.draw(st.lists(st.sampled_from(sorted(place)), max_size=3)):
            place[name] = data.draw(strange)
    if system == "keycloak":
        whole[data.draw(st.sampled_from(["roles", "groups", "clients"]))] = data.draw(strange)
    path = tmp_path / "clients.json"
    path.write_text(json.dumps(whole))
    made = [one for _, one in clients(system, path) if isinstance(one, Client)]
    tables = tomllib.loads("\n".join(one.table() for one in made)).get("applications", {})
    for one in made:
        values = {**tables[one.id], **({"secret": one.secret} if one.secret else {})}
        configuration.Application.model_validate(values)
