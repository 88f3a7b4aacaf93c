"""The REST API of a request gateway, with its stage, its access logs and its gateway responses."""

import json
from typing import TYPE_CHECKING

from aws_cdk import RemovalPolicy
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_logs as logs
from constructs import Construct

from tsunagu.cdk.constructs.acknowledgement import acknowledge
from tsunagu.cdk.constructs.gateway_problems import add_gateway_problems
from tsunagu.cdk.constructs.protection import removal_policy

if TYPE_CHECKING:
    from tsunagu.cdk.constructs.gateway_calls import Answers
    from tsunagu.cdk.constructs.request_gateway_settings import RequestGatewaySettings

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


class GatewayApi(Construct):
    """Make a regional REST API that is throttled, traced and logged, and answers errors with problem documents.

    Attributes:
        api: The API, with the stage `v1`.
        access_logs: Log group of its access logs.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        settings: "RequestGatewaySettings",
        *,
        answers: "Answers",
        protect: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        self.access_logs = logs.LogGroup(
            self,
            "AccessLogs",
            retention=settings.access_log_retention,
            removal_policy=removal_policy(protect=protect),
        )
        self.api = self._api(settings)
        add_gateway_problems(
            Construct(self, "Problems"),
            self.api,
            headers=answers.headers,
            retry_after_seconds=answers.retry_after_seconds,
        )
        self._acknowledge(has_log_role=settings.account_log_role)

    def _api(self, settings: "RequestGatewaySettings") -> apigateway.RestApi:
        return apigateway.RestApi(
            self,
            "Api",
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            binary_media_types=list(settings.binary_media_types) or None,
            cloud_watch_role=settings.account_log_role,
            # Other APIs of the account use it too.
            cloud_watch_role_removal_policy=RemovalPolicy.RETAIN if settings.account_log_role else None,
            deploy_options=apigateway.StageOptions(
                stage_name=STAGE_NAME,
                access_log_destination=apigateway.LogGroupLogDestination(self.access_logs),
                access_log_format=apigateway.AccessLogFormat.custom(json.dumps(_ACCESS_LOG)),
                throttling_rate_limit=settings.rate_limit,
                throttling_burst_limit=settings.burst_limit,
                tracing_enabled=True,
            ),
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
