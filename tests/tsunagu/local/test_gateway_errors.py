"""Errors that API Gateway itself answers: validation with its reason, and denials."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.tsunagu.local.rest_api import Answer, RestApi, RestApiTemplate
from tsunagu.local.embedded_cloud import EmbeddedCloud

MODEL = {
    "type": "object",
    "required": ["id", "when"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string", "maxLength": 5, "pattern": "^[a-z]+$"},
        "when": {"$ref": "#/definitions/month"},
        "lines": {"type": "array", "items": {"type": "object", "required": ["sku"]}},
        "count": {"type": "integer", "minimum": 1, "maximum": 9},
        "kind": {"enum": ["a", "b"]},
    },
    "definitions": {"month": {"type": "string"}},
}
PROBLEM = """{"title": $context.error.messageString, "type": "$context.error.responseType",
  "detail": "$context.error.validationErrorString", "instance": "$context.path", "method": "$context.httpMethod",
  "unknown": "$context.nothing"}"""
MOCK = {
    "Type": "MOCK",
    "RequestTemplates": {"application/json": '{"statusCode": 200}'},
    "IntegrationResponses": [{"StatusCode": "200"}],
}
MOCK_OF_ANY_TYPE = MOCK | {"RequestTemplates": dict.fromkeys(("application/json", "text/plain"), '{"statusCode": 200}')}


def build() -> dict[str, dict[str, Any]]:
    """Describe an API with a model, a required header and a method for signed calls."""
    api = RestApiTemplate()
    for response_type in ("DEFAULT_4XX", "BAD_REQUEST_PARAMETERS"):
        api.add_gateway_response(response_type, PROBLEM)
    checked = {"RequestValidatorId": {"Ref": "Validator"}, "RequestModels": {"application/json": {"Ref": "Model"}}}
    required = {"RequestParameters": {"method.request.header.Idempotency-Key": True}}
    api.add("POST", "/checked", MOCK_OF_ANY_TYPE, **checked, **required)
    fallback = {"RequestModels": {"$default": {"Ref": "Model"}}}
    api.add("POST", "/default", MOCK_OF_ANY_TYPE, RequestValidatorId={"Ref": "Validator"}, **fallback)
    api.add("POST", "/unchecked", MOCK, RequestModels={"application/json": {"Ref": "Model"}}, **required)
    api.add("POST", "/signed", MOCK, AuthorizationType="AWS_IAM")
    flags = {"ValidateRequestBody": True, "ValidateRequestParameters": True}
    model = {"RestApiId": {"Ref": "Api"}, "ContentType": "application/json", "Schema": MODEL}
    return {
        **api.resources(),
        "Validator": {"Type": "AWS::ApiGateway::RequestValidator", "Properties": {"RestApiId": {"Ref": "Api"}} | flags},
        "Model": {"Type": "AWS::ApiGateway::Model", "Properties": model},
    }


@pytest.fixture(scope="module")
def api(cloud: EmbeddedCloud, deploy: Callable[..., Any]) -> RestApi:
    return RestApi(cloud=cloud, api_id=deploy(build())["Api"])


@pytest.fixture
def caller(cloud: EmbeddedCloud) -> str:
    name = f"caller-{uuid.uuid4().hex[:8]}"
    cloud.client("iam").create_user(UserName=name)
    return name


def signed(api: RestApi, keys: Credentials) -> Answer:
    request: Any = AWSRequest(
        method="POST", url=api.url("/signed"), data="{}", headers={"Content-Type": "application/json"}
    )
    SigV4Auth(keys, "execute-api", "us-east-1").add_auth(request)
    return api.call("POST", "/signed", "{}", **dict(request.headers))


def test_validator_of_a_template_checks_the_body_and_the_parameters(api: RestApi) -> None:
    good = json.dumps({"id": "a", "when": "now"})

    assert api.call("POST", "/checked", good, Idempotency_Key="k").status == 200
    assert api.call("POST", "/checked", good).status == 400
    assert api.call("POST", "/checked", "{}", Idempotency_Key="k").status == 400
    assert api.call("POST", "/unchecked", "{}").status == 200


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, 'object has missing required properties (["id","when"])'),
        ({"id": 1}, 'instance type (integer) does not match any allowed primitive type (allowed: ["string"])'),
        ({"when": None}, 'instance type (null) does not match any allowed primitive type (allowed: ["string"])'),
        ({"z": 1}, 'object instance has properties which are not allowed by the schema: ["z"]'),
        ({"id": "abcdef"}, 'string "abcdef" is too long (length: 6, maximum allowed: 5)'),
        ({"id": 'x"y'}, 'ECMA 262 regex "^[a-z]+$" does not match input string "x"y"'),
        ({"lines": [{"sku": 1}, {}]}, 'object has missing required properties (["sku"])'),
        ({"count": 0}, "numeric instance is lower than the required minimum (minimum: 1, found: 0)"),
        ({"kind": "c"}, 'instance value ("c") not found in enum (possible values: ["a","b"])'),
    ],
)
def test_refused_body_is_explained_in_the_gateway_response(api: RestApi, body: dict[str, Any], reason: str) -> None:
    full = {"id": "a", "when": "now"} | body if body else body

    problem = api.call("POST", "/checked", json.dumps(full), Idempotency_Key="k").json()

    assert problem["detail"] == f"[{reason}]"
    assert (problem["title"], problem["type"]) == ("Invalid request body", "BAD_REQUEST_BODY")


def test_every_violation_of_a_body_is_named(api: RestApi) -> None:
    problem = api.call("POST", "/checked", '{"id": 1, "count": 10}', Idempotency_Key="k").json()

    assert problem["detail"].count("does not match any allowed primitive type") == 1
    assert "maximum: 9, found: 10" in problem["detail"]
    assert 'missing required properties (["when"])' in problem["detail"]


@pytest.mark.parametrize("body", ["", "{", "[" * 100_000])
def test_body_that_is_not_json_is_refused_by_the_validator(api: RestApi, body: str) -> None:
    problem = api.call("POST", "/checked", body, Idempotency_Key="k").json()

    assert (problem["type"], problem["detail"]) == ("BAD_REQUEST_BODY", "Invalid request body")


def test_body_of_more_than_ten_mebibytes_is_refused(api: RestApi) -> None:
    largest = api.call("POST", "/unchecked", "x" * 10 * 1024 * 1024)
    problem = api.call("POST", "/unchecked", "x" * (10 * 1024 * 1024 + 1))

    assert largest.status == 200
    assert (problem.status, problem.json()["type"]) == (413, "REQUEST_TOO_LARGE")


def test_missing_parameter_is_named(api: RestApi) -> None:
    problem = api.call("POST", "/checked", "{}").json()

    assert problem["detail"] == problem["title"] == "Missing required request parameters: [Idempotency-Key]"


def test_gateway_response_has_the_variables_of_the_request_and_keeps_unknown_ones(api: RestApi) -> None:
    problem = api.call("POST", "/checked", "{}", Idempotency_Key="k").json()

    assert (problem["instance"], problem["method"]) == ("/v1/checked", "POST")
    assert problem["unknown"] == "$context.nothing"


def test_caller_that_no_policy_allows_gets_the_gateway_response(
    cloud: EmbeddedCloud, api: RestApi, caller: str
) -> None:
    key = cloud.client("iam").create_access_key(UserName=caller)["AccessKey"]
    keys = Credentials(key["AccessKeyId"], key["SecretAccessKey"])

    denied = signed(api, keys)
    allow = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": f"arn:aws:execute-api:*:*:{api.api_id}/*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    cloud.client("iam").put_user_policy(UserName=caller, PolicyName="call", PolicyDocument=document)

    assert denied.status == 403
    assert denied.json()["type"] == "ACCESS_DENIED"
    assert "execute-api:Invoke" in denied.json()["title"]
    assert signed(api, keys).status == 200


def test_unsigned_call_gets_the_gateway_response(api: RestApi) -> None:
    answer = api.call("POST", "/signed", "{}")

    assert (answer.status, answer.json()["type"]) == (403, "MISSING_AUTHENTICATION_TOKEN")


def test_body_of_a_content_type_without_a_model_is_not_validated(api: RestApi) -> None:
    text, json_type = "text/plain; charset=utf-8", "Application/JSON;charset=utf-8"

    assert api.call("POST", "/checked", "no JSON", Idempotency_Key="k", Content_Type=text).status == 200
    assert api.call("POST", "/checked", "no JSON", Idempotency_Key="k", Content_Type=json_type).status == 400
    assert api.call("POST", "/default", "no JSON", Content_Type=text).status == 400
