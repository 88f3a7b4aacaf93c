"""Describes REST APIs for CloudFormation, and calls them."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from tsunagu.local.embedded_cloud import EmbeddedCloud

Resources = dict[str, dict[str, Any]]

STAGE = "v1"
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an API answered, with the names of its headers in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestApi:
    """A deployed API."""

    cloud: EmbeddedCloud
    api_id: str

    def url(self, path: str) -> str:
        return f"{self.cloud.endpoint_url}/_aws/execute-api/{self.api_id}/{STAGE}{path}"

    def call(self, method: str, path: str, body: bytes | str | None = None, **headers: str) -> Answer:
        """Send a request. An underscore in the name of a header stands for a hyphen."""
        data = body.encode() if isinstance(body, str) else body
        named = {"Content-Type": "application/json"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        request = urllib.request.Request(self.url(path), data=data, method=method, headers=named)  # noqa: S310
        try:
            with _direct.open(request, timeout=60) as answer:
                return _answer(answer.status, answer)
        except urllib.error.HTTPError as error:
            return _answer(error.code, error)


def _answer(status: int, answer: Any) -> Answer:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Answer(status=status, headers=headers, body=answer.read())


class RestApiTemplate:
    """Resources of an API, with the logical id `Api` and the stage `v1`."""

    def __init__(self, **stage: Any) -> None:
        self._stage = stage
        self._methods: list[str] = []
        self._responses: list[str] = []
        self._resources: Resources = {"Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "probe"}}}

    def add(self, method: str, path: str, integration: dict[str, Any], **properties: Any) -> None:
        """Add a method with its integration, and the resources of its path."""
        name = f"Method{len(self._methods)}"
        self._methods.append(name)
        defaults = {"AuthorizationType": "NONE", "HttpMethod": method, "Integration": integration}
        place = {"RestApiId": {"Ref": "Api"}, "ResourceId": self._resource(path)}
        self._resources[name] = {"Type": "AWS::ApiGateway::Method", "Properties": defaults | place | properties}

    def add_gateway_response(self, response_type: str, template: str) -> None:
        """Add a gateway response in JSON."""
        name = f"GatewayResponse{len(self._responses)}"
        self._responses.append(name)
        properties = {
            "RestApiId": {"Ref": "Api"},
            "ResponseType": response_type,
            "ResponseTemplates": {"application/json": template},
        }
        self._resources[name] = {"Type": "AWS::ApiGateway::GatewayResponse", "Properties": properties}

    def resources(self) -> Resources:
        """Return the resources for CloudFormation."""
        deployment = {
            "Type": "AWS::ApiGateway::Deployment",
            "DependsOn": [*self._methods, *self._responses],
            "Properties": {"RestApiId": {"Ref": "Api"}},
        }
        stage = {"RestApiId": {"Ref": "Api"}, "DeploymentId": {"Ref": "Deployment"}, "StageName": STAGE} | self._stage
        return {
            **self._resources,
            "Deployment": deployment,
            "Stage": {"Type": "AWS::ApiGateway::Stage", "Properties": stage},
        }

    def _resource(self, path: str) -> dict[str, Any]:
        parent: dict[str, Any] = {"Fn::GetAtt": ["Api", "RootResourceId"]}
        name = "Path"
        for part in path.strip("/").split("/"):
            name += "".join(letter for letter in part.title() if letter.isalnum())
            properties = {"RestApiId": {"Ref": "Api"}, "ParentId": parent, "PathPart": part}
            self._resources.setdefault(name, {"Type": "AWS::ApiGateway::Resource", "Properties": properties})
            parent = {"Ref": name}
        return parent


def responses(*chosen: tuple[str, str | None, str | None], **parameters: str) -> list[dict[str, Any]]:
    """Describe integration responses: status, selection pattern and template of each; headers of the first."""
    found: list[dict[str, Any]] = []
    for status, pattern, template in chosen:
        response: dict[str, Any] = {"StatusCode": status}
        if pattern is not None:
            response["SelectionPattern"] = pattern
        if template is not None:
            response["ResponseTemplates"] = {"application/json": template}
        found.append(response)
    found[0]["ResponseParameters"] = {
        f"method.response.header.{name.replace('_', '-')}": value for name, value in parameters.items()
    }
    return found


def aws_integration(target: Any, answers: list[dict[str, Any]], template: Any, **properties: Any) -> dict[str, Any]:
    """Describe an integration with a service: `target` is, for example, `dynamodb:action/PutItem`."""
    uri = {"Fn::Join": ["", ["arn:aws:apigateway:us-east-1:", target]]}
    described = {
        "Type": "AWS",
        "IntegrationHttpMethod": "POST",
        "Uri": uri,
        "Credentials": {"Fn::GetAtt": ["GatewayRole", "Arn"]},
        "IntegrationResponses": answers,
        "PassthroughBehavior": "NEVER",
    }
    if template is not None:
        described["RequestTemplates"] = {"application/json": template}
    return described | properties


def service_role(service: str, *statements: dict[str, Any]) -> dict[str, Any]:
    """Describe a role that one service may assume, with these statements."""
    trust = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}
    policy = {"PolicyName": "exact", "PolicyDocument": {"Version": "2012-10-17", "Statement": list(statements)}}
    properties = {
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
        "Policies": [policy] if statements else [],
    }
    return {"Type": "AWS::IAM::Role", "Properties": properties}


def allow(action: str | list[str], resource: Any) -> dict[str, Any]:
    """Describe a statement that allows an action on a resource."""
    return {"Effect": "Allow", "Action": action, "Resource": resource}
