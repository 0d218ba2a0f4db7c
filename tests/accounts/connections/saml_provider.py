"""A SAML provider: signs what a test has it say, and takes its own answers apart for attacks."""

from __future__ import annotations

import base64
import secrets
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from lxml import etree

ENTITY = "https://idp.example.org/metadata"
P, A = "urn:oasis:names:tc:SAML:2.0:protocol", "urn:oasis:names:tc:SAML:2.0:assertion"
DS = "http://www.w3.org/2000/09/xmldsig#"
NS = {"p": P, "a": A, "ds": DS}
EMAIL_FORMAT = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"


@dataclass(frozen=True)
class Signer:
    """A key with its certificate, in PEM."""

    key: bytes
    certificate: str


@cache
def signer(name: str, bits: int = 2048) -> Signer:
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    called = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(called).issuer_name(called)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1))
    made = builder.not_valid_after(now + timedelta(days=30)).sign(key, hashes.SHA256())
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return Signer(pem, made.public_bytes(serialization.Encoding.PEM).decode())


def metadata(sso_url: str, entity: str = ENTITY, extra: str = "") -> str:
    body = "".join(signer("idp").certificate.splitlines()[1:-1])
    return f"""<?xml version="1.0"?>{extra}
<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{entity}">
<md:IDPSSODescriptor protocolSupportEnumeration="{P}">
<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="{DS}"><ds:X509Data>
<ds:X509Certificate>{body}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>
<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
 Location="{sso_url}"/>
</md:IDPSSODescriptor></md:EntityDescriptor>"""


def request_id(asked: dict[str, str]) -> str:
    """Return the id of the request that somebody was led here with."""
    data = zlib.decompress(base64.b64decode(asked["SAMLRequest"]), -15)
    return str(etree.fromstring(data).get("ID"))


def _moment(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Answer:
    """What the provider says; each field can be another than it should."""

    back: str
    audience: str
    request: str
    subject: str = "ann"
    email: str = "ann@example.org"
    subject_format: str = PERSISTENT
    issuer: str = ENTITY
    recipient: str = ""
    destination: str = ""
    response_to: str = ""
    lives_s: float = 120
    begins_s: float = -30
    status: str = "urn:oasis:names:tc:SAML:2.0:status:Success"
    signs: str = "assertion"
    """What is signed: assertion, response, both, nothing."""
    by: str = "idp"
    algorithm: str = "RSA_SHA256"

    def changed(self, **fields: Any) -> Answer:
        return replace(self, **fields)

    def text(self) -> str:
        response, assertion = secrets.token_hex(10), secrets.token_hex(10)
        to = self.response_to or self.request
        begins, ends, now = _moment(self.begins_s), _moment(self.lives_s), _moment(0)
        confirmed = f'InResponseTo="{self.request}"' if self.request else ""
        answered = f'InResponseTo="{to}"' if to else ""
        audience = (
            f"<a:AudienceRestriction><a:Audience>{self.audience}</a:Audience>"
            "</a:AudienceRestriction>"
            if self.audience
            else ""
        )
        return f"""<p:Response xmlns:p="{P}" xmlns:a="{A}" ID="_r{response}" Version="2.0" \
IssueInstant="{now}" Destination="{self.destination or self.back}" {answered}>\
<a:Issuer>{self.issuer}</a:Issuer>\
<p:Status><p:StatusCode Value="{self.status}"/></p:Status>\
<a:Assertion ID="_a{assertion}" Version="2.0" IssueInstant="{now}">\
<a:Issuer>{self.issuer}</a:Issuer>\
<a:Subject><a:NameID Format="{self.subject_format}">{self.subject}</a:NameID>\
<a:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">\
<a:SubjectConfirmationData {confirmed} NotOnOrAfter="{ends}" \
Recipient="{self.recipient or self.back}"/></a:SubjectConfirmation></a:Subject>\
<a:Conditions NotBefore="{begins}" NotOnOrAfter="{ends}">{audience}</a:Conditions>\
<a:AuthnStatement AuthnInstant="{now}"><a:AuthnContext><a:AuthnContextClassRef>\
urn:oasis:names:tc:SAML:2.0:ac:classes:Password</a:AuthnContextClassRef></a:AuthnContext>\
</a:AuthnStatement><a:AttributeStatement><a:Attribute Name="email">\
<a:AttributeValue>{self.email}</a:AttributeValue></a:Attribute>\
<a:Attribute Name="displayName"><a:AttributeValue>Ann</a:AttributeValue></a:Attribute>\
</a:AttributeStatement></a:Assertion></p:Response>"""

    def tree(self) -> Any:
        root = etree.fromstring(self.text())
        if self.signs in ("assertion", "both"):
            sign(root.find("a:Assertion", NS), signer(self.by), self.algorithm)
        if self.signs in ("response", "both"):
            sign(root, signer(self.by), self.algorithm)
        return etree.fromstring(etree.tostring(root))  # lxml finds only what it has read itself

    def sent(self, attack: Callable[[Any], Any] | None = None) -> str:
        """The answer as it is posted; an attack changes it after it was signed."""
        root = self.tree()
        return encoded(attack(root) if attack is not None else root)


def encoded(root: Any) -> str:
    data = root if isinstance(root, bytes) else etree.tostring(root)
    return base64.b64encode(data).decode()


def sign(element: Any, by: Signer, algorithm: str = "RSA_SHA256") -> None:
    """Put an enveloped signature behind an element's issuer."""
    weak = algorithm == "RSA_SHA1"
    node = xmlsec.template.create(
        element, xmlsec.Transform.EXCL_C14N, getattr(xmlsec.Transform, algorithm), ns="ds"
    )
    element.insert(1, node)
    digest = xmlsec.Transform.SHA1 if weak else xmlsec.Transform.SHA256
    reference = xmlsec.template.add_reference(node, digest, uri=f"#{element.get('ID')}")
    xmlsec.template.add_transform(reference, xmlsec.Transform.ENVELOPED)
    xmlsec.template.add_transform(reference, xmlsec.Transform.EXCL_C14N)
    xmlsec.tree.add_ids(element, ["ID"])
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(by.key, xmlsec.KeyFormat.PEM)
    context.sign(node)
