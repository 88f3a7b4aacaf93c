"""The OpenAPI document of the order API, with its problem documents, and who may call it."""

from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from lambdas.order_api.problems import Problem

if TYPE_CHECKING:
    from fastapi import FastAPI

# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-access-control-iam.html
_SECURITY = {
    "type": "apiKey",
    "name": "Authorization",
    "in": "header",
    "description": "Signature version 4 of AWS, for the service execute-api.",
    "x-amazon-apigateway-authtype": "awsSigv4",
}


def document(app: "FastAPI") -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of an application. The same application always has the same document."""
    if app.openapi_schema is None:
        found = get_openapi(title=app.title, version=app.version, routes=app.routes)
        _, problems = models_json_schema([(Problem, "validation")], ref_template="#/components/schemas/{model}")
        schemas = {**found["components"]["schemas"], **problems["$defs"]}
        found["components"] = {"schemas": dict(sorted(schemas.items())), "securitySchemes": {"iam": _SECURITY}}
        found["security"] = [{"iam": []}]
        app.openapi_schema = found
    return app.openapi_schema
