"""Signing in by SAML, and every way that is known to get in by it without being let."""

from __future__ import annotations

import base64
import copy
import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from accounts.connections.providers import begin, connect, first_admin, set_up
from accounts.connections.saml_provider import (
    EMAIL_FORMAT,
    ENTITY,
    NS,
    A,
    Answer,
    encoded,
    metadata,
    request_id,
    sign,
    signer,
)
from accounts.security import weakened
from accounts.service import Browser, Page, Service, serving, visitors

fresh = visitors(71)
BACK = "/sign-in/with/work/back/"
WEAKENED = str(Path(weakened.__file__))
numbers = iter(range(1, 60000))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("saml"), "proxies = 1\n") as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def admin(service: Service) -> Browser:
    return add_provider(service)


def add_provider(service: Service) -> Browser:
    browser = first_admin(service, fresh(service))
    fields = {"domains": "example.org", "trusts_addresses": "on", "client_id": ""}
    set_up(browser, "work", "saml", metadata=metadata("https://idp.example.org/sso"), **fields)
    return browser


def asked(service: Service, browser: Browser) -> Answer:
    """Begin, and return what the provider would answer."""
    url, query = begin(browser, "work")
    assert url.startswith("https://idp.example.org/sso?")
    at = f"{service.origin}/sign-in/with/work"
    email = f"ann{next(numbers)}@example.org"
    return Answer(f"{at}/back/", f"{at}/metadata/", request_id(query), email, email)


def bring(browser: Browser, text: str) -> Page:
    """Post an answer as the provider's page has the browser do, without the session's cookie."""
    bare = Browser(browser.service, browser.address)
    page = bare.post(BACK, {"SAMLResponse": text}, Origin="https://idp.example.org")
    return browser.follow(page)


def test_somebody_signs_in_and_is_the_same_again(service: Service) -> None:
    browser, again = fresh(service), fresh(service)
    answer = asked(service, browser)
    page = bring(browser, answer.sent())
    assert browser.who(), page.body
    same = asked(service, again).changed(subject=answer.subject, email=answer.email)
    bring(again, same.changed(signs="both").sent())
    assert again.who() == browser.who()


def test_our_metadata_says_where_answers_go(service: Service) -> None:
    page = fresh(service).get("/sign-in/with/work/metadata/")
    root = etree.fromstring(page.body.encode())
    assert root.get("entityID") == f"{service.origin}/sign-in/with/work/metadata/"
    assert f'Location="{service.origin}{BACK}"' in page.body


# Answers that the provider itself would not have given

WRONG: dict[str, dict[str, Any]] = {
    "nothing is signed": {"signs": "nothing"},
    "the response alone is signed": {"signs": "response"},
    "somebody else has signed it": {"by": "mallory"},
    "a weak digest": {"algorithm": "RSA_SHA1"},
    "another audience": {"audience": "https://other.example.org/metadata"},
    "no audience": {"audience": ""},
    "another recipient": {"recipient": "https://other.example.org/back/"},
    "a recipient that only begins so": {"recipient": "BACKmore/"},
    "a recipient that only ends so": {"recipient": "https://evil.example/?BACK"},
    "another destination": {"destination": "https://other.example.org/back/"},
    "a destination that only begins so": {"destination": "BACKmore/"},
    "another issuer": {"issuer": "https://other.example.org/metadata"},
    "it has ended": {"lives_s": -10},
    "it has not begun": {"begins_s": 3600},
    "it answers nothing": {"request": ""},
    "it answers another request": {"request": "ONELOGIN_0123456789"},
    "its response answers ours, and what is signed another": {
        "request": "x",
        "response_to": "OURS",
    },
    "its response answers ours, and what is signed none": {"request": "", "response_to": "OURS"},
    "it says that it failed": {"status": "urn:oasis:names:tc:SAML:2.0:status:Responder"},
    "its subject is another each time": {
        "subject_format": "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
    },
}


@pytest.mark.parametrize("name", WRONG)
def test_an_answer_lets_nobody_in_where(service: Service, name: str) -> None:
    browser = fresh(service)
    answer = asked(service, browser)
    changed = {
        key: value.replace("BACK", answer.back).replace("OURS", answer.request)
        if isinstance(value, str)
        else value
        for key, value in WRONG[name].items()
    }
    page = bring(browser, answer.changed(**changed).sent())
    assert page.status == 400
    assert browser.who() is None


