"""The whole API, with its description at /api/docs."""

from __future__ import annotations

from typing import Any

from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema

from holdfast.accounts.api import applications, key_routes, people, problems, trail, webhooks


class Api(NinjaAPI):
    """Describes errors as what they are: `application/problem+json`."""

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        described = super().get_openapi_schema(**options)
        for operations in described["paths"].values():
            for operation in operations.values():
                for status, response in operation["responses"].items():
                    content = response.get("content", {})
                    if int(status) >= 400 and "application/json" in content:
                        content["application/problem+json"] = content.pop("application/json")
        return described


api = Api(
    title="Holdfast accounts",
    version="1",
    description="People, their sessions, applications, groups, the trail and keys. A write may "
    "carry an Idempotency-Key, unless it shows a secret; errors are application/problem+json.",
    docs_url="/docs",
    openapi_url="/openapi.json",
    urls_namespace="api",
)
problems.tell(api)
api.add_router("/v1/people", people.router)
api.add_router("/v1/people", applications.of_people)
api.add_router("/v1/applications", applications.router)
api.add_router("/v1/groups", applications.of_groups)
api.add_router("/v1/trail", trail.router)
api.add_router("/v1/keys", key_routes.router)
api.add_router("/v1/webhooks", webhooks.router)
