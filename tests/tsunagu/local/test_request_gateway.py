"""The request gateway in the embedded cloud, with IAM enforced: what a client gets, and what DynamoDB has then."""

import json
import re
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Literal

import pytest
from aws_cdk import Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_lambda as lambda_
from aws_cdk.assertions import Template
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.apps import new_app
from tests.tsunagu.local.rest_api import Answer, RestApi
from tsunagu.cdk.constructs.idempotency_table import IdempotencyTable, IdempotencyTableProps
from tsunagu.cdk.constructs.request_gateway import RequestGateway, RequestGatewayProps
from tsunagu.cdk.constructs.result_bucket import ResultBucket, ResultBucketProps
from tsunagu.contracts import requests
from tsunagu.local.embedded_cloud import EmbeddedCloud

PROBLEM = "application/problem+json"
BODY = '{"month": "2026-01", "note": "it\'s \\"a/b\\" \\\\ \\u00e9\\n $context.requestId #set($x = 1)"}'
KEY = "an-idempotency-key-of-32-letters"


@dataclass
class Report:
    month: str
    note: str = ""
    seconds: int = 0
    kind: Literal["sales", "stock"] = "sales"


HANDLER = """
import boto3, json, os
def handler(event, context):
    item = {"id": {"S": event["request_id"]}, "event": {"S": json.dumps(event)}}
    boto3.client("dynamodb").put_item(TableName=os.environ["TABLE"], Item=item)
"""


class Gateways:
    """The deployed gateways, and the callers of them."""

    def __init__(self, cloud: EmbeddedCloud, ids: dict[str, str]) -> None:
        self.cloud = cloud
        self._ids = ids
        self.table = ids["Table"]
        self.bucket = ids["Results"]
        self.dynamodb = cloud.client("dynamodb")

    def api(self, name: str) -> RestApi:
        return RestApi(cloud=self.cloud, api_id=self._ids[name])

    def key_value(self) -> str:
        found = self.cloud.client("apigateway").get_api_key(apiKey=self._ids["Key"], includeValue=True)
        return str(found["value"])

    def role_policy(self, name: str) -> tuple[str, dict[str, Any]]:
        """The role of a gateway, and its policy."""
        [role] = [physical for logical, physical in self._ids.items() if re.fullmatch(f"{name}Role.{{8}}", logical)]
        client = self.cloud.client("iam")
        [policy] = client.list_role_policies(RoleName=role)["PolicyNames"]
        return role, dict(client.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"])

    def put_role_policy(self, role: str, document: dict[str, Any]) -> None:
        client = self.cloud.client("iam")
        [policy] = client.list_role_policies(RoleName=role)["PolicyNames"]
        client.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))

    def log_lines(self, name: str) -> list[str]:
        [group] = [
            physical for logical, physical in self._ids.items() if logical.startswith(f"{name}GatewayAccessLogs")
        ]
        pages = self.cloud.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
        return [event["message"] for page in pages for event in page["events"]]

    def records(self) -> list[dict[str, Any]]:
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=self.table)
        return [item for page in pages for item in page["Items"]]

    def record(self, request_id: str) -> dict[str, Any]:
        [found] = [item for item in self.records() if item.get("request_id") == {"S": request_id}]
        return found

    def set(self, item_id: str, **attributes: dict[str, Any]) -> None:
        self.dynamodb.update_item(
            TableName=self.table,
            Key={"id": {"S": item_id}},
            AttributeUpdates={name: {"Value": value, "Action": "PUT"} for name, value in attributes.items()},
        )


