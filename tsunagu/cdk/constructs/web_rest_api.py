"""The REST API of a web API: its stage, its methods, its domain, and what its metrics are called."""

from typing import TYPE_CHECKING, cast

from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_route53_targets as targets
from constructs import Construct

from tsunagu.cdk.constructs.acknowledgement import acknowledge
from tsunagu.cdk.constructs.checked_construct import CheckedConstruct
from tsunagu.cdk.constructs.gateway_api import GatewayApi
from tsunagu.cdk.constructs.web_api_settings import ALL_BODIES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_logs as logs

    from tsunagu.cdk.constructs.web_api_settings import WebApiCors, WebApiDomain, WebApiSettings

RETRY_AFTER_SECONDS = 1  # of a request that was throttled


class WebRestApi(CheckedConstruct):
    """Pass the requests of a REST API to a function, by proxy integration.

    Attributes:
        api: The API, new or existing.
        stage: Stage of a new API; None for an existing one.
        access_logs: Log group of a new API; None for an existing one.
        domain: Domain of the API, if there is one.
        server_errors: Name of the metric of answers with a status of 500 and above.
        client_errors: Name of the metric of answers with a status from 400 to 499.
    """

    server_errors = "5XXError"
    client_errors = "4XXError"

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
        self.stage: apigateway.Stage | None = None
        self.access_logs: logs.LogGroup | None = None
        self.domain: apigateway.DomainName | None = None
        self._new_api: apigateway.RestApi | None = None
        if settings.existing is None:
            gateway = self._gateway(name, protect=protect)
            self._new_api, self.access_logs = gateway.api, gateway.access_logs
            self.stage = gateway.api.deployment_stage
            if settings.domain is not None:
                self.domain = self._domain(settings.domain, gateway.api)
        self.api: apigateway.IRestApi = self._new_api or cast("apigateway.IRestApi", settings.existing)
        self._add_methods(function)

    @property
    def api_id(self) -> str:
        """Id of the API, which is in ARNs."""
        return self.api.rest_api_id

    @property
    def base_url(self) -> str | None:
        """Address of the stage of a new API."""
        return self._new_api.url if self._new_api else None

    @property
    def dimensions(self) -> "Mapping[str, str]":
        """Dimensions of the metrics."""
        return {"ApiName": self.api.rest_api_name}

    def _gateway(self, name: str, *, protect: bool) -> GatewayApi:
        settings = self._settings
        gateway = GatewayApi(
            self,
            "Gateway",
            settings,
            headers=_cors_headers(settings.cors),
            retry_after_seconds=RETRY_AFTER_SECONDS,
            protect=protect,
            name=name,
            log_path=True,
            binary_media_types=settings.binary_media_types or ALL_BODIES,
            is_closed=settings.domain is not None and not settings.domain.keep_own_address,
        )
        acknowledge(gateway.api, "AwsSolutions-APIG2", "the application checks its requests")
        return gateway

    def _domain(self, wanted: "WebApiDomain", api: apigateway.RestApi) -> apigateway.DomainName:
        domain = apigateway.DomainName(
            self,
            "Domain",
            domain_name=wanted.name,
            certificate=wanted.certificate,
            endpoint_type=apigateway.EndpointType.REGIONAL,
            security_policy=apigateway.SecurityPolicy.TLS_1_2,
        )
        apigateway.BasePathMapping(
            self,
            "Mapping",
            domain_name=domain,
            rest_api=api,
            base_path=wanted.path or None,
            stage=api.deployment_stage,
        )
        if wanted.hosted_zone is not None:
            target = route53.RecordTarget.from_alias(targets.ApiGatewayDomain(domain))
            route53.ARecord(self, "Record", zone=wanted.hosted_zone, record_name=wanted.name, target=target)
        return domain

    def _add_methods(self, function: "lambda_.IFunction") -> None:
        integration = apigateway.LambdaIntegration(function, proxy=True, allow_test_invoke=False)
        base: apigateway.IResource = self.api.root
        for part in self._settings.parts:
            base = base.get_resource(part) or base.add_resource(part)
        for resource in (base, base.add_resource("{proxy+}")):
            self._add_method(resource, integration)
            if self._settings.cors is not None:
                _add_preflight(resource, self._settings.cors)

    def _add_method(self, resource: apigateway.IResource, integration: apigateway.LambdaIntegration) -> None:
        settings = self._settings
        authorizer = cast("apigateway.IAuthorizer | None", settings.authorizer)
        kind = self._authorization(authorizer)
        method = resource.add_method(
            "ANY",
            integration,
            authorization_type=kind,
            authorizer=authorizer,
            authorization_scopes=list(settings.authorization_scopes) or None,
        )
        if kind is apigateway.AuthorizationType.NONE:
            acknowledge(method, "AwsSolutions-APIG4", "the stack lets everybody call")
        if kind is not apigateway.AuthorizationType.COGNITO:
            acknowledge(method, "AwsSolutions-COG4", "its callers do not sign in to a user pool")

    def _authorization(self, authorizer: apigateway.IAuthorizer | None) -> apigateway.AuthorizationType:
        if authorizer is not None:
            return authorizer.authorization_type or apigateway.AuthorizationType.CUSTOM
        return apigateway.AuthorizationType.NONE if self._settings.public else apigateway.AuthorizationType.IAM


def _add_preflight(resource: apigateway.IResource, cors: "WebApiCors") -> None:
    method = resource.add_cors_preflight(
        allow_origins=list(cors.origins),
        allow_methods=list(cors.methods),
        allow_headers=list(cors.headers),
        expose_headers=list(cors.exposed_headers),
        allow_credentials=cors.credentials or None,
        max_age=cors.max_age,
    )
    # With binary media types, API Gateway would take the empty body for bytes, and answer 500.
    cast("apigateway.CfnMethod", method.node.default_child).add_property_override(
        "Integration.ContentHandling", "CONVERT_TO_TEXT"
    )
    for rule in ("AwsSolutions-APIG4", "AwsSolutions-COG4"):
        acknowledge(method, rule, "a browser sends no credentials with a preflight request")


def _cors_headers(cors: "WebApiCors | None") -> dict[str, str]:
    """Return headers of the answers of API Gateway itself, so that a page can read why a call was refused."""
    if cors is None:
        return {}
    [origin] = cors.origins
    headers = {
        "Access-Control-Allow-Origin": f"'{origin}'",
        "Access-Control-Expose-Headers": f"'{','.join(cors.exposed_headers)}'",
    }
    return {**headers, "Access-Control-Allow-Credentials": "'true'"} if cors.credentials else headers
