"""Signing in by SAML 2.0: what is asked of the provider, and which of its answers is believed.

Signatures, conditions and times are checked by python3-saml. What it leaves open is closed here,
before it reads an answer and after: one assertion, signed, for this service, in answer to a request
of ours.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from lxml import etree
from onelogin.saml2.auth import OneLogin_Saml2_Auth
from onelogin.saml2.constants import OneLogin_Saml2_Constants as Constants
from onelogin.saml2.errors import OneLogin_Saml2_Error, OneLogin_Saml2_ValidationError
from onelogin.saml2.response import OneLogin_Saml2_Response
from onelogin.saml2.settings import OneLogin_Saml2_Settings

from holdfast.accounts.connections import metadata, xml
from holdfast.accounts.connections.identity import Identity, Refused, identity
from holdfast.accounts.connections.models import Connection

NS = {"p": Constants.NS_SAMLP, "a": Constants.NS_SAML, "ds": Constants.NS_DS}
TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
EMAIL = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
SUBJECTS = ("urn:oasis:names:tc:SAML:attribute:subject-id",)
EMAILS = (
    "urn:oid:0.9.2342.19200300.100.1.3",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
    *("mail", "email"),
)
NAMES = (
    "urn:oid:2.16.840.1.113730.3.1.241",
    "http://schemas.microsoft.com/identity/claims/displayname",
    *("displayName", "name"),
)
NOT_VALID = (OneLogin_Saml2_Error, OneLogin_Saml2_ValidationError, ValueError, etree.LxmlError)
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
TRANSFORMS = {"http://www.w3.org/2000/09/xmldsig#enveloped-signature", EXCLUSIVE}
SIGNATURES = {
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
}
DIGESTS = {
    "http://www.w3.org/2001/04/xmlenc#sha256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512",
}


@dataclass(frozen=True)
class Answered:
    """An answer that holds; whose request it answers is still to be seen."""

    identity: Identity
    request: str
    assertion: str


@dataclass(frozen=True)
class Ours:
    """What the provider knows this service by."""

    entity_id: str
    """The address of our metadata."""
    back: str
    """Where assertions are sent."""


def begin(connection: Connection, ours: Ours) -> tuple[str, str]:
    """Return where to lead somebody, and the id of the request that they take along."""
    auth = OneLogin_Saml2_Auth(_request(ours), _settings(connection, ours))
    leads: str = auth.login(return_to="")
    return leads, str(auth.get_last_request_id())


def own_metadata(connection: Connection, ours: Ours) -> bytes:
    """Return what the provider is to know of us, as XML."""
    said: bytes = _settings(connection, ours).get_sp_metadata()
    return said


def answered(connection: Connection, ours: Ours, text: str) -> Answered:
    """Return what an answer says. Raises Refused."""
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
        root = xml.parsed(data)
    except (binascii.Error, ValueError):
        raise Refused("the answer is no base64") from None
    except xml.BadXml as error:
        raise Refused(f"the answer is not read: {error}") from None
    _check_signatures(root)
    looked_at = etree.tostring(
        root, encoding="utf-8"
    )  # not `data`, which others may read otherwise
    response = _valid(connection, ours, looked_at)
    (assertion,) = response.get_xml_document().iterfind("a:Assertion", NS)
    request = _check_confirmation(assertion, response.get_xml_document(), ours)
    return Answered(_who(connection, response), request, _required(assertion.get("ID")))


def _check_signatures(root: etree._Element) -> None:
    """Let nothing but plain signatures near the library that verifies them.

    A signature's transforms are carried out before it is known whose it is.
    """
    if root.tag != f"{{{Constants.NS_SAMLP}}}Response":
        raise Refused("the answer is no response")
    ids = [one.get("ID") for one in root.iter() if one.get("ID") is not None]
    if len(set(ids)) != len(ids):
        raise Refused("an id is there twice")
    if any(one.tag.rpartition("}")[2].startswith("Encrypted") for one in root.iter()):
        raise Refused("it is encrypted, for which there is no key")
    if len(root.findall(".//a:Assertion", NS)) != 1 or root.find("a:Assertion", NS) is None:
        raise Refused("there is not exactly one assertion in its place")
    signed = set()
    for signature in root.iterfind(".//ds:Signature", NS):
        parent = signature.getparent()
        references = signature.findall(".//ds:Reference", NS)
        if parent is None or len(references) != 1 or signature.find("ds:Object", NS) is not None:
            raise Refused("a signature is not of one thing")
        if not parent.get("ID") or references[0].get("URI") != f"#{parent.get('ID')}":
            raise Refused("a signature is of something else than what it stands in")
        algorithms = {
            ".//ds:Transform": TRANSFORMS,
            ".//ds:CanonicalizationMethod": {EXCLUSIVE},
            ".//ds:SignatureMethod": SIGNATURES,
            ".//ds:DigestMethod": DIGESTS,
        }
        for path, allowed in algorithms.items():
            found = [one.get("Algorithm") for one in signature.iterfind(path, NS)]
            if not found or len(found) > len(TRANSFORMS) or not allowed.issuperset(found):
                raise Refused("a signature is made in a way we do not take")
        signed.add(parent.tag)
    if f"{{{Constants.NS_SAML}}}Assertion" not in signed:
        raise Refused("the assertion is not signed")


def _valid(connection: Connection, ours: Ours, data: bytes) -> Any:
    try:
        encoded = base64.b64encode(data).decode()
        response = OneLogin_Saml2_Response(_settings(connection, ours), encoded)
        response.is_valid(_request(ours), raise_exceptions=True)
    except NOT_VALID as error:
        raise Refused(f"the answer does not hold: {error!s:.200}") from None
    except Exception as error:  # a library that reads what strangers send
        raise Refused(f"the answer cannot be read: {type(error).__name__}") from None
    return response


def _check_confirmation(assertion: Any, response: Any, ours: Ours) -> str:
    """Return the id of the request that an assertion answers, by what is signed.

    python3-saml lets each of these be missing, and compares places by their beginnings.
    """
    if response.get("Destination", ours.back) != ours.back:
        raise Refused("the answer is for another place")
    audiences = assertion.iterfind("a:Conditions/a:AudienceRestriction/a:Audience", NS)
    if ours.entity_id not in [one.text for one in audiences]:
        raise Refused("the answer is not for us")
    found = assertion.findall("a:Subject/a:SubjectConfirmation", NS)
    if len(found) != 1 or found[0].get("Method") != Constants.CM_BEARER:
        raise Refused("the answer is confirmed in another way than by who brings it")
    said = found[0].find("a:SubjectConfirmationData", NS)
    if said is None or said.get("Recipient") != ours.back or not said.get("NotOnOrAfter"):
        raise Refused("the assertion is for another place, or for ever")
    request = _required(said.get("InResponseTo"))
    if response.get("InResponseTo", request) != request:
        raise Refused("the answer and its assertion belong to two requests")
    return request


def _required(value: str | None) -> str:
    if not value or len(value) > xml.MOST_NODES:
        raise Refused("the assertion has no id, or answers no request")
    return value


def _who(connection: Connection, response: Any) -> Identity:
    try:
        said: Mapping[str, list[Any]] = response.get_attributes()
        named: Mapping[str, str | None] = response.get_nameid_data()
    except NOT_VALID as error:
        raise Refused(f"the answer does not say who it is: {error!s:.200}") from None
    subject = _first(said, SUBJECTS)
    if not subject and named.get("Format") != TRANSIENT and named.get("Value"):
        subject = f"{named.get('Format') or ''}\n{named['Value']}"  # each format names its own
    email = _first(said, EMAILS)
    if not email and named.get("Format") == EMAIL:
        email = named.get("Value") or ""
    return identity(
        connection, subject=subject, email=email, verified=True, name=_first(said, NAMES)
    )


def _first(said: Mapping[str, list[Any]], names: tuple[str, ...]) -> str:
    for name in names:
        for value in said.get(name, []):
            if isinstance(value, str) and value:
                return value
    return ""


def _request(ours: Ours) -> dict[str, Any]:
    """What python3-saml wants to know of the request: where we are, by our own configuration."""
    parts = urlsplit(ours.back)
    return {
        "https": "on" if parts.scheme == "https" else "off",
        "http_host": parts.netloc,
        "script_name": parts.path,
        "path_info": "",
        "get_data": {},
        "post_data": {},
    }


def _settings(connection: Connection, ours: Ours) -> Any:
    signing = ["".join(one.split()) for one in metadata.split(connection.certificates)]
    told = {
        "strict": True,
        "debug": False,
        "sp": {
            "entityId": ours.entity_id,
            "assertionConsumerService": {"url": ours.back, "binding": Constants.BINDING_HTTP_POST},
            "NameIDFormat": Constants.NAMEID_UNSPECIFIED,
        },
        "idp": {
            "entityId": connection.issuer,
            "singleSignOnService": {
                "url": connection.sso_url,
                "binding": Constants.BINDING_HTTP_REDIRECT,
            },
            "x509certMulti": {"signing": signing},
        },
        "security": {
            "wantAssertionsSigned": True,
            "wantNameId": False,
            "wantAttributeStatement": False,
            "requestedAuthnContext": False,
            "rejectDeprecatedAlgorithm": True,
            "allowRepeatAttributeName": True,
            "allowSingleLabelDomains": settings.HOLDFAST.local,
            "failOnAuthnContextMismatch": False,
        },
    }
    return OneLogin_Saml2_Settings(told)
