"""Describes HTTP APIs for CloudFormation, and calls them."""

import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.tsunagu.local.rest_api import Answer, Resources
from tsunagu.local.embedded_cloud import EmbeddedCloud

_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpApi:
    """A deployed API."""

    cloud: EmbeddedCloud
    api_id: str
    stage: str = "$default"

    def call(self, method: str, path: str, body: str | None = None, **headers: str) -> Answer:
        """Send a request. An underscore in the name of a header stands for a hyphen."""
        url = f"{self.cloud.endpoint_url}/_aws/execute-api/{self.api_id}/{self.stage}{path}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        data = None if body is None else body.encode()
        request = urllib.request.Request(url, data=data, method=method, headers=named)  # noqa: S310
        try:
            with _direct.open(request, timeout=60) as answer:
                return _answer(answer.status, answer)
        except urllib.error.HTTPError as error:
            return _answer(error.code, error)


def _answer(status: int, answer: Any) -> Answer:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Answer(status=status, headers=headers, body=answer.read())


def http_api(
    function: Callable[..., Resources],
    code: str,
    *,
    stage: dict[str, Any] | None = None,
    integration: dict[str, Any] | None = None,
    **api: Any,
) -> Resources:
    """Return the resources of a function behind an HTTP API with the route `$default`."""
    properties = {"Name": "probe", "ProtocolType": "HTTP"} | api
    target = {"Fn::Join": ["/", ["integrations", {"Ref": "Integration"}]]}
    described = {
        "ApiId": {"Ref": "Api"},
        "IntegrationType": "AWS_PROXY",
        "IntegrationUri": {"Fn::GetAtt": ["Function", "Arn"]},
        "PayloadFormatVersion": "2.0",
    }
    named = {"ApiId": {"Ref": "Api"}, "StageName": "$default", "AutoDeploy": True}
    route = {"ApiId": {"Ref": "Api"}, "RouteKey": "$default", "Target": target}
    return {
        **function(code),
        "Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": properties},
        "Integration": {"Type": "AWS::ApiGatewayV2::Integration", "Properties": described | (integration or {})},
        "Route": {"Type": "AWS::ApiGatewayV2::Route", "Properties": route},
        "Stage": {"Type": "AWS::ApiGatewayV2::Stage", "Properties": named | (stage or {})},
    }
