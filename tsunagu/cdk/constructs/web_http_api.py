"""The HTTP API of a web API: its stage, its routes, its domain, and what its metrics are called."""

import json
from typing import TYPE_CHECKING, cast

from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_logs as logs
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_route53_targets as targets
from constructs import Construct

from tsunagu.cdk.constructs.acknowledgement import acknowledge
from tsunagu.cdk.constructs.checked_construct import CheckedConstruct
from tsunagu.cdk.constructs.protection import removal_policy
from tsunagu.cdk.constructs.snap_start import call_when_allowed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import aws_lambda as lambda_

    from tsunagu.cdk.constructs.web_api_settings import WebApiCors, WebApiDomain, WebApiSettings

DEFAULT_STAGE = "$default"
_REGIONAL = apigatewayv2.EndpointType.REGIONAL

# No queries, headers and bodies: who called what, and what came of it.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html
_ACCESS_LOG = {
    "request_id": "$context.requestId",
    "caller": "$context.identity.caller",
    "principal": "$context.authorizer.principalId",
    "subject": "$context.authorizer.claims.sub",
    "source_ip": "$context.identity.sourceIp",
    "requested_at": "$context.requestTime",
    "method": "$context.httpMethod",
    "path": "$context.path",
    "route": "$context.routeKey",
    "status": "$context.status",
    "response_bytes": "$context.responseLength",
    "latency_ms": "$context.responseLatency",
    "integration_status": "$context.integration.status",
    "error": "$context.error.responseType",
}


