"""Keys: none is ever made that may do more than the one that made it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.http import HttpRequest
from ninja import Router

from holdfast.accounts.api import keys
from holdfast.accounts.api.keys import Scope, key_of
from holdfast.accounts.api.models import ApiKey
from holdfast.accounts.api.once import once
from holdfast.accounts.api.people import PROBLEMS, noted
from holdfast.accounts.api.problems import Problem
from holdfast.accounts.api.shapes import KeysOut, MadeKey, NewKey

router = Router(tags=["keys"])
MOST_KEYS = 1000


def _plain(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.pk,
        "name": key.name,
        "scopes": key.scopes,
        "created": key.created,
        "expires": key.expires,
        "used": key.used,
    }


@router.get("", response={200: KeysOut, **PROBLEMS}, auth=Scope("keys:write"))
def all_keys(request: HttpRequest) -> Any:
    """See which keys there are, and when each was last used."""
    return 200, {"keys": [_plain(key) for key in ApiKey.objects.order_by("pk")[:MOST_KEYS]]}


@router.post("", response={201: MadeKey, **PROBLEMS}, auth=Scope("keys:write"))
def make_key(request: HttpRequest, new: NewKey) -> Any:
    """Make a key that may do at most what this one may; it is shown once, so never twice."""
    beyond = sorted(set(new.scopes) - set(key_of(request).scopes))
    if beyond:
        raise Problem(403, "The key that asks has not all of these scopes itself.")
    try:
        with transaction.atomic():
            key, text = keys.make(new.name, new.scopes, _until(new.expires, key_of(request)))
            noted(request, "key.made", f"key:{key.name}", scopes=", ".join(key.scopes))
    except IntegrityError:
        raise Problem(409, "A key has this name already.") from None
    return 201, {**_plain(key), "key": text}


def _until(wanted: datetime | None, asking: ApiKey) -> datetime | None:
    """A key that ends makes none that lasts longer."""
    if asking.expires is None or wanted is None:
        return asking.expires or wanted
    return min(wanted, asking.expires)


@router.delete("/{key_id}", response={204: None, **PROBLEMS}, auth=Scope("keys:write"))
@once
def remove_key(request: HttpRequest, key_id: int) -> Any:
    """Remove a key that may do no more than this one; it lets nobody in from now on."""
    key = ApiKey.objects.filter(pk=min(abs(key_id), 2**62)).first() if key_id > 0 else None
    if key is None:
        raise Problem(404, "There is no such key.")
    if set(key.scopes) - set(key_of(request).scopes):
        raise Problem(403, "That key may do more than this one.")
    key.delete()
    noted(request, "key.removed", f"key:{key.name}")
    return 204, None
