"""What an application may be configured as: what makes no sense is refused, and says the mend."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from holdfast.accounts.configuration import Application, Configuration

BACK = "https://todo.example.com/back"
SECRET = "x" * 43


def refused(**fields: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        Application(**{"redirect": [BACK], **fields})
    return str(caught.value)


ADDRESSES = {
    "in clear": "http://todo.example.com/back",
    "a path alone": "/back",
    "a fragment": f"{BACK}#x",
    "a star": "https://*.example.com/back",
    "a name before an @": "https://todo.example.com@evil.example/back",
    "a space": f"{BACK} x",
    "a script": "javascript:alert(1)",
    "a scheme of one's own": "todo:back",
}


@pytest.mark.parametrize("name", ADDRESSES)
def test_an_address_that_is_none_is_refused(name: str) -> None:
    assert ADDRESSES[name] in refused(redirect=[ADDRESSES[name]])
    assert ADDRESSES[name] in refused(signed_out=[ADDRESSES[name]])


def test_a_public_application_has_no_token_of_its_own() -> None:
    assert "needs a secret" in refused(grants=["client_credentials"])
    Application(grants=("client_credentials",), secret=SECRET)  # type: ignore[arg-type]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "nowhere to go back to": ({"redirect": []}, "say where"),
    "a short secret": ({"secret": "x" * 31}, "32 characters"),
    "an unknown grant": ({"grants": ["password"]}, "grants"),
    "everybody's role that is none": ({"everyone": ["A"]}, "none of the roles"),
    "no binding and no secret": ({"pkce": False}, "only what has a secret"),
    "a long token": ({"access_token": "PT2H"}, "access_token"),
    "no lifetime": ({"lifetime": "PT0S"}, "lifetime"),
    "a scope in capitals": ({"scopes": ["All of it"]}, "scopes"),
    "a colour that is none": ({"colour": "red"}, "colour"),
    "an unknown word": ({"skip_consent": True}, "skip_consent"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_makes_no_sense_is_refused(name: str) -> None:
    fields, why = WRONG[name]
    assert why in refused(**fields)


def test_an_audience_is_one_of_the_applications() -> None:
    with pytest.raises(ValidationError, match="nobody is none of the applications"):
        Configuration.model_validate(
            {"applications": {"todo": {"redirect": [BACK], "audience": ["nobody"]}}}
        )
