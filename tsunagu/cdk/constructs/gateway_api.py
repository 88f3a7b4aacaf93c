"""The REST API of a request gateway, with its stage, its access logs and its gateway responses."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from aws_cdk import RemovalPolicy
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_logs as logs
from constructs import Construct

from tsunagu.cdk.constructs.acknowledgement import acknowledge
from tsunagu.cdk.constructs.checked_construct import CheckedConstruct
from tsunagu.cdk.constructs.gateway_problems import add_gateway_problems
from tsunagu.cdk.constructs.protection import removal_policy

STAGE_NAME = "v1"

# No bodies, no queries and no paths with ids: who called what, and what came of it.
_ACCESS_LOG = {
    "request_id": "$context.requestId",
    "caller": "$context.identity.caller",
    "principal": "$context.authorizer.principalId",
    "api_key_id": "$context.identity.apiKeyId",
    "source_ip": "$context.identity.sourceIp",
    "requested_at": "$context.requestTime",
    "method": "$context.httpMethod",
    "resource": "$context.resourcePath",
    "status": "$context.status",
    "response_bytes": "$context.responseLength",
    "latency_ms": "$context.responseLatency",
    "integration_status": "$context.integration.status",
    "error": "$context.error.responseType",
}


class StageSettings(Protocol):
    """Settings of a REST API and its stage. The settings of a gateway and of a web API have them."""

    @property
    def rate_limit(self) -> int:
        """Requests a second that the API accepts on average."""

    @property
    def burst_limit(self) -> int:
        """Requests that the API accepts at once."""

    @property
    def access_log_retention(self) -> logs.RetentionDays:
        """How long the access logs are kept."""

    @property
    def account_log_role(self) -> bool:
        """Whether the stack gives API Gateway its role for logs."""


class GatewayApi(CheckedConstruct):
    """Make a regional REST API that is throttled, traced and logged, and answers errors with problem documents.

    Args:
        scope: Scope of the construct.
        construct_id: Id of the construct.
        settings: Settings of the stage.
        headers: Headers of each problem document, with quoted values.
        retry_after_seconds: When a client that was throttled should ask again.
        protect: Whether the access logs are kept when the stack is deleted.
        binary_media_types: Content types of bodies that are passed on unchanged. Default: none.
        name: Name of the API, which its metrics have. Default: the id of its construct.
        log_path: Whether access logs have the path of each request, besides the resource. Default: they do not, because
            ids are in it.
        is_closed: Whether the API has no address of its own, but that of a domain. Default: it has one.

    Attributes:
        api: The API, with the stage `v1`.
        access_logs: Log group of its access logs.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        settings: StageSettings,
        *,
        headers: Mapping[str, str],
        retry_after_seconds: int,
        protect: bool,
        binary_media_types: Sequence[str] = (),
        name: str | None = None,
        log_path: bool = False,
        is_closed: bool = False,
    ) -> None:
        super().__init__(scope, construct_id)
        self.access_logs = logs.LogGroup(
            self,
            "AccessLogs",
            retention=settings.access_log_retention,
            removal_policy=removal_policy(protect=protect),
        )
        log = {**_ACCESS_LOG, "path": "$context.path"} if log_path else _ACCESS_LOG
        self.api = self._api(
            settings,
            json.dumps(log),
            binary_media_types=list(binary_media_types) or None,
            rest_api_name=name,
            disable_execute_api_endpoint=is_closed or None,
        )
        add_gateway_problems(
            Construct(self, "Problems"),
            self.api,
            headers=headers,
            retry_after_seconds=retry_after_seconds,
        )
        self._acknowledge(has_log_role=settings.account_log_role)

    def _api(self, settings: StageSettings, access_log: str, **more: Any) -> apigateway.RestApi:
        return apigateway.RestApi(
            self,
            "Api",
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            cloud_watch_role=settings.account_log_role,
            # Other APIs of the account use it too.
            cloud_watch_role_removal_policy=RemovalPolicy.RETAIN if settings.account_log_role else None,
            deploy_options=apigateway.StageOptions(
                stage_name=STAGE_NAME,
                access_log_destination=apigateway.LogGroupLogDestination(self.access_logs),
                access_log_format=apigateway.AccessLogFormat.custom(access_log),
                throttling_rate_limit=settings.rate_limit,
                throttling_burst_limit=settings.burst_limit,
                tracing_enabled=True,
            ),
            **more,
        )

    def _acknowledge(self, *, has_log_role: bool) -> None:
        stage = self.api.deployment_stage
        acknowledge(stage, "AwsSolutions-APIG3", "a firewall costs by the month; who needs one adds it to the stage")
        acknowledge(
            stage, "AwsSolutions-APIG6", "execution logs have headers and bodies; access logs name each request"
        )
        if has_log_role:
            policy = "Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
            reason = "the account has one role for the logs of all APIs, and AWS documents this policy for it"
            acknowledge(self.api.node.find_child("CloudWatchRole"), f"AwsSolutions-IAM4[{policy}]", reason)
