"""Calls of services by API Gateway, and the answers that a client gets for them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam

from tsunagu.cdk.constructs.gateway_problems import ANY_TYPE, PROBLEM_TYPE, title_of

JSON_TYPE = "application/json"

Response = apigateway.IntegrationResponse


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """An integration with a service, and what the client gets for its answers.

    Attributes:
        integration: The integration.
        responses: Its responses.
    """

    integration: apigateway.Integration
    responses: Sequence[Response]

    def method_responses(self) -> list[apigateway.MethodResponse]:
        """Return the responses of the method: a status with its headers, for each response of the integration."""
        return [
            apigateway.MethodResponse(
                status_code=response.status_code,
                response_parameters=dict.fromkeys(response.response_parameters or {}, True),
            )
            for response in self.responses
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """The answers of an API.

    Attributes:
        headers: Headers of each answer, with quoted values.
        retry_after_seconds: When a client should ask again.
    """

    headers: Mapping[str, str]
    retry_after_seconds: int

    def response(self, status: str, template: str | None, *, pattern: str | None = None, **headers: str) -> Response:
        """Return the response to answers that fit a pattern.

        Args:
            status: HTTP status.
            template: Template of the body. None: the body is passed on.
            pattern: Pattern of the status of the service. Default: all answers that fit no other pattern.
            headers: Headers with their sources. An underscore stands for a hyphen.
        """
        named = {name.replace("_", "-"): source for name, source in headers.items()}
        every = {"Cache-Control": "'no-store'", **self.headers, **named}
        return Response(
            status_code=status,
            selection_pattern=pattern,
            response_parameters={f"method.response.header.{name}": source for name, source in every.items()},
            response_templates=None if template is None else {JSON_TYPE: template},
        )

    def accepted(self, template: str, *, pattern: str | None = None) -> Response:
        """Return the response to a request that was accepted. The template sets its location."""
        return self.response("202", template, pattern=pattern, Retry_After=f"'{self.retry_after_seconds}'")

    def problem(self, status: str, detail: str, *, pattern: str | None = None, **headers: str) -> Response:
        """Return a response that is always the same problem document."""
        title = title_of(int(status))
        document = {"type": ANY_TYPE, "title": title, "status": int(status), "detail": detail}
        return self.response(status, json.dumps(document), pattern=pattern, Content_Type=f"'{PROBLEM_TYPE}'", **headers)

    def failures(self) -> list[Response]:
        """Return the responses to whatever no other pattern fits. So no failure is ever a success."""
        retry = {"Retry_After": f"'{self.retry_after_seconds}'"}
        return [
            self.problem("503", "a part of the service is not available", pattern=r"5\d{2}", **retry),
            self.problem("500", "the request was refused by a part of the service"),
        ]


def dynamodb_call(
    action: str, template: str, role: iam.IRole, responses: Sequence[Response], *, types: Sequence[str] = (JSON_TYPE,)
) -> Call:
    """Return a call of DynamoDB; `types` are the content types of the bodies that the template reads."""
    options = apigateway.IntegrationOptions(
        credentials_role=role,
        passthrough_behavior=apigateway.PassthroughBehavior.NEVER,
        request_templates=dict.fromkeys(types, template),
        integration_responses=[*responses],
    )
    integration = apigateway.AwsIntegration(service="dynamodb", action=action, options=options)
    return Call(integration=integration, responses=responses)


def event_call(
    function_arn: str, template: str, role: iam.IRole, responses: Sequence[Response], *, types: Sequence[str]
) -> Call:
    """Return an asynchronous invocation of a function."""
    options = apigateway.IntegrationOptions(
        credentials_role=role,
        passthrough_behavior=apigateway.PassthroughBehavior.NEVER,
        request_parameters={"integration.request.header.X-Amz-Invocation-Type": "'Event'"},
        request_templates=dict.fromkeys(types, template),
        integration_responses=[*responses],
    )
    path = f"2015-03-31/functions/{function_arn}/invocations"
    integration = apigateway.AwsIntegration(service="lambda", path=path, options=options)
    return Call(integration=integration, responses=responses)


def object_call(
    path: str, parameters: Sequence[str], template: str, role: iam.IRole, responses: Sequence[Response]
) -> Call:
    """Return a read of an object of S3.

    Args:
        path: Bucket and key; the names of parameters in braces.
        parameters: Parameters of the path. The template overrides them; until then they name no object.
        template: The template, which makes no body.
        role: Role of the call.
        responses: The responses.
    """
    options = apigateway.IntegrationOptions(
        credentials_role=role,
        passthrough_behavior=apigateway.PassthroughBehavior.NEVER,
        request_parameters={f"integration.request.path.{name}": "'~'" for name in parameters},
        request_templates={JSON_TYPE: template},
        integration_responses=[*responses],
    )
    integration = apigateway.AwsIntegration(service="s3", path=path, integration_http_method="GET", options=options)
    return Call(integration=integration, responses=responses)
