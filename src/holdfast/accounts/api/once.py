"""A write that is sent twice happens once: `Idempotency-Key` names it.

The write and its answer are one transaction, so of two at the same time one waits and gets the
other's answer. What failed is not kept: it may be sent again.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils import timezone

from holdfast.accounts.api.keys import key_of
from holdfast.accounts.api.models import Answer
from holdfast.accounts.api.problems import Problem

HEADER = "Idempotency-Key"
KEPT_FOR = timedelta(days=1)
_NAME = re.compile(r"[\x21-\x7e]{1,100}")

Operation = Callable[..., tuple[int, Any]]


def once(operation: Operation) -> Operation:
    """Have an operation that returns status and plain data happen once for each name."""

    @functools.wraps(operation)
    def named(request: HttpRequest, *arguments: Any, **given: Any) -> tuple[int, Any]:
        name = _name(request)
        if name is None:
            with transaction.atomic():
                return operation(request, *arguments, **given)
        asked = _digest(request)
        try:
            with transaction.atomic():
                answer = Answer.objects.create(key=key_of(request), name=name, request=asked)
                status, body = operation(request, *arguments, **given)
                answer.status, answer.body = status, _plain(body)
                answer.save()
                return status, body
        except IntegrityError:
            given_before = Answer.objects.filter(key=key_of(request), name=name).first()
            if given_before is None:
                raise
        return _before(given_before, asked)

    return _as(operation, named)


def repeatable(operation: Operation) -> Operation:
    """Have an operation that may be repeated, and takes long, answer once for each name.

    It is no transaction, so that nobody waits for it; its answer is kept when it has ended.
    """

    @functools.wraps(operation)
    def named(request: HttpRequest, *arguments: Any, **given: Any) -> tuple[int, Any]:
        name = _name(request)
        if name is None:
            return operation(request, *arguments, **given)
        asked, of = _digest(request), {"key": key_of(request), "name": name}
        given_before = Answer.objects.filter(**of).first()
        if given_before is None:
            status, body = operation(request, *arguments, **given)
            told = {"request": asked, "status": status, "body": _plain(body)}
            given_before, _ = Answer.objects.get_or_create(**of, defaults=told)
        return _before(given_before, asked)

    return _as(operation, named)


def _as(operation: Operation, named: Operation) -> Operation:
    # what ninja reads of an operation, with names that stand in its own module
    named.__signature__ = inspect.signature(operation, eval_str=True)  # type: ignore[attr-defined]
    return named


def _name(request: HttpRequest) -> str | None:
    name = request.headers.get(HEADER)
    if name is not None and _NAME.fullmatch(name) is None:
        raise Problem(400, f"{HEADER}: 1 to 100 printable ASCII characters without spaces.")
    return name


def _plain(body: Any) -> Any:
    return json.loads(json.dumps(body, cls=DjangoJSONEncoder))


def _before(answer: Answer, asked: str) -> tuple[int, Any]:
    if answer.request != asked:
        raise Problem(422, f"{HEADER}: it has named another request: choose another name.")
    return answer.status, answer.body


def _digest(request: HttpRequest) -> str:
    asked = hashlib.sha256()
    for part in (request.method or "", request.get_full_path()):
        asked.update(part.encode() + b"\n")
    asked.update(request.body)
    return asked.hexdigest()


def forget_old() -> None:
    """Remove answers that nobody will ask for again."""
    Answer.objects.filter(created__lt=timezone.now() - KEPT_FOR).delete()