# Signature wrapping: what was signed is kept, and something else is read


def evil(root: Any) -> Any:
    """An assertion of somebody else, and without a signature."""
    made = copy.deepcopy(root.find("a:Assertion", NS))
    made.remove(made.find("ds:Signature", NS))
    made.set("ID", f"_{secrets.token_hex(8)}")
    for text in (made.find(".//a:NameID", NS), made.find(".//a:AttributeValue", NS)):
        text.text = "evil@example.org"
    return made


def parts(root: Any) -> tuple[Any, Any]:
    assertion = root.find("a:Assertion", NS)
    return assertion, assertion.find("ds:Signature", NS)


def holder(signature: Any, name: str = "Object") -> Any:
    return etree.SubElement(signature, f"{{{NS['ds']}}}{name}")


def evil_response(root: Any) -> Any:
    made = copy.deepcopy(root)
    made.remove(made.find("ds:Signature", NS))
    made.replace(made.find("a:Assertion", NS), evil(root))
    made.set("ID", "_other")
    return made


def xsw1(root: Any) -> Any:
    """A response around the signed one, which lies in its signature."""
    outer, signature = evil_response(root), root.find("ds:Signature", NS)
    root.remove(signature)
    outer.insert(1, signature)
    holder(signature).append(root)
    return outer


def xsw2(root: Any) -> Any:
    """The signature beside the response that it is of."""
    outer, signature = evil_response(root), root.find("ds:Signature", NS)
    root.remove(signature)
    outer.append(root)
    outer.insert(1, signature)
    return outer


def xsw3(root: Any) -> Any:
    """An unsigned assertion before the signed one."""
    root.insert(list(root).index(root.find("a:Assertion", NS)), evil(root))
    return root


def xsw4(root: Any) -> Any:
    """The signed assertion within an unsigned one."""
    outer, (assertion, _) = evil(root), parts(root)
    root.replace(assertion, outer)
    outer.append(assertion)
    return root


def xsw5(root: Any) -> Any:
    """The signature in the changed assertion, the original behind it."""
    outer, (assertion, signature) = evil(root), parts(root)
    assertion.remove(signature)
    outer.insert(1, signature)
    root.replace(assertion, outer)
    root.append(assertion)
    return root


def xsw6(root: Any) -> Any:
    """The original within the signature of the changed assertion."""
    outer, (assertion, signature) = evil(root), parts(root)
    assertion.remove(signature)
    outer.insert(1, signature)
    root.replace(assertion, outer)
    holder(signature).append(assertion)
    return root


def xsw7(root: Any) -> Any:
    """The changed assertion within an extension, before the signed one."""
    extension = etree.Element(f"{{{NS['p']}}}Extensions")
    extension.append(evil(root))
    root.insert(1, extension)
    return root


def xsw8(root: Any) -> Any:
    """The original, without its signature, within an object of it."""
    outer, (assertion, signature) = evil(root), parts(root)
    root.replace(assertion, outer)
    assertion.remove(signature)
    outer.insert(1, signature)
    holder(holder(signature)).append(assertion)
    return root


def same_id(root: Any) -> Any:
    """Two assertions of one id."""
    made = evil(root)
    made.set("ID", root.find("a:Assertion", NS).get("ID"))
    root.append(made)
    return root


def signature_removed(root: Any) -> Any:
    assertion, signature = parts(root)
    assertion.remove(signature)
    return root


def changed_after(root: Any) -> Any:
    root.find(".//a:NameID", NS).text = "evil@example.org"
    return root


def of_the_response(root: Any) -> Any:
    """A signature in the assertion that is of the response around it."""
    _, signature = parts(root)
    reference = signature.find(".//ds:Reference", NS)
    reference.set("URI", f"#{root.get('ID')}")
    return changed_after(root)


def of_everything(root: Any) -> Any:
    parts(root)[1].find(".//ds:Reference", NS).set("URI", "")
    return root


def costly(root: Any) -> Any:
    """A transform that computes for as long as an attacker likes."""
    transforms = parts(root)[1].find(".//ds:Transforms", NS)
    made = etree.SubElement(transforms, f"{{{NS['ds']}}}Transform")
    made.set("Algorithm", "http://www.w3.org/TR/1999/REC-xslt-19991116")
    return root


