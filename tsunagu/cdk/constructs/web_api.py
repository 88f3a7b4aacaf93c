"""A web API: an HTTP API or a REST API in front of a function that answers HTTP."""

import json
from dataclasses import dataclass, fields
from typing import Any

from aws_cdk import ArnFormat, Names, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from tsunagu.cdk.constructs.checked_construct import CheckedConstruct
from tsunagu.cdk.constructs.error_path import props_error
from tsunagu.cdk.constructs.grants import grant_by_own_policy
from tsunagu.cdk.constructs.web_api_settings import WebApiSettings
from tsunagu.cdk.constructs.web_http_api import WebHttpApi
from tsunagu.cdk.constructs.web_rest_api import WebRestApi
from tsunagu.cdk.props import is_known

LONGEST_NAME = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class WebApiProps(WebApiSettings):
    """Settings of a web API: those of `WebApiSettings`, and the function behind it.

    Attributes:
        function: Function that answers the requests.
        protect: Keep the access logs when their stack is deleted. Default: they are kept.

    Raises:
        InvalidPropsError: A value is out of range, or two settings exclude each other.
    """

    function: lambda_.IFunction
    protect: bool = True

    @classmethod
    def of(cls, settings: WebApiSettings, function: lambda_.IFunction, *, protect: bool) -> "WebApiProps":
        """Return the props of these settings."""
        given = {field.name: getattr(settings, field.name) for field in fields(WebApiSettings)}
        return cls(**given, function=function, protect=protect)


class WebApi(CheckedConstruct):
    """Answer HTTP by a function, behind API Gateway: with authorization, throttling and access logs.

    Several functions can share an existing API, each under a path of its own: two with the same path are refused.

    Attributes:
        api: The API, new or existing.
        stage: Stage of a new API; None for an existing one.
        access_logs: Log group of a new API; None for an existing one.
        domain: Domain of the API, if there is one.
    """

    def __init__(self, scope: Construct, construct_id: str, props: WebApiProps) -> None:
        super().__init__(scope, construct_id)
        self._props = props
        self._refuse_a_second_application()
        name = Names.unique_resource_name(self, max_length=LONGEST_NAME, separator="-")
        kind: type[WebHttpApi | WebRestApi] = WebRestApi if props.is_rest else WebHttpApi
        self._front = kind(self, props.api_kind.title(), props, props.function, name=name, protect=props.protect)
        self.api = self._front.api
        self.stage = self._front.stage
        self.access_logs = self._front.access_logs
        self.domain = self._front.domain

    @property
    def api_id(self) -> str:
        """Id of the API, which is in its ARNs and its own address."""
        return self._front.api_id

    @property
    def url(self) -> str:
        """Address of the application, without a slash at its end.

        Raises:
            InvalidPropsError: The API was given, and only its owner knows its stages and domains.
        """
        if self._front.base_url is None:
            msg = "url is known of a new API only, because the owner of an existing one knows its stages and domains"
            raise props_error(self, msg)
        domain = self._props.domain
        base = (
            self._front.base_url if domain is None else "/".join(filter(None, (f"https://{domain.name}", domain.path)))
        )
        return "/".join((base.removesuffix("/"), *self._props.parts))

    def grant_call(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` call all paths, where IAM authorizes calls.

        Raises:
            InvalidPropsError: IAM does not authorize calls of this API; or the grantee has no policy that can be
                extended, or is of another account.
        """
        if not self._props.uses_iam:
            msg = "grant_call needs IAM authorization, which authorizer and public replace"
            raise props_error(self, msg)
        return grant_by_own_policy(
            self,
            grantee,
            ["execute-api:Invoke"],
            self._called_arns(),
            account=self.api.env.account,
            reason="an HTTP API has no policy, and that of a REST API is its owner's",
        )

    def metric_requests(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of requests; `options` are those of a CloudWatch metric."""
        return self._metric("Count", "Sum", options)

    def metric_server_errors(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of answers with a status of 500 and above; `options` are those of a CloudWatch metric."""
        return self._metric(self._front.server_errors, "Sum", options)

    def metric_client_errors(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of answers with a status from 400 to 499; `options` are those of a CloudWatch metric."""
        return self._metric(self._front.client_errors, "Sum", options)

    def metric_latency(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of the time to an answer in milliseconds; `options` are those of a CloudWatch metric."""
        return self._metric("Latency", "p99", options)

    def _refuse_a_second_application(self) -> None:
        """Refuse a path of an existing API that another web API of the app answers.

        Raises:
            InvalidPropsError: There is one.
        """
        wanted = self._place
        if wanted is None:
            return
        for other in self.node.root.node.find_all():
            if isinstance(other, WebApi) and other is not self and other._place == wanted:  # noqa: SLF001 - of its class
                msg = (
                    f"path must be another one than that of {other.node.path}, because two functions cannot answer the "
                    f"same paths of one API, got {self._props.path!r} for both"
                )
                raise props_error(self, msg)

    @property
    def _place(self) -> tuple[str, ...] | None:
        """What the function answers: an existing API, as far as an app can see it, and the path; None for a new API."""
        api = self._props.existing
        if api is None:
            return None
        api_id = str(getattr(api, "rest_api_id", None) or getattr(api, "api_id", ""))
        stack = Stack.of(api)
        place = (api.env.account, api.env.region) if is_known(api.env.account) else (stack.node.path,)
        return (*place, json.dumps(stack.resolve(api_id)), "/".join(self._props.parts))

    def _metric(self, name: str, statistic: str, options: dict[str, Any]) -> cloudwatch.Metric:
        settings = {"statistic": statistic, **options}
        return cloudwatch.Metric(
            namespace="AWS/ApiGateway", metric_name=name, dimensions_map=self._front.dimensions, **settings
        )

    def _called_arns(self) -> list[str]:
        """Return the ARNs of all paths under that of the application."""
        stage = self.stage.stage_name if self.stage else "*"
        path = "/".join(self._props.parts)
        paths = [f"*/{path}", f"*/{path}/*"] if path else ["*"]
        return [
            Stack.of(self).format_arn(
                service="execute-api",
                region=self.api.env.region,
                account=self.api.env.account,
                resource=self.api_id,
                resource_name=f"{stage}/{each}",
                arn_format=ArnFormat.SLASH_RESOURCE_NAME,
            )
            for each in paths
        ]
