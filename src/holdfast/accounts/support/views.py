"""The page of the link that keeps a second factor."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from holdfast.accounts.people.views import form_page
from holdfast.accounts.support import removals


@form_page
def stop_removal(request: HttpRequest, token: str) -> HttpResponse:
    """Keep a factor: with a button, since programs that look at mail follow links.

    Whoever has the link need not sign in: its owner may be unable to.
    """
    removal = removals.find(token)
    if removal is None:
        return render(request, "people/link_gone.html", status=410)
    if request.method == "POST":
        if not removals.cancel(request, removal):
            return render(request, "people/link_gone.html", status=410)
        return render(request, "support/stopped.html")
    return render(request, "support/stop_removal.html", {"removal": removal})