def own_key(root: Any) -> Any:
    """Signed anew, with the key that the signature itself names."""
    assertion, signature = parts(root)
    assertion.remove(signature)
    changed_after(root)
    sign(assertion, signer("mallory"))
    root = etree.fromstring(etree.tostring(root))
    info = holder(parts(root)[1], "KeyInfo")
    data = etree.SubElement(info, f"{{{NS['ds']}}}X509Data")
    body = "".join(signer("mallory").certificate.splitlines()[1:-1])
    etree.SubElement(data, f"{{{NS['ds']}}}X509Certificate").text = body
    return root


def as_text(change: Callable[[str], str]) -> Callable[[Any], bytes]:
    return lambda root: change(etree.tostring(root).decode()).encode()


def put_comment(text: str) -> str:
    return text.replace("@example.org<", "@example.org<!-- --><", 1)


def split_subject(text: str) -> str:
    return re.sub(r"(<a:NameID[^>]*>)(\w+)", r"\1adm<!---->in", text, count=1)


def entity(text: str) -> str:
    return '<!DOCTYPE p [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + text.replace(
        "Ann<", "&e;<", 1
    )


def laughs(text: str) -> str:
    entities = '<!ENTITY a "ha">' + "".join(
        f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9)
    )
    return f"<!DOCTYPE p [{entities}]>" + text.replace("Ann<", "&j;<", 1)


def outer_dtd(text: str) -> str:
    return '<!DOCTYPE p SYSTEM "http://127.0.0.1:1/x.dtd">' + text


ATTACKS: dict[str, Callable[[Any], Any]] = {
    **{f.__name__: f for f in (xsw1, xsw2, xsw3, xsw4, xsw5, xsw6, xsw7, xsw8)},
    **{
        f.__name__: f
        for f in (
            *(same_id, signature_removed, changed_after, of_the_response, of_everything),
            *(costly, own_key),
        )
    },
    "a comment in an address": as_text(put_comment),
    "a comment in the subject": as_text(split_subject),
    "an instruction": as_text(lambda text: text.replace("Ann<", "A<?x y?>nn<", 1)),
    "an entity from elsewhere": as_text(entity),
    "a billion laughs": as_text(laughs),
    "a declaration from elsewhere": as_text(outer_dtd),
    "in UTF-16": lambda root: etree.tostring(root).decode().encode("utf-16"),
    "in UTF-7": lambda root: (
        b'<?xml version="1.0" encoding="UTF-7"?>' + etree.tostring(root).decode().encode("utf-7")
    ),
    "deep": lambda root: b"<x>" * 3000 + b"</x>" * 3000,
    "no XML": lambda root: b"\0\xff" * 100,
    "nothing": lambda root: b"",
    "another document": lambda root: f'<a:Assertion xmlns:a="{A}"/>'.encode(),
}


RESPONSES = ("xsw1", "xsw2")
"""They wrap a signed response; the others, a signed assertion."""
FEASIBLE = ("xsw2", "xsw3", "xsw4", "xsw5", "xsw7")
"""Of the other three, xmlsec leaves what lies in the signature out of what it verifies."""


def attacked(answer: Answer, name: str) -> str:
    signs = "both" if name in RESPONSES else "assertion"
    return answer.changed(signs=signs).sent(ATTACKS[name])


def test_wrapping_succeeds_where_something_signed_is_enough(tmp_path: Path) -> None:
    program = (WEAKENED, "gullible_saml")
    with serving(tmp_path, "proxies = 1\n", program=program) as weak:
        add_provider(weak)
        for name in FEASIBLE:
            browser = fresh(weak)
            bring(browser, attacked(asked(weak, browser), name))
            people = "SELECT email FROM people_person WHERE id = %s"
            who = (browser.who() or "").replace("-", "")
            assert weak.rows(people, who) == [("evil@example.org",)], name


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_lets_nobody_in(service: Service, name: str) -> None:
    browser = fresh(service)
    page = bring(browser, attacked(asked(service, browser), name))
    assert page.status == 400, page.url
    assert browser.who() is None
    assert "root:" not in page.body


