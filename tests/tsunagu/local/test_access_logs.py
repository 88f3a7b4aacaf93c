"""Access logs of REST APIs in CloudWatch Logs."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.tsunagu.local.rest_api import RestApi, RestApiTemplate
from tsunagu.local.embedded_cloud import EmbeddedCloud

FORMAT = json.dumps(
    {
        "id": "$context.requestId",
        "method": "$context.httpMethod",
        "path": "$context.path",
        "resource": "$context.resourcePath",
        "status": "$context.status",
        "length": "$context.responseLength",
        "latency": "$context.responseLatency",
        "error": "$context.error.message",
        "type": "$context.error.responseType",
        "agent": "$context.identity.userAgent",
        "caller": "$context.identity.caller",
        "nothing": "$context.nothing.at.all",
    }
)
MOCK = {
    "Type": "MOCK",
    "RequestTemplates": {"application/json": '{"statusCode": 200}'},
    "IntegrationResponses": [{"StatusCode": "200", "ResponseTemplates": {"application/json": "four"}}],
}


@pytest.fixture
def lines(cloud: EmbeddedCloud) -> Callable[[str], list[dict[str, Any]]]:
    """Return the lines of a log group, the oldest first."""

    def read(group: str) -> list[dict[str, Any]]:
        events = cloud.client("logs").filter_log_events(logGroupName=group)["events"]
        return [json.loads(event["message"]) for event in events]

    return read


def build(*, with_logs: bool = True) -> dict[str, dict[str, Any]]:
    setting = {"DestinationArn": {"Fn::GetAtt": ["Logs", "Arn"]}, "Format": FORMAT}
    api = RestApiTemplate(**({"AccessLogSetting": setting} if with_logs else {}))
    api.add("POST", "/items/{id}", MOCK)
    return {**api.resources(), "Logs": {"Type": "AWS::Logs::LogGroup"}}


def test_each_request_has_a_line_in_the_format_of_the_stage(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], lines: Callable[..., Any]
) -> None:
    ids = deploy(build())
    api = RestApi(cloud=cloud, api_id=ids["Api"])

    answer = api.call("POST", "/items/1", "a secret", User_Agent='probe "1"\n{"forged": 1}'.replace("\n", "\t"))
    api.call("GET", "/nowhere")

    good, bad = lines(ids["Logs"])
    assert int(good.pop("latency")) >= 0
    assert good.pop("id")
    assert good == {
        "method": "POST",
        "path": "/v1/items/1",
        "resource": "/items/{id}",
        "status": "200",
        "length": str(len(answer.body)),
        "error": "-",
        "type": "-",
        "agent": 'probe "1"\t{"forged": 1}',
        "caller": "-",
        "nothing": "-",
    }
    assert (bad["status"], bad["type"]) == ("403", "MISSING_AUTHENTICATION_TOKEN")
    assert bad["error"] == "Missing Authentication Token"


def test_access_log_of_a_stage_follows_its_template(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], lines: Callable[..., Any]
) -> None:
    stack = f"logs-{uuid.uuid4().hex[:8]}"
    ids = deploy(build(), stack=stack)
    api = RestApi(cloud=cloud, api_id=ids["Api"])
    api.call("POST", "/items/1", "x")

    deploy(build(with_logs=False), stack=stack)
    api.call("POST", "/items/1", "x")

    assert len(lines(ids["Logs"])) == 1
