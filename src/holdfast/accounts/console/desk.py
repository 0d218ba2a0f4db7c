"""The console's page of the support desk: what is known of somebody who calls, and what is done."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from holdfast.accounts.console.pages import agent
from holdfast.accounts.people.models import Person
from holdfast.accounts.support import actions, codes, removals
from holdfast.accounts.support.codes import Task
from holdfast.accounts.support.models import Action
from holdfast.accounts.support.rules import NotHelped, TooOften, why_not_helped
from holdfast.work.spent import StoreDown

KINDS = {"totp": "authenticator app", "webauthn": "passkeys and security keys"}
FIELDS = {
    "reset": {"do"},
    "ask": {"do", "task", "way"},
    "redeem": {"do", "task", "code"},
}
"""What each form of the page holds beside its token. One that holds more is refused."""


def words(task: Task) -> str:
    """What an agent reads of a task."""
    if task.action is Action.UNLOCK:
        return "Unlock: have wrong guesses at this account forgotten"
    if task.action is Action.RESEND:
        return "Send again: the mail that shows an address to be theirs"
    return f"Remove what was lost: {KINDS[task.factor]}, in 24 hours"


def told_of_attempts(person: Person) -> str:
    """Return whether somebody's account is guessed at, in words."""
    try:
        return "guessed at: more is asked" if actions.is_locked(person) else "as usual"
    except StoreDown:
        return "not known: what counts them does not answer"


class AskForm(forms.Form):
    """Which one thing a code will allow, and how it reaches the person."""

    task = forms.ChoiceField(label="What it allows", widget=UnfoldAdminSelectWidget)
    way = forms.ChoiceField(label="Sent by", widget=UnfoldAdminSelectWidget)

    def __init__(self, person: Person, tasks: list[Task], data: Any = None) -> None:
        super().__init__(data, auto_id="ask_%s")
        self.fields["task"].choices = [(str(one), words(one)) for one in tasks]  # type: ignore[attr-defined]
        ways = list(dict.fromkeys(way for one in tasks for way in codes.ways(person, one)))
        self.fields["way"].choices = [(way, way) for way in ways]  # type: ignore[attr-defined]


class RedeemForm(forms.Form):
    """What the person reads out."""

    code = forms.CharField(
        label="The code that they read out",
        max_length=40,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "inputmode": "numeric"}),
    )


def page(request: HttpRequest, admin: ModelAdmin[Any], person: Person) -> HttpResponse:
    """Show somebody to an agent, and do what the agent asks for."""
    tasks = actions.tasks(person)
    shown = {"ask": AskForm(person, tasks), "redeem": RedeemForm()}
    wrong, status = "", 200
    if request.method == "POST":
        try:
            done = _done(request, person, tasks, shown)
        except NotHelped as error:
            wrong, status = str(error), 403
        except TooOften as error:
            wrong, status = str(error), 429
        except codes.NotSent as error:
            wrong = str(error)
        else:
            if done:
                messages.success(request, done)
                return HttpResponseRedirect(request.path)
    awaited = codes.awaited(agent(request), person)
    context = {
        **admin.admin_site.each_context(request),
        "opts": admin.opts,
        "title": str(person),
        "original": person,
        "awaited": awaited,
        "awaited_words": words(awaited) if awaited else "",
        "facts": _facts(admin, person),
        "waiting": [(KINDS[one.factor], one.due) for one in removals.waiting(person)],
        "not_helped": why_not_helped(person),
        "wrong": wrong,
        **shown,
    }
    return TemplateResponse(request, "console/help.html", context, status=status)


def _done(
    request: HttpRequest, person: Person, tasks: list[Task], shown: dict[str, forms.Form]
) -> str:
    """Do what a form asks for; return what the agent is told, or "" where the form is wrong.

    Raises NotHelped, TooOften, NotSent, and PermissionDenied for a form that is none of the page's.
    """
    do = request.POST.get("do", "")
    if set(request.POST) - {"csrfmiddlewaretoken"} != FIELDS.get(do):
        raise PermissionDenied
    if do == "reset":
        actions.send_reset(request, agent(request), person)
        return "The mail to set a new password is on its way."
    by_name = {str(one): one for one in tasks}
    task = by_name.get(request.POST["task"])
    if task is None:
        raise PermissionDenied
    form = AskForm(person, tasks, request.POST) if do == "ask" else RedeemForm(request.POST)
    shown[do] = form
    if not form.is_valid():
        return ""
    if do == "ask":
        codes.ask(request, agent(request), person, task, form.cleaned_data["way"])
        return "The code is on its way. Have it read out to you."
    code = form.cleaned_data["code"]
    if not codes.redeem(
        request, agent(request), person, task, code, lambda: actions.perform(request, person, task)
    ):
        form.add_error("code", "That is not the code for this, or it has ended.")
        return ""
    return f"Done. {words(task)}."


def _facts(admin: Any, person: Person) -> list[tuple[str, str]]:
    """What an agent has to know of somebody."""
    last = f"{person.last_login:%Y-%m-%d %H:%M} UTC" if person.last_login else "never"
    return [
        ("Person", f"{person.name} {person.pk}".strip()),
        ("Addresses", admin.addresses(person)),
        ("Second factors", admin.factors(person)),
        ("Sessions", admin.sessions(person)),
        ("Last sign-in", last),
        ("May sign in", "yes" if person.is_active else "no"),
        ("Attempts to sign in", told_of_attempts(person)),
    ]