def test_a_huge_answer_is_not_read(service: Service) -> None:
    browser = fresh(service)
    answer = asked(service, browser).sent()
    bare = Browser(service, browser.address)
    page = bare.post(BACK, {"SAMLResponse": answer, "more": "x" * 70_000})
    assert page.status == 413


def test_what_is_no_base64_is_refused(service: Service) -> None:
    for text in ("", "%%%", "ü", base64.b64encode(b"x").decode() + "="):
        assert bring(fresh(service), text).status == 400


# Answers of others, and at other times


def test_an_answer_is_good_once(service: Service) -> None:
    browser = fresh(service)
    sent = asked(service, browser).sent()
    bring(browser, sent)
    assert browser.who()
    for again in (browser, fresh(service)):
        again.post("/logout/", {"csrfmiddlewaretoken": again.token()} if again.jar else {})
        again.jar.clear()
        assert bring(again, sent).status == 400
        assert again.who() is None


def test_an_attackers_answer_signs_nobody_else_in(service: Service) -> None:
    """Login CSRF: the victim's browser brings what was answered to the attacker."""
    attacker, victim = fresh(service), fresh(service)
    sent = asked(service, attacker).sent()
    asked(service, victim)
    assert bring(victim, sent).status == 400
    assert victim.who() is None


def test_a_ticket_is_for_one_session_and_not_made_up(service: Service) -> None:
    browser, other = fresh(service), fresh(service)
    sent = asked(service, browser).sent()
    bare = Browser(service, browser.address)
    leads = bare.post(BACK, {"SAMLResponse": sent}).headers["Location"]
    assert other.get(leads).status == 400
    for wrong in (leads[:-1], leads[:-30], f"{BACK}finish/", f"{BACK}finish/?ticket=x%00"):
        assert other.get(wrong).status == 400
    assert browser.get(leads).status == 302
    assert browser.who()


def test_a_subject_is_read_whole(service: Service, admin: Browser) -> None:
    """The provider itself names somebody so: it is nobody else's account."""
    victim = fresh(service)
    first = asked(service, victim)
    bring(victim, first.sent())
    browser = fresh(service)
    longer = asked(service, browser).changed(
        subject=f"{first.subject}.evil.com",
        email=f"{first.email}.evil.com",
        subject_format=EMAIL_FORMAT,
    )
    bring(browser, longer.sent())
    assert browser.who() is None, "its domain is not the connection's: it is to be shown first"
    assert service.mails(f"{first.email}.evil.com")


# Setting one up

BAD_METADATA = {
    "an entity": metadata("https://x.example/", extra='<!DOCTYPE m [<!ENTITY e "x">]>'),
    "in clear": metadata("http://idp.example.org/sso"),
    "a script": metadata("javascript:alert(1)"),
    "not XML": "<md:EntityDescriptor",
    "another document": f"<a xmlns='{A}'/>",
}


@pytest.mark.parametrize("name", BAD_METADATA)
def test_metadata_are_refused_that_have(admin: Browser, name: str) -> None:
    page = connect(admin, f"bad{next(numbers)}", "saml", metadata=BAD_METADATA[name])
    assert page.status == 200
    assert "SAML:" in page.body


def test_a_weak_key_is_refused(admin: Browser) -> None:
    fields = {"issuer": ENTITY, "sso_url": "https://x.example/", "metadata": ""}
    weak = signer("weak", 1024).certificate
    page = connect(admin, "weak", "saml", certificates=weak, **fields)
    assert page.status == 200
    assert "weaker than 2048 bits" in page.body


def test_two_certificates_are_taken_while_one_follows_the_other(
    service: Service, admin: Browser
) -> None:
    both = signer("new").certificate + signer("idp").certificate
    fields = {"issuer": ENTITY, "sso_url": "https://x.example/", "metadata": ""}
    set_up(admin, "rotating", "saml", certificates=both, **fields)
    browser = fresh(service)
    _, query = begin(browser, "rotating")
    at = f"{service.origin}/sign-in/with/rotating"
    answer = Answer(f"{at}/back/", f"{at}/metadata/", request_id(query), by="new")
    bare = Browser(service, browser.address)
    page = bare.post("/sign-in/with/rotating/back/", {"SAMLResponse": encoded(answer.tree())})
    assert page.status == 302
