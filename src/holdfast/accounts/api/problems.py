"""What goes wrong is told as RFC 9457 has it: `application/problem+json`."""

from __future__ import annotations

import json
import logging
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Field, NinjaAPI, Schema
from ninja.errors import AuthenticationError, HttpError, ValidationError

from holdfast.accounts.passwords.queue import Overloaded

log = logging.getLogger(__name__)
TITLES = {
    400: "This cannot be understood",
    401: "A key is needed",
    403: "This key may not do that",
    404: "There is no such thing",
    409: "Something is in the way",
    413: "That is too much",
    422: "Something in it is wrong",
    500: "Something broke",
    503: "Too much to do at the moment",
}


class Problem(Exception):
    """Ends a request with this status and detail."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


class ProblemOut(Schema):
    """What went wrong; `errors` tells of each field where several may be wrong."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[dict[str, str]] = Field(default_factory=list)


def answered(status: int, detail: str, errors: list[dict[str, str]] | None = None) -> HttpResponse:
    """Return a problem as an answer."""
    body = {"type": "about:blank", "title": TITLES.get(status, "It did not work"), "status": status}
    text = json.dumps({**body, "detail": detail, "errors": errors or []})
    response = HttpResponse(text, content_type="application/problem+json", status=status)
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def tell(api: NinjaAPI) -> None:
    """Have every error of the API told so."""

    @api.exception_handler(Problem)
    def _problem(request: HttpRequest, error: Problem) -> HttpResponse:
        return answered(error.status, error.detail)

    @api.exception_handler(AuthenticationError)
    def _nobody(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
        return answered(401, "Send Authorization: Bearer and a key that is known and not expired.")

    @api.exception_handler(HttpError)
    def _http(request: HttpRequest, error: HttpError) -> HttpResponse:
        return answered(error.status_code, str(error))

    @api.exception_handler(Overloaded)
    def _busy(request: HttpRequest, error: Overloaded) -> HttpResponse:
        return answered(503, "Too many passwords wait to be hashed: try again in a while.")

    @api.exception_handler(Exception)
    def _defect(request: HttpRequest, error: Exception) -> HttpResponse:
        log.error("an operation failed", exc_info=error)
        return answered(500, "It was not you. Please try again in a while.")

    @api.exception_handler(ValidationError)
    def _wrong(request: HttpRequest, error: ValidationError) -> HttpResponse:
        errors = [_field(one) for one in error.errors[:50]]
        return answered(422, "See what is said of each field.", errors)


def _field(error: dict[str, Any]) -> dict[str, str]:
    """What is wrong with one field; what was sent is not repeated."""
    return {"field": ".".join(str(part) for part in error["loc"]), "what": str(error["msg"])}
