"""Errors of the API as problem documents of RFC 9457. None has a value that the caller sent."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from lambdas.order_api.cursor import InvalidCursorError
from lambdas.order_api.service import NoSuchOrderError
from tsunagu import UnavailableError

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

PROBLEM = "application/problem+json"
RETRY_SECONDS = 2
MOST_FAULTS = 10

_DESCRIPTIONS = {
    400: "The request is malformed; `errors` says what is wrong with which field.",
    403: "The caller did not authenticate, or may not do this.",
    404: "There is no such order.",
    409: "A request with this key is in progress, or the order is in another state. Send it again later.",
    422: "The Idempotency-Key was used for another request.",
    429: "There are too many requests at the moment.",
    500: "The request could not be handled.",
    503: "A part of the service is not available. Send the request again later, with the same key.",
}
_EVERY_ROUTE = (400, 403, 429, 500, 503)
# An HTTP API answers itself before and after the function; nobody can choose the form of these answers.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-troubleshooting-lambda.html
_OF_GATEWAY, _OF_GATEWAY_ALONE = (403, 429, 500, 503), (403, 429)
_GATEWAY_SCHEMA = {"type": "object", "properties": {"message": {"type": "string"}}}
_PROBLEM_CONTENT: dict[str, Any] = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}


class Fault(BaseModel):
    """What is wrong with a field."""

    field: str
    detail: str


class Problem(BaseModel):
    """A problem document of RFC 9457."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[Fault] = []


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the problems of a route for the OpenAPI document, besides those that every route has."""
    problems: dict[int | str, dict[str, Any]] = {
        status: _documented(status) for status in sorted({*_EVERY_ROUTE, *statuses})
    }
    return {**problems, "default": {"description": "Another error.", "content": _PROBLEM_CONTENT}}


def _documented(status: int) -> dict[str, Any]:
    content: dict[str, Any] = {} if status in _OF_GATEWAY_ALONE else {**_PROBLEM_CONTENT}
    if status in _OF_GATEWAY:
        content["application/json"] = {"schema": _GATEWAY_SCHEMA}
    return {"description": _DESCRIPTIONS[status], "content": content}


def add_problems(app: "FastAPI") -> None:
    """Make every error of an application a problem document."""
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(InvalidCursorError, _wrong_cursor)
    app.add_exception_handler(NoSuchOrderError, _no_such_order)
    app.add_exception_handler(UnavailableError, _unavailable)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _failed)


def _malformed(_request: "Request", error: Exception) -> JSONResponse:
    found: Sequence[Any] = error.errors() if isinstance(error, RequestValidationError) else []
    faults = [Fault(field=_field(each), detail=each["msg"]) for each in found[:MOST_FAULTS]]
    return _problem(400, "the request must have the form of the OpenAPI document, got another one", errors=faults)


def _field(fault: Mapping[str, Any]) -> str:
    """Return where a fault is. The name of a field that is not known is the caller's text, and left out."""
    place = [str(part) for part in fault["loc"]]
    return ".".join(place[:-1] if fault["type"] == "extra_forbidden" else place)


def _wrong_cursor(_request: "Request", error: Exception) -> JSONResponse:
    return _problem(400, "the request must have a cursor of this list", errors=[_fault("query.cursor", error)])


def _no_such_order(_request: "Request", error: Exception) -> JSONResponse:
    return _problem(404, str(error))


def _unavailable(_request: "Request", _error: Exception) -> JSONResponse:
    detail = "the table of the orders must answer, got no answer"
    return _problem(503, detail, headers={"retry-after": str(RETRY_SECONDS)})


def _http_error(_request: "Request", error: Exception) -> JSONResponse:
    """Return the problem of an error of the framework: no such path, or another method."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = error.headers if isinstance(error, HTTPException) else None
    detail = "the path and the method must be those of a route, got others" if status in {404, 405} else ""
    return _problem(status, detail or HTTPStatus(status).phrase, headers=headers)


def _failed(_request: "Request", _error: Exception) -> JSONResponse:
    return _problem(500, "the request could not be carried out")


def _fault(field: str, error: Exception) -> Fault:
    return Fault(field=field, detail=str(error))


def _problem(
    status: int, detail: str, *, errors: Sequence[Fault] = (), headers: Mapping[str, str] | None = None
) -> JSONResponse:
    problem = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, errors=[*errors])
    content = problem.model_dump(exclude_defaults=True) | {"type": problem.type}
    return JSONResponse(content, status, headers=dict(headers or {}), media_type=PROBLEM)