class WebHttpApi(CheckedConstruct):
    """Route the requests of an HTTP API to a function, with payload 2.0.

    Attributes:
        api: The API, new or existing.
        stage: Stage of a new API; None for an existing one.
        access_logs: Log group of a new API; None for an existing one.
        domain: Domain of the API, if there is one.
        server_errors: Name of the metric of answers with a status of 500 and above.
        client_errors: Name of the metric of answers with a status from 400 to 499.
    """

    server_errors = "5xx"
    client_errors = "4xx"

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        settings: "WebApiSettings",
        function: "lambda_.IFunction",
        *,
        name: str,
        protect: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self.stage: apigatewayv2.HttpStage | None = None
        self.access_logs: logs.LogGroup | None = None
        self.domain: apigatewayv2.DomainName | None = None
        if settings.existing is None:
            self.api: apigatewayv2.IHttpApi = self._api(name)
            self.access_logs = logs.LogGroup(
                self,
                "AccessLogs",
                retention=settings.access_log_retention,
                removal_policy=removal_policy(protect=protect),
            )
            self.stage = self._stage(self.access_logs)
            if settings.domain is not None:
                self.domain = self._domain(settings.domain, self.stage)
        else:
            self.api = cast("apigatewayv2.IHttpApi", settings.existing)
        self._add_routes(function)
        for each in self.node.find_all():
            if isinstance(each, apigatewayv2.CfnIntegration):
                call_when_allowed(self, each, function)

    @property
    def api_id(self) -> str:
        """Id of the API, which is in ARNs."""
        return self.api.api_id

    @property
    def base_url(self) -> str | None:
        """Address of the stage of a new API."""
        return self.stage.url if self.stage else None

    @property
    def dimensions(self) -> "Mapping[str, str]":
        """Dimensions of the metrics."""
        return {"ApiId": self.api.api_id}

    def _api(self, name: str) -> apigatewayv2.HttpApi:
        settings = self._settings
        is_closed = settings.domain is not None and not settings.domain.keep_own_address
        return apigatewayv2.HttpApi(
            self,
            "Api",
            api_name=name,
            create_default_stage=False,
            cors_preflight=_preflight(settings.cors) if settings.cors else None,
            disable_execute_api_endpoint=is_closed or None,
        )

    def _stage(self, access_logs: logs.LogGroup) -> apigatewayv2.HttpStage:
        stage = apigatewayv2.HttpStage(
            self,
            "Stage",
            http_api=self.api,
            stage_name=DEFAULT_STAGE,
            auto_deploy=True,
            throttle=apigatewayv2.ThrottleSettings(
                rate_limit=self._settings.rate_limit, burst_limit=self._settings.burst_limit
            ),
        )
        resource = cast("apigatewayv2.CfnStage", stage.node.default_child)
        resource.access_log_settings = apigatewayv2.CfnStage.AccessLogSettingsProperty(
            destination_arn=access_logs.log_group_arn, format=json.dumps(_ACCESS_LOG)
        )
        return stage

    def _domain(self, wanted: "WebApiDomain", stage: apigatewayv2.HttpStage) -> apigatewayv2.DomainName:
        domain = apigatewayv2.DomainName(
            self, "Domain", domain_name=wanted.name, certificate=wanted.certificate, endpoint_type=_REGIONAL
        )
        apigatewayv2.ApiMapping(
            self, "Mapping", api=self.api, domain_name=domain, stage=stage, api_mapping_key=wanted.path or None
        )
        if wanted.hosted_zone is not None:
            alias = targets.ApiGatewayv2DomainProperties(domain.regional_domain_name, domain.regional_hosted_zone_id)
            target = route53.RecordTarget.from_alias(alias)
            route53.ARecord(self, "Record", zone=wanted.hosted_zone, record_name=wanted.name, target=target)
        return domain

    def _add_routes(self, function: "lambda_.IFunction") -> None:
        integration = integrations.HttpLambdaIntegration("Integration", function)
        base = "/".join(["", *self._settings.parts])
        if base:
            self._route("Root", _key(base), integration)
            self._route("Paths", _key(f"{base}/{{proxy+}}"), integration)
        else:
            self._route("AllPaths", apigatewayv2.HttpRouteKey.DEFAULT, integration)
        if self._settings.cors is not None:
            self._add_preflights(base, integration)

    def _add_preflights(self, base: str, integration: integrations.HttpLambdaIntegration) -> None:
        """Let API Gateway answer preflight requests, which the other routes would take and refuse.

        See https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
        """
        for construct_id, path in (("PreflightRoot", base or "/"), ("PreflightPaths", f"{base}/{{proxy+}}")):
            key = apigatewayv2.HttpRouteKey.with_(path, apigatewayv2.HttpMethod.OPTIONS)
            route = apigatewayv2.HttpRoute(
                self, construct_id, http_api=self.api, route_key=key, integration=integration
            )
            acknowledge(route, "AwsSolutions-APIG4", "a browser sends no credentials with a preflight request")

    def _route(
        self, construct_id: str, key: apigatewayv2.HttpRouteKey, integration: integrations.HttpLambdaIntegration
    ) -> None:
        settings = self._settings
        given = cast("apigatewayv2.IHttpRouteAuthorizer | None", settings.authorizer)
        route = apigatewayv2.HttpRoute(
            self,
            construct_id,
            http_api=self.api,
            route_key=key,
            integration=integration,
            authorizer=None if settings.public else given or authorizers.HttpIamAuthorizer(),
            authorization_scopes=list(settings.authorization_scopes) or None,
        )
        if settings.public:
            acknowledge(route, "AwsSolutions-APIG4", "the stack lets everybody call")


def _key(path: str) -> apigatewayv2.HttpRouteKey:
    return apigatewayv2.HttpRouteKey.with_(path, apigatewayv2.HttpMethod.ANY)


def _preflight(cors: "WebApiCors") -> apigatewayv2.CorsPreflightOptions:
    return apigatewayv2.CorsPreflightOptions(
        allow_origins=list(cors.origins),
        allow_methods=[apigatewayv2.CorsHttpMethod[method] for method in cors.methods],
        allow_headers=list(cors.headers),
        expose_headers=list(cors.exposed_headers),
        allow_credentials=cors.credentials,
        max_age=cors.max_age,
    )
