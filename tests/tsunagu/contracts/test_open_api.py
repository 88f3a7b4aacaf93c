"""The OpenAPI document: what it says of an API, and that it says what the gateway deploys."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aws_cdk import Stack

from tests.apps import new_app
from tests.tsunagu.cdk.constructs.synthesized import resources
from tsunagu.cdk.constructs.idempotency_table import IdempotencyTable
from tsunagu.cdk.constructs.request_gateway import RequestGateway, RequestGatewayProps
from tsunagu.cdk.constructs.result_bucket import ResultBucket
from tsunagu.contracts.open_api import RequestApi

VERBS = {"get", "post", "delete"}


@dataclass
class Report:
    month: str
    seconds: int = 0
    place: tuple[float, float] | None = None
    parts: "list[Report]" = field(default_factory=list)


def document(**settings: Any) -> dict[str, Any]:
    chosen: dict[str, Any] = {"title": "Reports", "version": "1", "name": "reports"} | settings
    return RequestApi(**chosen).document()


def operations(found: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in found["paths"].items():
        yield from ((verb, path, operation) for verb, operation in methods.items())


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


SETTINGS: list[dict[str, Any]] = [
    {},
    {"request_model": Report, "cancellable": True, "form_bodies": True, "idempotency_key_required": True},
    {"access": "public", "path": "desk/v2"},
    {"access": "api_key", "has_results": False},
    {"access": "cognito"},
    {"access": "lambda"},
    {"request_model": {"type": "array", "items": {"$ref": "#/definitions/x"}, "definitions": {"x": {}}}},
]


@pytest.mark.parametrize("settings", SETTINGS)
def test_a_document_is_json_and_has_what_it_refers_to(settings: dict[str, Any]) -> None:
    found = document(**settings)

    assert found["openapi"] == "3.1.0"
    assert json.loads(json.dumps(found)) == found
    for reference in references(found):
        assert reference.removeprefix("#/components/schemas/") in found["components"]["schemas"]


@pytest.mark.parametrize("settings", SETTINGS)
def test_every_operation_has_its_parameters_and_problem_documents(settings: dict[str, Any]) -> None:
    for verb, path, operation in operations(document(**settings)):
        named = {each["name"] for each in operation["parameters"] if each["in"] == "path"}
        assert named == set(re.findall(r"\{([a-z]+)\}", path))
        assert verb in VERBS
        for status, response in operation["responses"].items():
            expected = "application/problem+json" if int(status) >= 400 else None
            assert expected is None or [*response["content"]] == [expected]


def test_only_a_public_api_has_no_security() -> None:
    assert document(access="public")["security"] == []
    assert document()["components"]["securitySchemes"]["iam"]["x-amazon-apigateway-authtype"] == "awsSigv4"
    assert document(access="api_key")["security"] == [{"api_key": []}]


def test_a_model_is_rendered_for_the_draft_of_open_api() -> None:
    schemas = document(request_model=Report)["components"]["schemas"]

    assert schemas["Request"] == {"$ref": "#/components/schemas/Report"}
    place = schemas["Report"]["properties"]["place"]["anyOf"][0]
    assert place["prefixItems"] == [{"type": "number"}] * 2
    assert "items" not in place


def test_query_parameters_take_the_place_of_a_body() -> None:
    found = document(request_model=Report, query_parameters=["seconds"])
    operation = found["paths"]["/reports"]["get"]

    assert operation["parameters"][1] == {
        "name": "seconds",
        "in": "query",
        "required": False,
        "schema": {"type": "integer"},
    }
    assert "requestBody" not in operation


def test_a_public_key_is_long() -> None:
    def pattern(**settings: Any) -> re.Pattern[str]:
        [key] = document(**settings)["paths"]["/reports"]["post"]["parameters"]
        return re.compile(key["schema"]["pattern"])

    assert pattern().search('"a"')
    assert not pattern(access="public").search("a" * 21)
    assert pattern(access="public").search("a" * 22)
    assert not pattern().search('"a')


@pytest.mark.parametrize(
    "settings",
    [
        {"has_results": True, "cancellable": True},
        {"has_results": False, "cancellable": False},
        {"has_results": True, "cancellable": False, "path": "desk/v2"},
    ],
)
def test_the_document_has_the_methods_that_the_gateway_deploys(settings: dict[str, Any]) -> None:
    stack = Stack(new_app(analytics_reporting=False), "Stack")
    results = ResultBucket(stack, "Results") if settings["has_results"] else None
    chosen = {name: value for name, value in settings.items() if name != "has_results"}
    table = IdempotencyTable(stack, "Table")
    RequestGateway(stack, "Gateway", RequestGatewayProps(name="reports", table=table, results=results, **chosen))

    described = {(verb.upper(), path) for verb, path, _ in operations(document(**settings))}
    assert described == deployed(stack)


def deployed(stack: Stack) -> set[tuple[str, str]]:
    """Verb and path of each method."""
    parts = {name: each["Properties"] for name, each in resources(stack, "AWS::ApiGateway::Resource").items()}

    def path(name: str | None) -> str:
        if name not in parts:
            return ""
        return f"{path(parts[name]['ParentId'].get('Ref'))}/{parts[name]['PathPart']}"

    methods = [each["Properties"] for each in resources(stack, "AWS::ApiGateway::Method").values()]
    return {(each["HttpMethod"], path(each["ResourceId"]["Ref"])) for each in methods}
