"""`holdfast`, weakened on purpose: `python weakened.py WEAKNESS serve …`.

An attack that has never been seen to succeed proves nothing; here each one does.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any


def naive_sign_in() -> None:
    """Nothing is hashed for somebody unknown."""
    from holdfast.accounts.people import backend

    backend.burn = lambda password: None  # type: ignore[attr-defined]


def fixed_sessions() -> None:
    """A session keeps its key when somebody signs in."""
    from holdfast.accounts.people.session_store import SessionStore

    SessionStore.cycle_key = lambda self: None  # type: ignore[method-assign]


def lasting_sessions() -> None:
    """Sessions do not depend on the password."""
    from holdfast.accounts.people.models import Person

    Person.get_session_auth_hash = lambda self: "same"  # type: ignore[method-assign]
    Person.get_session_auth_fallback_hash = lambda self: iter(())  # type: ignore[method-assign]


def no_csrf() -> None:
    """Forms of other sites are taken."""
    from django.conf import settings

    settings.MIDDLEWARE.remove("django.middleware.csrf.CsrfViewMiddleware")


def auditors_change() -> None:
    """Whoever sees a page of the console may change what it shows."""
    from holdfast.accounts.console import pages

    pages.role_of = lambda request: "admin"  # type: ignore[attr-defined]


def agents_change() -> None:
    """The support desk may do whatever administrators may."""
    from holdfast.accounts.console import site

    auditors_change()
    site.TAKEN_FROM_SUPPORT = _Everything()  # type: ignore[assignment]


class _Everything:
    def __contains__(self, _: object) -> bool:
        return True


def any_host() -> None:
    """Every host name is answered, and links are made from it."""
    from django.conf import settings

    from holdfast.accounts.people.adapter import Adapter

    settings.ALLOWED_HOSTS = ["*"]
    Adapter._from_origin = lambda self, url: url  # type: ignore[method-assign]


def open_redirect() -> None:
    """Whoever signs in is led wherever a link says."""
    from holdfast.accounts.people.adapter import Adapter

    Adapter.is_safe_url = lambda self, url: True


def reusable_links() -> None:
    """A link works as often as one likes."""
    from holdfast.accounts.people.flows import links

    links.use = lambda link: True


def unbounded() -> None:
    """A body may have any size."""
    from django.conf import settings

    settings.MIDDLEWARE.remove("holdfast.accounts.requests.BoundedBody")
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = None


def no_handles() -> None:
    """Nothing but a look beforehand keeps an address from being taken twice."""
    from holdfast.accounts.people import handles

    handles.claim = lambda person, name: None


def forgetful_cache() -> None:
    """Each worker remembers for itself which codes were used."""
    from holdfast.accounts.people import embedded_cache

    def spend(key: str, lives_s: int = 0) -> bool:
        return True

    embedded_cache.spend = spend


def chatty_log() -> None:
    """Requests are logged by their path and their form."""
    from holdfast.accounts import requests

    def call(self: Any, request: Any) -> Any:
        requests.log.info(f"{request.get_full_path()} {request.POST.dict()}")
        return self.get_response(request)

    requests.Requests.__call__ = call  # type: ignore[method-assign]


def no_gate() -> None:
    """Everybody guesses as often as they like."""
    from holdfast.accounts.gate import middleware

    middleware.asked = lambda request: None


def careless_forms() -> None:
    """An application's own form: any method, no gate, no secret, a session's key for a token."""
    from holdfast.accounts.gate import middleware
    from holdfast.accounts.headless import admission, sessions, views
    from holdfast.accounts.people.session_store import SessionStore

    def dispatch(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        return super(views.Offered, self).dispatch(request, *args, **kwargs)

    cycle = SessionStore.cycle_key
    SessionStore.cycle_key = lambda self: None if self.session_key else cycle(self)  # type: ignore
    middleware.asked = lambda request: None
    views.Offered.dispatch = dispatch  # type: ignore[method-assign]
    admission._application = lambda authorization: admission._basic(authorization)[0]
    sessions._token = lambda session_key, client_id: session_key
    sessions._key = lambda token, client_id: token


def quick_codes() -> None:
    """Mailed codes are others after eight seconds, not ten minutes: no weakness, but a clock."""
    from holdfast.accounts.people.flows import mailed_code

    mailed_code.SAME_FOR_S = 8


def quick_house() -> None:
    """The house is kept every second, not every hour: no weakness, but a clock."""
    from holdfast.accounts import server

    server.HOUSE_KEPT_EVERY_S = 1.0


def loose_codes() -> None:
    """A code that was read out is good for every agent, person and action, and again."""
    from holdfast.accounts.support import codes
    from holdfast.accounts.support.models import ReadBackCode

    codes._told_of = lambda *_: ""
    codes._kept = lambda *_: ReadBackCode.objects.order_by("-pk").first()
    codes._is_right = lambda kept, agent, person, task, typed: (
        kept.digest == codes._digest(kept.salt, agent, person, task, typed)
    )
    codes._spent = lambda kept: True


def breaking_pages() -> None:
    """The page that shows a form again fails, after what was typed was looked at."""
    from allauth.account.views import LoginView

    def broken(self: Any, form: Any) -> Any:
        raise RuntimeError("the template is broken")

    LoginView.form_invalid = broken


def no_step_up() -> None:
    """Whoever is signed in may do everything at once."""
    from allauth.account.internal.flows import reauthentication

    from holdfast.accounts.people.flows import step_up

    reauthentication.did_recently_reauthenticate = lambda request: True
    step_up.is_due = lambda request: False


def sql_from_strings() -> None:
    """What is looked for becomes part of the statement."""
    from holdfast.accounts.search import find

    def by_part(text: str) -> Any:
        query = find._Query("r.number")
        query.where("r.text LIKE '%%" + text.replace("%", "%%") + "%%'")
        return query

    find._by_part = by_part


def events_anywhere() -> None:
    """Events are sent to addresses of the inside too, and in clear."""
    from holdfast.accounts.webhooks import sending

    target = sending.target
    sending.is_allowed = lambda address, allowed, *, secure=True: True
    sending.target = lambda url, allowed=(): target(url, sending.TUNNELS)


def gullible_saml() -> None:
    """An assertion is believed if something in the answer is signed; nothing else is looked at."""
    import base64

    import xmlsec
    from lxml import etree
    from onelogin.saml2.utils import OneLogin_Saml2_Utils

    from holdfast.accounts.connections import saml
    from holdfast.accounts.connections.identity import Refused, identity

    def answered(connection: Any, ours: Any, text: str) -> Any:
        root = etree.fromstring(base64.b64decode(text))
        xmlsec.tree.add_ids(root, ["ID"])
        verify = OneLogin_Saml2_Utils.validate_node_sign
        signatures = root.findall(".//ds:Signature", saml.NS)
        if not any(verify(one, root, connection.certificates) for one in signatures):
            raise Refused("not signed")
        assertion = next(root.iter(f"{{{saml.NS['a']}}}Assertion"))
        name = assertion.find(".//a:NameID", saml.NS)
        request = assertion.find(".//a:SubjectConfirmationData", saml.NS)
        found = identity(connection, subject=name.text, email=name.text, verified=True)
        return saml.Answered(found, request.get("InResponseTo"), assertion.get("ID"))

    saml.answered = answered


def trusting() -> None:
    """Every provider may say whose an address is, and every answer is for whoever brings it."""
    from allauth.account.models import EmailAddress
    from allauth.socialaccount.internal import statekit
    from django.conf import settings

    from holdfast.accounts.connections import identity, linking
    from holdfast.accounts.people.flows import proving

    proving.clear = lambda *_: True
    stash = statekit.stash_state

    def take_over(request: Any, person: Any, email: str, slug: str) -> Any:
        EmailAddress.objects.filter(user=person, email=email).update(verified=True)
        return True

    def stashed(request: Any, **given: Any) -> Any:
        (settings.HOLDFAST.data / given["state_id"]).write_text(json.dumps(given["state"]))
        return stash(request, **given)

    def unstashed(request: Any, **given: Any) -> Any:
        return json.loads((settings.HOLDFAST.data / given["state_id"]).read_text())

    identity._counts = lambda connection, address, workspace: True
    linking._take_over = take_over
    statekit.stash_state, statekit.unstash_state = stashed, unstashed


WEAKNESSES: dict[str, Callable[[], None]] = {
    function.__name__: function
    for function in (
        *(naive_sign_in, fixed_sessions, lasting_sessions, no_csrf, any_host),
        *(
            auditors_change,
            agents_change,
            open_redirect,
            reusable_links,
            unbounded,
            no_handles,
            chatty_log,
            forgetful_cache,
            no_gate,
            breaking_pages,
            quick_codes,
            quick_house,
            loose_codes,
            no_step_up,
            careless_forms,
        ),
        *(sql_from_strings, events_anywhere),
        *(gullible_saml, trusting),
    )
}


def main() -> int:
    """Weaken what Django has loaded, then go on as `holdfast` does."""
    from holdfast.accounts import starting
    from holdfast.cli.main import main as holdfast

    weakness = WEAKNESSES[sys.argv[1]]
    start = starting.start

    def started(configuration: Any) -> None:
        start(configuration)
        weakness()

    starting.start = started
    return holdfast(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
