"""Connections in the console: identity providers are set up, asked whether they answer, removed."""

from __future__ import annotations

import re
from typing import Any

from allauth.socialaccount.models import SocialAccount
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.widgets import (
    UnfoldAdminPasswordWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from holdfast.accounts.connections import fetching, metadata, openid
from holdfast.accounts.connections.identity import Refused, domain_of
from holdfast.accounts.connections.models import ISSUERS, Connection, Kind
from holdfast.accounts.connections.provider import back, ours
from holdfast.accounts.console.pages import Page
from holdfast.accounts.console.site import site
from holdfast.accounts.trail import events

MOST_DOMAINS = 50
LONGEST_SECRET = 4096
LONGEST_XML = 60_000
ONE_OF_EACH = frozenset((Kind.GOOGLE, Kind.APPLE))
NEEDS_SECRET = frozenset((Kind.GOOGLE, Kind.GITHUB, Kind.APPLE))
FIXED = ("slug", "kind", "issuer")
"""Identities are kept under these: another provider is another connection."""
PEM = UnfoldAdminTextareaWidget(attrs={"rows": 6, "autocomplete": "off", "spellcheck": "false"})


class ConnectionForm(forms.ModelForm):  # type: ignore[type-arg]
    """Everything that a provider of some kind is set up by."""

    domains = forms.CharField(
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="Whose addresses this provider gives out, with commas between: example.com",
    )
    new_secret = forms.CharField(
        label="Client secret",
        required=False,
        strip=True,
        max_length=LONGEST_SECRET,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "off"}),
        help_text="Never shown again. Left empty, the one that is kept stays.",
    )
    private_key = forms.CharField(
        label="Apple's private key",
        required=False,
        max_length=LONGEST_SECRET,
        widget=PEM,
        help_text="The whole .p8 file. Never shown again.",
    )
    metadata = forms.CharField(
        label="Metadata of the SAML provider",
        required=False,
        max_length=LONGEST_XML,
        widget=PEM,
        help_text="Paste the XML, or fill in issuer, address to sign in at and certificates.",
    )

    class Meta:
        model = Connection
        fields = (
            *("name", "slug", "kind", "enabled", "issuer", "client_id", "team_id", "key_id"),
            *("sso_url", "certificates", "trusts_addresses", "only"),
        )
        widgets = {"certificates": PEM}  # noqa: RUF012 - as Django has it
        labels = {  # noqa: RUF012
            "sso_url": "Address to sign in at",
            "trusts_addresses": "Its addresses are trusted",
            "only": "No other way in",
        }
        help_texts = {  # noqa: RUF012
            "slug": "Its part of the callback address that the provider is told, "
            "/sign-in/with/SLUG/back/; it stays as it is.",
            "issuer": "OpenID: the issuer, to the letter. SAML: the entity id. GitHub: only for "
            "a server of your own. Google and Apple: leave it empty.",
            "sso_url": "SAML alone: where people are led to sign in.",
            "certificates": "SAML alone: what it signs with, in PEM; two while it changes.",
            "team_id": "Apple alone.",
            "key_id": "Apple alone.",
            "trusts_addresses": "Whoever has an account here with an address of these domains is "
            "signed in to it. Off, they connect it themselves.",
            "only": "People of these domains sign in by this connection alone; people with a role "
            "in the console are exempt.",
        }

    def __init__(self, *args: Any, **given: Any) -> None:
        super().__init__(*args, **given)
        self.found: metadata.Provider | None = None
        if self.instance.pk is not None:
            self.initial["domains"] = ", ".join(self.instance.domains)

    @property
    def kind(self) -> str:
        return str(self.cleaned_data.get("kind") or self.instance.kind)

    def clean_slug(self) -> str:
        slug = str(self.cleaned_data["slug"])
        if re.fullmatch(r"[a-z0-9][a-z0-9-]*", slug) is None:
            raise ValidationError("Write small letters, digits and dashes.")
        return slug

    def clean_domains(self) -> list[str]:
        typed = [one.strip() for one in self.cleaned_data["domains"].split(",") if one.strip()]
        folded = [domain_of(f"x@{one.lstrip('@')}") for one in typed]
        if not all(folded) or len(folded) > MOST_DOMAINS:
            raise ValidationError(f"Write at most {MOST_DOMAINS} domains: example.com, example.org")
        return sorted(set(folded))

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        kind = self.kind
        if self.errors or not kind:
            return cleaned
        if kind == Kind.SAML:
            self._clean_saml(cleaned)
        else:
            self._clean_oauth(cleaned, kind)
        self._clean_domains(cleaned, kind)
        return cleaned

    def _clean_domains(self, cleaned: dict[str, Any], kind: str) -> None:
        domains = cleaned.get("domains")
        if cleaned.get("only") and not domains:
            self.add_error("domains", "Say whose sign-in is by this connection alone.")
        if cleaned.get("only") and not cleaned.get("trusts_addresses"):
            self.add_error("trusts_addresses", "Who has no other way in has to get in by this one.")
        named = kind in (Kind.SAML, Kind.OPENID)
        if cleaned.get("trusts_addresses") and named and not domains:
            self.add_error("domains", "Say whose addresses it gives out: no others count.")

    def _clean_saml(self, cleaned: dict[str, Any]) -> None:
        try:
            if cleaned.get("metadata"):
                self.found = metadata.read(cleaned["metadata"])
            else:
                texts = metadata.split(cleaned.get("certificates") or "")
                issuer = cleaned.get("issuer") or self.instance.issuer
                place = metadata.sso(cleaned.get("sso_url") or "")
                self.found = metadata.Provider(issuer, place, metadata.certificates(texts))
        except metadata.BadMetadata as error:
            raise ValidationError(f"SAML: {error}.") from None
        if not self.found.entity_id:
            self.add_error(None, "SAML: say the entity id of the provider as its issuer.")
        if self.instance.pk is not None and self.found.entity_id != self.instance.issuer:
            self.add_error(None, "Another provider is another connection: this is not its issuer.")

    def _clean_oauth(self, cleaned: dict[str, Any], kind: str) -> None:
        if not cleaned.get("client_id"):
            self.add_error("client_id", "The provider gives you one when you register there.")
        if self.instance.pk is None:
            self._clean_issuer(cleaned, kind)
            if kind in ONE_OF_EACH and Connection.objects.filter(kind=kind).exists():
                self.add_error(None, "There is a connection of that kind: change it.")
        if kind == Kind.APPLE:
            self._clean_apple(cleaned)
        given = cleaned.get("new_secret") or cleaned.get("private_key") or self.instance.secret
        if kind in NEEDS_SECRET and not given:
            field = "private_key" if kind == Kind.APPLE else "new_secret"
            self.add_error(field, "This provider asks for one.")

    def _clean_issuer(self, cleaned: dict[str, Any], kind: str) -> None:
        issuer = cleaned.get("issuer") or ISSUERS.get(Kind(kind), "")
        if kind in ONE_OF_EACH:
            issuer = ISSUERS[Kind(kind)]
        if kind == Kind.GITHUB:
            issuer = issuer.rstrip("/")
        if not fetching.is_safe(issuer) or "?" in issuer:
            self.add_error("issuer", "Write its address: https://, a name, perhaps a path.")
        cleaned["issuer"] = issuer

    def _clean_apple(self, cleaned: dict[str, Any]) -> None:
        for field in ("team_id", "key_id"):
            if re.fullmatch(r"[A-Z0-9]{10}", cleaned.get(field) or "") is None:
                self.add_error(field, "Ten letters and digits.")
        text = cleaned.get("private_key")
        try:
            key = load_pem_private_key(text.encode(), None) if text else None
        except (ValueError, TypeError):
            key = text
        if text and not isinstance(key, ec.EllipticCurvePrivateKey):
            self.add_error("private_key", "This is no key of Apple's: paste the whole .p8 file.")

    def save(self, commit: bool = True) -> Any:
        made = super().save(commit=False)
        made.domains = self.cleaned_data["domains"]
        if self.found is not None:
            made.issuer, made.sso_url = self.found.entity_id, self.found.sso_url
            made.certificates = self.found.certificates
        secret = self.cleaned_data.get("private_key" if made.kind == Kind.APPLE else "new_secret")
        if secret and made.kind != Kind.SAML:
            made.keep_secret(secret)
        return made


