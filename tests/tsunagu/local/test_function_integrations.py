"""Functions behind APIs: time limits, failures without the function's words, and what is in the event."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.tsunagu.local.http_api import HttpApi, http_api
from tests.tsunagu.local.rest_api import Answer, Resources, RestApi, RestApiTemplate
from tsunagu.local.embedded_cloud import EmbeddedCloud

CODE = """
import json, os, time

def handler(event, context):
    case = (event.get("rawPath") or event["path"]).rpartition("/")[2]
    if case == "raise":
        raise ValueError("secret-4711")
    if case == "exit":
        os._exit(1)
    if case == "sleep":
        time.sleep(3)
    if case == "status":
        return {"statusCode": "secret-4711", "body": "x"}
    if case == "body":
        return {"statusCode": 200, "body": {"secret-4711": 1}}
    if case == "text":
        return "just text"
    names = ("cookies", "headers", "rawPath")
    body = json.dumps({name: event.get(name) for name in names})
    return {"statusCode": 200, "body": body, "cookies": ["a=1; Secure", "b=2"]}
"""
TIMEOUT_MS = 1_000


@pytest.fixture(scope="session")
def http(cloud: EmbeddedCloud, deploy: Callable[..., Any], function: Callable[..., Resources]) -> HttpApi:
    resources = http_api(function, CODE, integration={"TimeoutInMillis": TIMEOUT_MS})
    return HttpApi(cloud=cloud, api_id=deploy(resources)["Api"])


@pytest.fixture(scope="session")
def rest(cloud: EmbeddedCloud, deploy: Callable[..., Any], function: Callable[..., Resources]) -> RestApi:
    api = RestApiTemplate()
    arn = {"Fn::GetAtt": ["Function", "Arn"]}
    uri = {"Fn::Join": ["", ["arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/", arn, "/invocations"]]}
    proxy = {"Type": "AWS_PROXY", "IntegrationHttpMethod": "POST", "Uri": uri, "TimeoutInMillis": TIMEOUT_MS}
    api.add("GET", "/{proxy+}", proxy)
    api.add_gateway_response("INTEGRATION_TIMEOUT", '{"own": $context.error.messageString}')
    return RestApi(cloud=cloud, api_id=deploy({**function(CODE), **api.resources()})["Api"])


def told(answer: Answer) -> tuple[int, object]:
    return answer.status, answer.json()


@pytest.mark.parametrize("case", ["raise", "exit", "status", "body"])
def test_failed_function_of_an_http_api_is_an_internal_error(http: HttpApi, case: str) -> None:
    assert told(http.call("GET", f"/{case}")) == (500, {"message": "Internal Server Error"})


@pytest.mark.parametrize("case", ["raise", "exit", "status", "body", "text"])
def test_failed_function_of_a_rest_api_is_a_bad_gateway(rest: RestApi, case: str) -> None:
    assert told(rest.call("GET", f"/{case}")) == (502, {"message": "Internal server error"})


def test_function_of_an_http_api_may_answer_a_body_alone(http: HttpApi) -> None:
    answer = http.call("GET", "/text")

    assert (answer.status, answer.body) == (200, b"just text")


def test_function_that_takes_too_long_is_not_waited_for(http: HttpApi, rest: RestApi) -> None:
    assert told(http.call("GET", "/sleep")) == (503, {"message": "Service Unavailable"})
    assert told(rest.call("GET", "/sleep")) == (504, {"own": "Endpoint request timed out"})


def test_throttled_function_is_an_internal_error(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], function: Callable[..., Resources]
) -> None:
    resources = http_api(function, CODE)
    resources["Function"]["Properties"]["ReservedConcurrentExecutions"] = 0
    api = HttpApi(cloud=cloud, api_id=deploy(resources)["Api"])

    assert told(api.call("GET", "/")) == (500, {"message": "Internal Server Error"})


def test_cookies_of_a_request_are_in_the_field_of_their_own(http: HttpApi) -> None:
    event = http.call("GET", "/echo", Cookie="a=1; b=2").json()

    assert event["cookies"] == ["a=1", "b=2"]
    assert "cookie" not in event["headers"]
    assert http.call("GET", "/echo").json()["cookies"] is None


def test_path_of_a_named_stage_has_its_name(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], function: Callable[..., Resources]
) -> None:
    resources = http_api(function, CODE, stage={"StageName": "v1"})
    api = HttpApi(cloud=cloud, api_id=deploy(resources)["Api"], stage="v1")

    assert json.loads(api.call("GET", "/echo").body)["rawPath"] == "/v1/echo"
