"""What a SAML provider says of itself: its metadata, and the certificates that it signs with."""

from __future__ import annotations

import base64
import binascii
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from holdfast.accounts.connections import fetching
from holdfast.accounts.connections.xml import BadXml, parsed

MD = "{urn:oasis:names:tc:SAML:2.0:metadata}"
DS = "{http://www.w3.org/2000/09/xmldsig#}"
REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
LONGEST_ID = 500
MOST_CERTIFICATES = 4
LEAST_RSA_BITS = 2048


class BadMetadata(Exception):
    """What no provider can be set up by; the message says why."""


@dataclass(frozen=True)
class Provider:
    """A SAML identity provider."""

    entity_id: str
    sso_url: str
    certificates: str
    """In PEM, one after another."""


def read(text: str) -> Provider:
    """Return the one provider that metadata describe. Raises BadMetadata."""
    try:
        root = parsed(text.strip().encode(errors="replace"), remarks=True)
    except BadXml as error:
        raise BadMetadata(str(error)) from None
    found = [root] if root.tag == f"{MD}EntityDescriptor" else root.findall(f"{MD}EntityDescriptor")
    providers = [one for one in found if one.find(f"{MD}IDPSSODescriptor") is not None]
    if len(providers) != 1:
        raise BadMetadata(f"it describes {len(providers)} providers: paste those of one")
    entity, role = providers[0], f"{MD}IDPSSODescriptor"
    services = [
        one.get("Location", "")
        for one in entity.findall(f"{role}/{MD}SingleSignOnService")
        if one.get("Binding") == REDIRECT
    ]
    if not services:
        raise BadMetadata("it names no address to sign in at by HTTP-Redirect")
    signing = [
        certificate.text or ""
        for key in entity.findall(f"{role}/{MD}KeyDescriptor")
        if key.get("use", "signing") == "signing"
        for certificate in key.iter(f"{DS}X509Certificate")
    ]
    return Provider(
        _text(entity.get("entityID", "")), sso(services[0]), certificates([*dict.fromkeys(signing)])
    )


def _text(entity_id: str) -> str:
    if not 0 < len(entity_id) <= LONGEST_ID or not entity_id.isprintable():
        raise BadMetadata("its entity id is missing or too long")
    return entity_id


def sso(url: str) -> str:
    """Return where people sign in, if they may be led there. Raises BadMetadata."""
    if len(url) > LONGEST_ID or not fetching.is_safe(url):
        raise BadMetadata("the address to sign in at is not https")
    return url


def split(text: str) -> list[str]:
    """Return the certificates in a text: in PEM one after another, or the bare base64 of one."""
    marked = text.split("-----BEGIN CERTIFICATE-----")
    if len(marked) == 1:
        return [text]
    return [one.partition("-----END CERTIFICATE-----")[0] for one in marked[1:]]


def certificates(texts: Sequence[str]) -> str:
    """Return certificates in PEM. Raises BadMetadata where one is none, or its key is too weak."""
    if not 0 < len(texts) <= MOST_CERTIFICATES:
        raise BadMetadata(f"from one to {MOST_CERTIFICATES} certificates are taken")
    return "".join(_pem(text) for text in texts)


def _pem(text: str) -> str:
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
        found = x509.load_der_x509_certificate(data)
        key = found.public_key()
    except (binascii.Error, ValueError):
        raise BadMetadata("a certificate cannot be read") from None
    strong = isinstance(key, ec.EllipticCurvePublicKey) or (
        isinstance(key, rsa.RSAPublicKey) and key.key_size >= LEAST_RSA_BITS
    )
    if not strong:
        raise BadMetadata(f"a certificate's key is weaker than {LEAST_RSA_BITS} bits")
    return found.public_bytes(Encoding.PEM).decode()


def ends(pem: str) -> datetime:
    """Return when the last of these certificates ends."""
    found = (one for one in map(_loaded, split(pem)))
    return max((one.not_valid_after_utc for one in found), default=datetime.now(UTC))


def _loaded(body: str) -> x509.Certificate:
    whole = "\n".join(textwrap.wrap("".join(body.split()), 64))
    pem = f"-----BEGIN CERTIFICATE-----\n{whole}\n-----END CERTIFICATE-----\n"
    return x509.load_pem_x509_certificate(pem.encode())