@dataclass(frozen=True)
class Caller:
    """A user of IAM who may call an API."""

    api: RestApi
    credentials: Credentials
    name: str

    def call(self, method: str, path: str, body: str | None = None, **headers: str) -> Answer:
        named = {"Content-Type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}
        request: Any = AWSRequest(method=method, url=self.api.url(path), data=body, headers=named)
        SigV4Auth(self.credentials, "execute-api", "us-east-1").add_auth(request)
        signed = {name.replace("-", "_"): value for name, value in dict(request.headers).items()}
        return self.api.call(method, path, body, **signed)


def build(scope: Stack) -> None:
    table = IdempotencyTable(scope, "Idempotency", IdempotencyTableProps(protect=False))
    results = ResultBucket(scope, "Results", ResultBucketProps(protect=False))
    common: dict[str, Any] = {"table": table, "results": results, "protect": False, "account_log_role": False}
    RequestGateway(
        scope,
        "Signed",
        RequestGatewayProps(name="reports", request_model=Report, cancellable=True, form_bodies=True, **common),
    )
    RequestGateway(
        scope,
        "Public",
        RequestGatewayProps(
            name="hooks", public=True, kept_headers=["X-Hub-Signature-256"], cors_origin="https://a.example", **common
        ),
    )
    plan = apigateway.UsagePlan(scope, "Plan")
    key = apigateway.ApiKey(scope, "Key")
    plan.add_api_key(key)
    RequestGateway(
        scope,
        "Keyed",
        RequestGatewayProps(name="keyed", usage_plan=plan, idempotency_key_required=True, path="desk/v2", **common),
    )
    function = _function(scope, table)
    RequestGateway(
        scope,
        "Event",
        RequestGatewayProps(
            name="events", function=function, request_model=Report, query_parameters=("month", "seconds"), **common
        ),
    )


def _function(scope: Stack, table: IdempotencyTable) -> lambda_.Function:
    function = lambda_.Function(
        scope,
        "Worker",
        code=lambda_.Code.from_inline(HANDLER),
        handler="index.handler",
        runtime=lambda_.Runtime.PYTHON_3_13,
        environment={"TABLE": table.table.table_name},
    )
    table.table.grant_write_data(function)
    return function


@pytest.fixture(scope="module")
def gateways(cloud: EmbeddedCloud, app_context: dict[str, Any]) -> Gateways:
    stack = Stack(new_app(context=app_context, analytics_reporting=False), "Gateways")
    build(stack)
    template = Template.from_stack(stack).to_json()["Resources"]
    return Gateways(cloud, {_name(logical_id, template): physical for logical_id, physical in _deploy(cloud, template)})


def _deploy(cloud: EmbeddedCloud, resources: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Create a stack whose template is too large for the call itself; return logical and physical ids."""
    name, cloudformation = f"gateways-{uuid.uuid4().hex[:8]}", cloud.client("cloudformation")
    cloud.client("s3").create_bucket(Bucket=name)
    cloud.client("s3").put_object(Bucket=name, Key="template", Body=json.dumps({"Resources": resources}).encode())
    url = f"{cloud.endpoint_url}/{name}/template"
    cloudformation.create_stack(StackName=name, TemplateURL=url, Capabilities=["CAPABILITY_IAM"])
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
    for page in pages:
        for resource in page["StackResourceSummaries"]:
            yield resource["LogicalResourceId"], resource["PhysicalResourceId"]


def _name(logical_id: str, resources: dict[str, Any]) -> str:
    """Return the name of a resource in these tests: that of its gateway, or of its kind."""
    kind = resources[logical_id]["Type"]
    if kind == "AWS::ApiGateway::RestApi":
        return logical_id.split("Gateway", maxsplit=1)[0]
    return {"AWS::DynamoDB::Table": "Table", "AWS::S3::Bucket": "Results", "AWS::ApiGateway::ApiKey": "Key"}.get(
        kind, logical_id
    )


@pytest.fixture
def user(gateways: Gateways) -> Callable[[], Caller]:
    """Create a user who may call the API with IAM authorization."""

    def create() -> Caller:
        client, name = gateways.cloud.client("iam"), f"caller-{uuid.uuid4().hex[:8]}"
        client.create_user(UserName=name)
        allow = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        client.put_user_policy(UserName=name, PolicyName="call", PolicyDocument=policy)
        keys = client.create_access_key(UserName=name)["AccessKey"]
        return Caller(gateways.api("Signed"), Credentials(keys["AccessKeyId"], keys["SecretAccessKey"]), name)

    return create


@pytest.fixture
def alice(user: Callable[[], Caller]) -> Caller:
    return user()


def problem(answer: Answer, status: int) -> dict[str, Any]:
    """The problem document of an answer, whose status must be this one."""
    document: dict[str, Any] = answer.json()
    assert (answer.status, document["status"], answer.headers["content-type"]) == (status, status, PROBLEM)
    return document


def test_a_request_is_accepted_with_its_place_and_recorded_as_it_was_sent(gateways: Gateways, alice: Caller) -> None:
    answer = alice.call("POST", "/reports", BODY)
    accepted = answer.json()
    record = gateways.record(accepted["request_id"])
    caller = record["caller"]["S"]

    assert answer.status == 202
    assert answer.headers["location"] == f"/v1/requests/{accepted['request_id']}" == accepted["links"]["self"]
    assert answer.headers["retry-after"] == "2"
    assert accepted["status"] == "ACCEPTED"
    assert record["id"]["S"] == requests.request_item_id("reports", caller, accepted["request_id"])
    assert record["body"]["S"] == BODY
    assert int(record["due"]["N"]) == int(record["accepted"]["N"]) + 120_000
    assert record["open"]["S"] == requests.open_partition("reports", accepted["request_id"][0])
    assert "expiration" not in record


def test_fifty_equal_keys_at_once_are_one_request(gateways: Gateways, alice: Caller) -> None:
    with ThreadPoolExecutor(25) as pool:
        calls = [pool.submit(alice.call, "POST", "/reports", BODY, Idempotency_Key=KEY) for _ in range(50)]
    answers = [call.result() for call in calls]

    assert {answer.status for answer in answers} == {202}
    assert {answer.json()["request_id"] for answer in answers} == {KEY}
    assert gateways.record(KEY)["body"]["S"] == BODY


def test_a_key_is_of_its_caller_and_of_its_body(gateways: Gateways, user: Callable[[], Caller]) -> None:
    alice, bob, key = user(), user(), f"k-{uuid.uuid4().hex}"
    quoted = f'"{key}"'
    first = alice.call("POST", "/reports", BODY, Idempotency_Key=key)
    again = alice.call("POST", "/reports", BODY, Idempotency_Key=quoted)
    of_bob = bob.call("POST", "/reports", '{"month": "2"}', Idempotency_Key=key)
    reused = problem(alice.call("POST", "/reports", '{"month": "2"}', Idempotency_Key=key), 422)

    assert (first.status, again.status, of_bob.status) == (202, 202, 202)
    assert again.json()["request_id"] == first.json()["request_id"] == key
    assert reused["type"].startswith("https://")
    records = [record for record in gateways.records() if record.get("request_id") == {"S": key}]
    assert sorted(record["body"]["S"] for record in records) == sorted([BODY, '{"month": "2"}'])
    problem(bob.call("GET", f"/requests/{uuid.uuid4()}"), 404)


def test_a_request_of_another_caller_is_not_found(user: Callable[[], Caller]) -> None:
    alice, bob = user(), user()
    path = f"/requests/{alice.call('POST', '/reports', BODY).json()['request_id']}"

    assert alice.call("GET", path).json()["status"] == "ACCEPTED"
    for verb in ("GET", "DELETE"):
        assert problem(bob.call(verb, path), 404)["detail"] == "there is no such request"
    assert alice.call("GET", path).json()["status"] == "ACCEPTED"


BAD_BODIES: dict[str, tuple[str | None, dict[str, str], int]] = {
    "none": (None, {}, 400),
    "empty": ("", {}, 400),
    "not JSON": ("{", {}, 400),
    "an array": ("[]", {}, 400),
    "a wrong type": ('{"month": 3}', {}, 400),
    "a missing field": ("{}", {}, 400),
    "a value that is none of the literals": ('{"month": "1", "kind": "x"}', {}, 400),
    "too large": (json.dumps({"month": "1", "note": "x" * 262_145}), {}, 413),
    "larger than an item": (json.dumps({"month": "1", "note": "x" * 500_000}), {}, 413),
    "of another type": ("month=1", {"Content_Type": "text/plain"}, 415),
    "with a malformed key": (BODY, {"Idempotency_Key": "../x"}, 400),
    "with a key that injects": (BODY, {"Idempotency_Key": 'a"}, "x": {"S": "b'}, 400),
    "with a key that is too long": (BODY, {"Idempotency_Key": "a" * 129}, 400),
    "with an empty key": (BODY, {"Idempotency_Key": '""'}, 400),
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_bad_request_is_answered_with_its_problem_and_leaves_no_record(
    gateways: Gateways, alice: Caller, name: str
) -> None:
    body, headers, status = BAD_BODIES[name]
    before = len(gateways.records())

    problem(alice.call("POST", "/reports", body, **headers), status)
    assert len(gateways.records()) == before


def test_a_refused_body_is_told_why(alice: Caller) -> None:
    refused = problem(alice.call("POST", "/reports", '{"seconds": 1}'), 400)

    assert "month" in refused["errors"]


@pytest.mark.parametrize(
    "path",
    ["/requests/nope", "/requests/..", "/requests/%22%7D", "/requests/a%3Ab", "/requests/nope/result"],
)
def test_a_path_that_leads_nowhere_is_a_problem(alice: Caller, path: str) -> None:
    answer = alice.call("GET", path)

    assert answer.status in (403, 404)
    problem(answer, answer.status)


def test_a_form_is_recorded_as_it_was_sent(gateways: Gateways, alice: Caller) -> None:
    form = "month=2026-01&note=%22a%22+b"
    answer = alice.call("POST", "/reports", form, Content_Type="application/x-www-form-urlencoded")
    record = gateways.record(answer.json()["request_id"])

    assert (record["body"]["S"], record["content_type"]["S"]) == (form, "application/x-www-form-urlencoded")


def test_a_request_that_was_not_started_is_cancelled_once(gateways: Gateways, alice: Caller) -> None:
    request_id = alice.call("POST", "/reports", BODY).json()["request_id"]
    answers = [alice.call("DELETE", f"/requests/{request_id}") for _ in range(2)]
    record = gateways.record(request_id)

    assert [(answer.status, answer.json()["status"]) for answer in answers] == [(200, "CANCELLED")] * 2
    assert answers[0].json() == answers[1].json()
    assert (record["status"]["S"], record["lease"]["N"]) == ("COMPLETED", str(10**15))
    assert record["due"]["N"] == record["cancelled"]["N"]


@pytest.mark.parametrize(
    "attributes",
    [
        {"status": {"S": "INPROGRESS"}, "fence": {"N": "1"}, "lease": {"N": str(10**13 - 1)}},
        {"fence": {"N": "1"}},
        {"status": {"S": "COMPLETED"}, "fence": {"N": "1"}},
        {"status": {"S": "DEAD"}, "fence": {"N": "1"}},
    ],
)
def test_a_request_that_was_started_cannot_be_cancelled(
    gateways: Gateways, alice: Caller, attributes: dict[str, Any]
) -> None:
    request_id = alice.call("POST", "/reports", BODY).json()["request_id"]
    gateways.set(gateways.record(request_id)["id"]["S"], **attributes)
    before = gateways.record(request_id)

    problem(alice.call("DELETE", f"/requests/{request_id}"), 409)
    assert gateways.record(request_id) == before


def test_what_became_of_a_request_is_shown(gateways: Gateways, alice: Caller) -> None:
    request_id = alice.call("POST", "/reports", BODY).json()["request_id"]
    item_id, reason = gateways.record(request_id)["id"]["S"], 'a "reason" \\ with \u2028'
    shown = {}
    for status, attributes in {
        "RUNNING": {"status": {"S": "INPROGRESS"}, "fence": {"N": "1"}, "lease": {"N": str(10**13 - 1)}},
        "RETRYING": {"lease": {"N": "5"}, "reason": {"S": reason}, "attempts": {"N": "1"}},
        "FAILED": {"status": {"S": "DEAD"}},
        "SUCCEEDED": {"status": {"S": "COMPLETED"}},
    }.items():
        gateways.set(item_id, **attributes)
        shown[status] = alice.call("GET", f"/requests/{request_id}")

    assert [answer.json()["status"] for answer in shown.values()] == [*shown]
    assert shown["FAILED"].json()["reason"] == reason
    assert "retry-after" in shown["RETRYING"].headers
    assert "retry-after" not in shown["SUCCEEDED"].headers
    assert shown["SUCCEEDED"].json()["links"]["result"] == f"/v1/requests/{request_id}/result"
    again = alice.call("POST", "/reports", BODY, Idempotency_Key=request_id)
    assert (again.status, again.json()["status"]) == (202, "SUCCEEDED")


def test_a_result_is_read_by_its_caller_alone(gateways: Gateways, user: Callable[[], Caller]) -> None:
    alice, bob = user(), user()
    request_id = alice.call("POST", "/reports", BODY).json()["request_id"]
    caller, objects = gateways.record(request_id)["caller"]["S"], gateways.cloud.client("s3")
    for name, content in {"": b"a,b\n1,\xc3\xa9\n", "chart.svg": b"<svg/>"}.items():
        key = requests.result_key("reports", caller, request_id, name)
        objects.put_object(Bucket=gateways.bucket, Key=key, Body=content, ContentType="text/csv")
    path = f"/requests/{request_id}/result"

    found = alice.call("GET", path)
    assert (found.status, found.body) == (200, b"a,b\n1,\xc3\xa9\n")
    assert found.headers["content-type"] == "text/csv"
    assert found.headers["x-content-type-options"] == "nosniff"
    assert found.headers["content-security-policy"] == "sandbox"
    assert alice.call("GET", f"{path}/chart.svg").body == b"<svg/>"
    problem(alice.call("GET", f"{path}/other.svg"), 404)
    problem(bob.call("GET", path), 404)
    problem(bob.call("GET", f"{path}/chart.svg"), 404)


def test_a_call_without_a_signature_is_a_problem(gateways: Gateways) -> None:
    problem(gateways.api("Signed").call("POST", "/reports", BODY), 403)


def test_a_webhook_is_recorded_with_the_headers_that_its_signature_needs(gateways: Gateways) -> None:
    api = gateways.api("Public")
    answer = api.call("POST", "/hooks", BODY, x_hub_signature_256='sha256="x"', X_Other="no")
    record = gateways.record(answer.json()["request_id"])

    assert record["body"]["S"] == BODY
    assert record["headers"] == {"M": {"x-hub-signature-256": {"S": 'sha256="x"'}}}
    assert answer.headers["access-control-allow-origin"] == "https://a.example"
    short = problem(api.call("POST", "/hooks", BODY, Idempotency_Key="short"), 400)
    assert short["detail"].startswith("the Idempotency-Key must be 22 to 128")
    assert api.call("GET", f"/requests/{answer.json()['request_id']}").status == 200
    problem(api.call("DELETE", f"/requests/{answer.json()['request_id']}"), 403)  # this API has no such method


def test_a_webhook_that_is_sent_again_with_another_signature_is_the_same(gateways: Gateways) -> None:
    api, key = gateways.api("Public"), uuid.uuid4().hex
    answers = [api.call("POST", "/hooks", BODY, Idempotency_Key=key, X_Hub_Signature_256=text) for text in ("a", "b")]

    assert [answer.status for answer in answers] == [202, 202]
    assert gateways.record(key)["headers"] == {"M": {"x-hub-signature-256": {"S": "a"}}}


def test_a_page_of_the_origin_may_ask_first(gateways: Gateways) -> None:
    answer = gateways.api("Public").call("OPTIONS", "/hooks", Origin="https://a.example")

    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == "https://a.example"
    assert "Idempotency-Key" in answer.headers["access-control-allow-headers"]


def test_an_api_key_is_a_caller(gateways: Gateways) -> None:
    api, key = gateways.api("Keyed"), gateways.key_value()
    answer = api.call("POST", "/desk/v2/keyed", BODY, X_Api_Key=key, Idempotency_Key="k")

    assert answer.headers["location"] == "/v1/desk/v2/requests/k"
    assert api.call("GET", "/desk/v2/requests/k", X_Api_Key=key).json()["status"] == "ACCEPTED"
    problem(api.call("GET", "/desk/v2/requests/k"), 403)
    missing = problem(api.call("POST", "/desk/v2/keyed", BODY, X_Api_Key=key), 400)
    assert missing["detail"] == "the request must have an Idempotency-Key"


def test_an_event_is_accepted_while_its_function_works(
    gateways: Gateways, user: Callable[[], Caller], eventually: Callable[..., Any]
) -> None:
    caller = replace(user(), api=gateways.api("Event"))
    answer = caller.call("GET", "/events?month=2026-01&seconds=3&other=1")
    request_id = answer.json()["request_id"]
    [item] = eventually(lambda: [each for each in gateways.records() if each["id"]["S"] == request_id])
    event = json.loads(item["event"]["S"])

    assert answer.status == 202
    assert answer.headers["location"] == f"/v1/requests/{request_id}"
    assert json.loads(event["body"]) == {"month": "2026-01", "seconds": 3}
    assert event["tsunagu_request"] == 1
    problem(caller.call("GET", "/events?seconds=3"), 400)
    problem(caller.call("GET", "/events?month=1", Idempotency_Key="a/b"), 400)


def test_access_logs_name_each_request_and_quote_nothing_of_it(gateways: Gateways, alice: Caller) -> None:
    secret = f"secret-{uuid.uuid4().hex}"
    alice.call("POST", "/reports", json.dumps({"month": secret}), Idempotency_Key="logged-request")
    alice.call("GET", f"/requests/{secret}")
    lines = gateways.log_lines("Signed")

    assert any(json.loads(line)["resource"] == "/reports" and json.loads(line)["status"] == "202" for line in lines)
    assert not any(secret in line for line in lines)


PERMISSIONS: dict[str, Callable[[Caller, str], Answer]] = {
    "dynamodb:UpdateItem": lambda caller, _: caller.call("POST", "/reports", BODY),
    "dynamodb:GetItem": lambda caller, path: caller.call("GET", path),
    "s3:GetObject": lambda caller, path: caller.call("GET", f"{path}/result/chart.svg"),
    "s3:ListBucket": lambda caller, path: caller.call("GET", f"{path}/result"),
}


def test_the_role_has_no_other_permissions(gateways: Gateways) -> None:
    _, document = gateways.role_policy("Signed")

    assert {action for entry in document["Statement"] for action in listed(entry)} == PERMISSIONS.keys()


def listed(statement: dict[str, Any]) -> list[str]:
    """The actions of a statement."""
    actions = statement["Action"]
    return [actions] if isinstance(actions, str) else actions


@pytest.mark.parametrize("action", PERMISSIONS)
def test_each_permission_of_the_role_is_needed(gateways: Gateways, alice: Caller, action: str) -> None:
    path = f"/requests/{alice.call('POST', '/reports', BODY).json()['request_id']}"
    call = PERMISSIONS[action]
    assert call(alice, path).status < 500
    role, document = gateways.role_policy("Signed")
    kept = [(entry, [each for each in listed(entry) if each != action]) for entry in document["Statement"]]
    fewer = [entry | {"Action": actions} for entry, actions in kept if actions]

    gateways.put_role_policy(role, document | {"Statement": fewer})
    try:
        problem(call(alice, path), 500)
    finally:
        gateways.put_role_policy(role, document)