@admin.register(Connection, site=site)
class Connections(Page):
    """Identity providers that people sign in with."""

    noun = "connection"
    changes = ("add", "change", "delete")
    form = ConnectionForm
    list_display = ("name", "kind", "enabled", "shown_domains", "trusts_addresses", "only")
    sortable_by = ("name",)
    ordering = ("name",)
    actions = ("ask",)

    @admin.display(description="domains")
    def shown_domains(self, connection: Connection) -> str:
        return ", ".join(connection.domains) or "–"

    @admin.display(description="callback address")
    def callback(self, connection: Connection) -> str:
        return back(connection)

    @admin.display(description="our entity id and metadata (SAML)")
    def entity(self, connection: Connection) -> str:
        return ours(connection).entity_id if connection.kind == Kind.SAML else "–"

    @admin.display(description="secret")
    def has_secret(self, connection: Connection) -> str:
        return "kept" if connection.secret else "none"

    @admin.display(description="people who use it")
    def used(self, connection: Connection) -> str:
        return str(SocialAccount.objects.filter(provider=connection.slug).count())

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        about = ("name", "kind", "slug", "enabled", "domains", "trusts_addresses", "only")
        oauth = ("client_id", "new_secret", "team_id", "key_id", "private_key")
        saml = ("metadata", "sso_url", "certificates")
        if obj is None:
            return (*about, "issuer", *oauth, *saml)
        shown = ("callback", "entity", "has_secret", "used")
        if not self.has_change_permission(request, obj):
            hidden = ("domains", "new_secret", "private_key", "metadata")
            kept = [one for one in (*about, "issuer", *oauth, *saml) if one not in hidden]
            return (*kept, "shown_domains", *shown)
        if obj.kind == Kind.SAML:
            return (*about, "issuer", *saml, *shown)
        apple = ("client_id", "team_id", "key_id", "private_key")
        rest: tuple[str, ...] = apple if obj.kind == Kind.APPLE else ("client_id", "new_secret")
        return (*about, "issuer", *rest, *shown)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        if obj is None:
            return ()
        return (*FIXED, "shown_domains", "callback", "entity", "has_secret", "used")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:  # what was left of another one of that name is nobody's here
            SocialAccount.objects.filter(provider=obj.slug).delete()
        obj.save()

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        details = {"kind": obj.kind}
        events.note("connection.added", request, on=self.recorded_as(obj), details=details)

    def recorded_as(self, obj: Any) -> str:
        return f"connection:{obj.slug}"

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Remove it with the identities that were linked by it."""
        with transaction.atomic():
            SocialAccount.objects.filter(provider=obj.slug).delete()
            super().delete_model(request, obj)

    @admin.action(description="Ask whether they answer", permissions=["administering"])
    def ask(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for connection in queryset:
            try:
                messages.success(request, f"{connection.name}: {_state(connection)}")
            except Refused as error:
                messages.error(request, f"{connection.name}: {error}.")


def _state(connection: Connection) -> str:
    """Return what a provider says of itself. Raises Refused."""
    if connection.kind == Kind.SAML:
        return f"its certificates end on {metadata.ends(connection.certificates):%Y-%m-%d}."
    if connection.kind == Kind.GITHUB:
        return "GitHub says nothing of itself; sign in with it to see."
    place = openid.described(connection)
    return f"it answers, and people sign in at {place.authorize}"
