"""The trail, for programs that watch it or keep its checkpoints elsewhere."""

from __future__ import annotations

import json
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema

from holdfast.accounts.api.keys import Scope
from holdfast.accounts.api.people import PROBLEMS
from holdfast.accounts.api.problems import Problem
from holdfast.accounts.api.shapes import CheckpointOut, EntriesOut
from holdfast.accounts.trail import proving, store
from holdfast.accounts.trail.models import TrailEntry

router = Router(tags=["trail"])
MOST = 1000
LARGEST_NUMBER = 2**62


class Asked(Schema):
    after: int = Field(-1, ge=-1, le=LARGEST_NUMBER)
    limit: int = Field(100, ge=1, le=MOST)
    what: str = ""
    who: str = ""


@router.get("", response={200: EntriesOut, **PROBLEMS}, auth=Scope("trail:read"))
def entries(request: HttpRequest, asked: Annotated[Asked, Query()]) -> Any:
    """Read entries in order, after a number; `what` and `who` narrow them."""
    kept = TrailEntry.objects.filter(number__gt=asked.after).order_by("number")
    if asked.what:
        kept = kept.filter(what=asked.what[:200].replace("\0", ""))
    if asked.who:
        kept = kept.filter(who=asked.who[:200].replace("\0", ""))
    read = kept.values_list("number", "data")[: asked.limit]
    return 200, {"entries": [{"number": number, **json.loads(data)} for number, data in read]}


@router.get("/checkpoint", response={200: CheckpointOut, **PROBLEMS}, auth=Scope("trail:read"))
def checkpoint(request: HttpRequest) -> Any:
    """Read the newest checkpoint, signed, and the key that it is signed with."""
    return 200, {"checkpoint": store.newest(), "key": str(store.signer().verifier)}


@router.get("/{number}/proof", response={200: dict[str, Any], **PROBLEMS}, auth=Scope("trail:read"))
def prove(request: HttpRequest, number: int) -> Any:
    """Read the proof that an entry is in the trail; `holdfast trail verify --proof` checks it."""
    text = proving.prove(number) if abs(number) < LARGEST_NUMBER else None
    if text is None:
        raise Problem(404, "There is no such entry.")
    return 200, json.loads(text)
