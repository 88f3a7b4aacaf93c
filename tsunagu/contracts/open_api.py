"""OpenAPI 3.1 document of an API that accepts requests: what `RequestGateway` deploys, for its clients."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tsunagu.contracts.json_schema import Schema, json_schema, outermost
from tsunagu.contracts.requests import ATTACHMENT_NAME, PUBLIC_REQUEST_ID_LENGTH, REQUEST_ID, ShownStatus

Access = Literal["iam", "cognito", "lambda", "api_key", "public"]
Document = dict[str, Any]

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
PROBLEM = "application/problem+json"
VERSION = "3.1.0"

_PROBLEMS = {
    "400": "The request is malformed; `errors` says what is wrong with a body or a parameter.",
    "401": "The caller did not authenticate.",
    "403": "The caller did not authenticate, or may not do this; or there is no such path.",
    "404": "There is no such request or result, or it is another caller's.",
    "409": "The request was started or has ended, so it cannot be cancelled.",
    "413": "The body is too large.",
    "415": "The body has a content type that is not accepted.",
    "422": "The Idempotency-Key was used for a request with another body.",
    "429": "There are too many requests at the moment.",
    "500": "The request could not be handled.",
    "503": "A part of the service is not available.",
    "504": "A part of the service did not answer in time.",
}
_ANY_METHOD = ("400", "403", "415", "429", "500", "503", "504")
_RETRYABLE = ("429", "503", "504")

_SECURITY: Mapping[str, Schema] = {
    "iam": {
        "type": "apiKey",
        "name": "Authorization",
        "in": "header",
        "description": "Signature version 4 of AWS, for the service execute-api.",
        "x-amazon-apigateway-authtype": "awsSigv4",
    },
    "cognito": {"type": "http", "scheme": "bearer", "description": "Token of a Cognito user pool."},
    "lambda": {"type": "http", "scheme": "bearer", "description": "Token that the authorizer of the API knows."},
    "api_key": {"type": "apiKey", "name": "X-Api-Key", "in": "header"},
}
_MILLISECONDS = {"type": "integer", "description": "Milliseconds since the epoch.", "minimum": 0}
_PROBLEM_SCHEMA: Schema = {
    "type": "object",
    "description": "A problem document of RFC 9457.",
    "required": ["type", "title", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {"type": "string", "description": "What is wrong with the body or a parameter."},
    },
}
_RETRY_AFTER = {
    "Retry-After": {"description": "Seconds until a client should ask again.", "schema": {"type": "string"}}
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestApi:
    """An API that accepts requests, as its `RequestGatewayProps` describe it.

    Attributes:
        title: Title of the document.
        version: Version of the API.
        name: Scope of the requests, and last part of the path that accepts them.
        request_model: The class that the business function takes, or a JSON Schema of draft 4. Default: any JSON.
        path: Path under which the methods are. Default: the root.
        access: Who may call. Default: IAM.
        idempotency_key_required: Whether a request without `Idempotency-Key` is refused.
        cancellable: Whether `DELETE` cancels a request.
        form_bodies: Whether forms are accepted too.
        query_parameters: Query parameters of `GET` that make up the request. Default: requests are accepted by `POST`.
        has_results: Whether results can be read. Default: they can.
        server_url: Address of the stage. Default: the stage `v1`, relative to the document.
    """

    title: str
    version: str
    name: str
    request_model: type | Mapping[str, Any] | None = None
    path: str = ""
    access: Access = "iam"
    idempotency_key_required: bool = False
    cancellable: bool = False
    form_bodies: bool = False
    query_parameters: Sequence[str] = ()
    has_results: bool = True
    server_url: str = "/v1"

    def document(self) -> Document:
        """Return the OpenAPI document. The same API always has the same document.

        Raises:
            TypeError: `request_model` is a class that no JSON can be read into.
        """
        base = f"/{self.path}" if self.path else ""
        paths = {f"{base}/{self.name}": self._accept(), f"{base}/requests/{{id}}": self._request()}
        if self.has_results:
            paths[f"{base}/requests/{{id}}/result"] = {"get": self._result("Read the result")}
            paths[f"{base}/requests/{{id}}/result/{{name}}"] = {
                "get": self._result("Read an attachment", has_name=True)
            }
        security = _SECURITY.get(self.access)
        return {
            "openapi": VERSION,
            "info": {"title": self.title, "version": self.version},
            "servers": [{"url": self.server_url}],
            "security": [{self.access: []}] if security else [],
            "paths": paths,
            "components": {
                "schemas": self._schemas(),
                **({"securitySchemes": {self.access: dict(security)}} if security else {}),
            },
        }

    def _schemas(self) -> Document:
        model = self._model()
        own = {name: _modern(schema) for name, schema in model.get("definitions", {}).items()}
        request = _modern({name: value for name, value in model.items() if name not in ("$schema", "definitions")})
        return {**own, "Request": request, "Status": self._status(), "Problem": _PROBLEM_SCHEMA}

    def _model(self) -> Schema:
        if self.request_model is None:
            return {}
        return json_schema(self.request_model) if isinstance(self.request_model, type) else dict(self.request_model)

    def _status(self) -> Schema:
        links = {name: {"type": "string", "format": "uri-reference"} for name in ("self", "result", "cancel")}
        return {
            "type": "object",
            "required": ["request_id", "status", "accepted_at", "attempts", "links"],
            "properties": {
                "request_id": self._id_schema(),
                "status": {"type": "string", "enum": [*map(str, ShownStatus)]},
                "accepted_at": _MILLISECONDS,
                "updated_at": _MILLISECONDS,
                "reopened_at": _MILLISECONDS,
                "attempts": {"type": "integer", "minimum": 0, "description": "Attempts that failed or were killed."},
                "progress": {"type": "string"},
                "reason": {"type": "string", "description": "Why it failed, or is tried again."},
                "links": {"type": "object", "required": ["self"], "properties": links},
            },
        }

    def _id_schema(self) -> Schema:
        return {"type": "string", "pattern": f"^{REQUEST_ID.pattern}$"}

    def _accept(self) -> Document:
        key = {
            "name": "Idempotency-Key",
            "in": "header",
            "required": self.idempotency_key_required,
            "description": "The same key with the same body is the same request. Its quoted form is the same key.",
            "schema": {"type": "string", "pattern": self._key_pattern},
        }
        operation: Document = {
            "summary": "Accept a request",
            "operationId": "accept",
            "parameters": [key],
            "responses": {"202": _accepted(), **_problems(*_ANY_METHOD, "413", "422", *self._unauthorized)},
        }
        if self.query_parameters:
            operation["parameters"] += [self._query_parameter(name) for name in self.query_parameters]
            return {"get": operation}
        types = (JSON, FORM) if self.form_bodies else (JSON,)
        body = {JSON: _reference("Request"), FORM: {"type": "object"}}
        operation["requestBody"] = {"required": True, "content": {name: {"schema": body[name]} for name in types}}
        return {"post": operation}

    @property
    def _key_pattern(self) -> str:
        least = PUBLIC_REQUEST_ID_LENGTH if self.access == "public" else 1
        bare = f"[A-Za-z0-9_-]{{{least},128}}"
        return f'^({bare}|"{bare}")$'

    def _query_parameter(self, name: str) -> Document:
        model = outermost(self._model())
        schema = model.get("properties", {}).get(name, {"type": "string"})
        is_required = name in model.get("required", [])
        return {"name": name, "in": "query", "required": is_required, "schema": _modern(schema)}

    def _request(self) -> Document:
        shown = {"description": "What became of the request.", "content": {JSON: {"schema": _reference("Status")}}}
        methods: Document = {
            "get": {
                "summary": "Show a request",
                "operationId": "show",
                "parameters": [self._id_parameter()],
                "responses": {
                    "200": {**shown, "headers": _RETRY_AFTER},
                    **_problems(*_ANY_METHOD, "404", *self._unauthorized),
                },
            }
        }
        if self.cancellable:
            methods["delete"] = {
                "summary": "Cancel a request that was not started",
                "operationId": "cancel",
                "parameters": [self._id_parameter()],
                "responses": {"200": shown, **_problems(*_ANY_METHOD, "404", "409", *self._unauthorized)},
            }
        return methods

    def _result(self, summary: str, *, has_name: bool = False) -> Document:
        name = {
            "name": "name",
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": f"^{ATTACHMENT_NAME.pattern}$"},
        }
        return {
            "summary": summary,
            "operationId": "attachment" if has_name else "result",
            "parameters": [self._id_parameter(), *([name] if has_name else [])],
            "responses": {
                "200": {"description": "What the work made.", "content": {"*/*": {}}},
                **_problems(*_ANY_METHOD, "404", *self._unauthorized),
            },
        }

    def _id_parameter(self) -> Document:
        return {"name": "id", "in": "path", "required": True, "schema": self._id_schema()}

    @property
    def _unauthorized(self) -> tuple[str, ...]:
        return ("401",) if self.access in ("cognito", "lambda") else ()


def _accepted() -> Document:
    location = {"Location": {"description": "Where the request is shown.", "schema": {"type": "string"}}}
    return {
        "description": "The request is accepted, or was accepted before under the same key.",
        "headers": {**location, **_RETRY_AFTER},
        "content": {JSON: {"schema": _reference("Status")}},
    }


def _problems(*statuses: str) -> Document:
    return {status: _problem(status) for status in sorted(statuses)}


def _problem(status: str) -> Document:
    headers = {"headers": _RETRY_AFTER} if status in _RETRYABLE else {}
    return {"description": _PROBLEMS[status], **headers, "content": {PROBLEM: {"schema": _reference("Problem")}}}


def _reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _modern(schema: Any) -> Any:
    """Return a schema of draft 4 as one of the draft 2020-12 that OpenAPI 3.1 has."""
    if isinstance(schema, list):
        return [_modern(each) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    found = dict(_modern_items(schema.items()))
    if isinstance(schema.get("items"), list):
        found["prefixItems"] = found.pop("items")
    return found


def _modern_items(items: Iterable[tuple[str, Any]]) -> Iterable[tuple[str, Any]]:
    for name, value in items:
        if name == "$ref":
            yield name, value.replace("#/definitions/", "#/components/schemas/")
        elif name == "properties":
            yield name, {field: _modern(schema) for field, schema in value.items()}
        elif name in ("enum", "default", "required", "type"):
            yield name, value
        else:
            yield name, _modern(value)
