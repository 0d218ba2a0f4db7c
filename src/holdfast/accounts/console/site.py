"""Who gets into the console: whoever has a role, signed in as everybody is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from allauth.core.exceptions import ReauthenticationRequired
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect, render, resolve_url
from django.template.response import TemplateResponse
from django.urls import Resolver404, ResolverMatch, path, resolve
from django.utils.translation import activate
from unfold.sites import UnfoldAdminSite

from holdfast.accounts.people.models import Person, Role
from holdfast.accounts.support.looking import TooMany

View = Callable[..., Any]
TAKEN_FROM_SUPPORT = ("console:people_person_changelist", "console:people_person_help")
"""The only pages that take a form from the support desk, whatever a page itself would do."""


def role_of(request: HttpRequest) -> str:
    """Return the role of who is signed in; "" for everybody else."""
    person = request.user
    return person.role if isinstance(person, Person) and person.is_active else ""


def route_of(request: HttpRequest) -> ResolverMatch | None:
    """Return where a request goes. What waited for its sender to show who they are is another one
    by then than its `resolver_match` says.
    """
    try:
        return resolve(request.path_info)
    except Resolver404:
        return None


def _step_up(request: HttpRequest) -> None:
    """Ask who changes something to show once more that it is them."""
    try:
        raise_if_reauthentication_required(request, app="holdfast.console")
    except ReauthenticationRequired:
        request.META["QUERY_STRING"] = ""  # or allauth forgets what was sent
        raise


class ConsoleSite(UnfoldAdminSite):
    """Django's administration without its own way to sign in."""

    index_title = "Overview"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._pages: dict[str, View] = {}

    def page(self, name: str) -> Callable[[View], View]:
        """Have a view shown at its name that is no list of something."""

        def shown(view: View) -> View:
            self._pages[name] = view
            return view

        return shown

    def get_urls(self) -> list[Any]:
        own = [
            path(f"{name}/", self.admin_view(view), name=name) for name, view in self._pages.items()
        ]
        return [*own, *super().get_urls()]

    def has_permission(self, request: HttpRequest) -> bool:
        return role_of(request) in Role.values

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        """Have whoever changes something show once more that it is them.

        Who is signed in and has no role is not told that this is here.
        """
        shown: View = super().admin_view(view, cacheable)

        def guarded(request: HttpRequest, *arguments: Any, **given: Any) -> Any:
            if request.user.is_authenticated and not self.has_permission(request):
                raise Http404
            if any("\0" in value for _, values in request.GET.lists() for value in values):
                raise BadRequest  # no database holds that
            if request.method not in ("GET", "HEAD", "POST"):
                return HttpResponseNotAllowed(("GET", "HEAD", "POST"))
            changes = request.method not in ("GET", "HEAD") and request.user.is_authenticated
            if changes:
                _step_up(request)
            if request.method == "POST" and role_of(request) == Role.SUPPORT:
                match = route_of(request)
                if match is None or match.view_name not in TAKEN_FROM_SUPPORT:
                    raise PermissionDenied
            activate("en")  # its words, and unfold's, are not translated
            try:
                return shown(request, *arguments, **given)
            except TooMany:
                return render(request, "429.html", status=429)

        return guarded

    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        raise Http404  # it would list people past what is counted and recorded

    def search(self, request: HttpRequest, extra_context: Any = None) -> TemplateResponse:
        raise Http404  # people are found on their page

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Lead to where everybody signs in."""
        return redirect(f"{resolve_url('account_login')}?next={resolve_url('console:index')}")

    def logout(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return redirect("account_logout")

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return redirect("account_change_password")


site = ConsoleSite(name="console")
