"""A request gateway: a REST API that accepts requests and shows what became of them, without a function of its own."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, cast

from aws_cdk import Aws, Duration, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from tsunagu.cdk.constructs.acknowledgement import acknowledge
from tsunagu.cdk.constructs.checked_construct import CheckedConstruct
from tsunagu.cdk.constructs.error_path import path_in_errors, props_error
from tsunagu.cdk.constructs.gateway_api import GatewayApi
from tsunagu.cdk.constructs.gateway_calls import JSON_TYPE, Answers, Call, dynamodb_call, event_call, object_call
from tsunagu.cdk.constructs.gateway_templates import GatewayTemplates
from tsunagu.cdk.constructs.grants import Grantor, PolicyResource, grant_by_own_policy, grant_invoke
from tsunagu.cdk.constructs.idempotency_table import IdempotencyTable
from tsunagu.cdk.constructs.key_access import RECEIVE_ACTIONS
from tsunagu.cdk.constructs.ranges import DAY_SECONDS
from tsunagu.cdk.constructs.request_gateway_settings import RequestGatewaySettings
from tsunagu.cdk.constructs.result_bucket import ResultBucket
from tsunagu.cdk.props import Seconds
from tsunagu.contracts.json_schema import DRAFT, outermost

FORM_TYPE = "application/x-www-form-urlencoded"
FIRST_LOOK = Duration.minutes(2)
FIRST_LOOK_SECONDS = range(1, DAY_SECONDS + 1)

_EXPOSED_HEADERS = ("Location", "Retry-After")
_SENT_HEADERS = ("Authorization", "Content-Type", "Idempotency-Key", "X-Amz-Date", "X-Amz-Security-Token", "X-Api-Key")
_PASSED_HEADERS = ("Content-Type", "Content-Disposition", "ETag", "Last-Modified")
# A result is what a function made of a client's request: a browser must not run it as a page of the API.
_HARMLESS = {"X_Content_Type_Options": "'nosniff'", "Content_Security_Policy": "'sandbox'"}
_PARAMETER = re.compile(r"\{([a-z]+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestGatewayProps(RequestGatewaySettings):
    """Settings of a request gateway: those of `RequestGatewaySettings`, and what it writes, reads and calls.

    Attributes:
        table: Table of the records of the requests.
        results: Bucket of the results. Default: the requests have no results, and there is no path for them.
        function: Function that the gateway invokes: the delivery `lambda_event`. Default: the gateway writes a record,
            from which a pipe tells the worker: the delivery `queue`.
        first_look: How long after a request was accepted the sweeper looks at it first. Default: 2 minutes.
        protect: Keep the access logs when their stack is deleted. Default: they are kept.
        role: Role of the calls of the API, which API Gateway must be able to assume. It gets the permissions of the
            calls; where it takes no policies, the policies of the resources give them, or a grant fails and says what
            is to be allowed. Default: a new one.

    Raises:
        InvalidPropsError: A value is out of range, or two settings exclude each other.
    """

    table: IdempotencyTable
    results: ResultBucket | None = None
    function: lambda_.IFunction | None = None
    first_look: Annotated[Duration, Seconds(FIRST_LOOK_SECONDS)] = FIRST_LOOK
    protect: bool = True
    role: iam.IRole | None = None

    def __post_init__(self) -> None:
        """Refuse settings that AWS does not allow, or that exclude each other."""
        RequestGatewaySettings.__post_init__(self)  # plain `super()` fails in a dataclass with slots
        self.check_delivery(is_event=self.is_event)

    @property
    def is_event(self) -> bool:
        """Whether the gateway invokes the function."""
        return self.function is not None


class RequestGateway(CheckedConstruct):
    """Accept requests with 202, show their status and result, and cancel them: `POST /{name}`, `/requests/{id}`.

    API Gateway itself calls DynamoDB, S3 and Lambda, so that no function starts for an answer.

    Attributes:
        api: The REST API.
        role: Role of the calls of the API, with exactly the actions that it needs.
        accept_method: Method that accepts requests.
        methods: All methods that a client calls.
        path: Path of the method that accepts requests, within a stage, such as `/reports`.
        stage: Stage of a new API; None for a given one.
        access_logs: Log group of a new API; None for a given one.
    """

    def __init__(self, scope: Construct, construct_id: str, props: RequestGatewayProps) -> None:
        super().__init__(scope, construct_id)
        self._props = props
        props.table.key_spaces.add_request_gateway(props.name, self)
        with path_in_errors(self):
            self._schema = props.schema
        retry_after_seconds = int(props.retry_after.to_seconds())
        self._answers = Answers(headers=self._cors_headers, retry_after_seconds=retry_after_seconds)
        new = None if props.api else self._gateway_api(retry_after_seconds)
        self._new_api = new.api if new else None
        self.api: apigateway.IRestApi = self._new_api or cast("apigateway.IRestApi", props.api)
        self.stage = new.api.deployment_stage if new else None
        self.access_logs = new.access_logs if new else None
        self.role: iam.IRole = props.role or iam.Role(
            self, "Role", assumed_by=iam.ServicePrincipal("apigateway.amazonaws.com")
        )
        self._validator = apigateway.RequestValidator(
            self,
            "Validator",
            rest_api=self.api,
            validate_request_body=True,
            validate_request_parameters=True,
        )
        self._templates = GatewayTemplates(
            props,
            table_name=props.table.table.table_name,
            is_event=props.is_event,
            first_look_ms=int(props.first_look.to_milliseconds()),
        )
        base = self._base()
        self.path = f"/{'/'.join((*filter(None, props.path.split('/')), props.name))}"
        self.accept_method = self._accept(self._resource(base, props.name))
        request = base.add_resource("requests").add_resource("{id}")
        self._preflight(request)
        self.methods = [self.accept_method, self._show(request), *self._cancel(request), *self._results(request)]
        if props.usage_plan is not None and self.stage is not None:
            props.usage_plan.add_api_stage(stage=self.stage, api=self.api)

    @property
    def url(self) -> str:
        """Address of the method that accepts requests.

        Raises:
            InvalidPropsError: The API was given, and only its owner knows its stages and domains.
        """
        if self._new_api is None:
            msg = "url is known of a new API only, because the owner of a given one knows its stages and domains"
            raise props_error(self, msg)
        return self._new_api.url_for_path(self.path)

    def grant_call(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` call all methods, where IAM authorizes them.

        Raises:
            InvalidPropsError: IAM does not authorize calls of this gateway; or the grantee has no policy that can be
                extended, or is of another account.
        """
        if self._props.authorization_type is not apigateway.AuthorizationType.IAM:
            msg = "grant_call needs IAM authorization, which authorizer, usage_plan and public replace"
            raise props_error(self, msg)
        arns = [method.method_arn for method in self.methods]
        return grant_by_own_policy(
            self,
            grantee,
            ["execute-api:Invoke"],
            arns,
            account=self.api.env.account,
            reason="the policy of a REST API is its owner's",
        )

    def metric_requests(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of requests; `options` are those of a CloudWatch metric."""
        return self._metric("Count", options)

    def metric_latency(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of the time to an answer in milliseconds; `options` are those of a CloudWatch metric."""
        return self._metric("Latency", {"statistic": "p99", **options})

    def metric_server_errors(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of answers with a status of 500 and above; `options` are those of a CloudWatch metric."""
        return self._metric("5XXError", options)

    def metric_client_errors(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of answers with a status from 400 to 499; `options` are those of a CloudWatch metric."""
        return self._metric("4XXError", options)

    def _metric(self, name: str, options: Mapping[str, Any]) -> cloudwatch.Metric:
        place = {"ApiName": self.api.rest_api_name}
        settings = {"statistic": "Sum", **options}
        return cloudwatch.Metric(namespace="AWS/ApiGateway", metric_name=name, dimensions_map=place, **settings)

    def _gateway_api(self, retry_after_seconds: int) -> GatewayApi:
        return GatewayApi(
            self,
            "Gateway",
            self._props,
            headers=self._cors_headers,
            retry_after_seconds=retry_after_seconds,
            protect=self._props.protect,
            binary_media_types=self._props.binary_media_types,
            name=self._api_name,
        )

    @property
    def _api_name(self) -> str:
        """Name of a new API, by which CloudWatch tells its metrics from those of others in the account and region."""
        path = self.node.path.removeprefix(f"{Stack.of(self).node.path}/")
        return f"{Aws.STACK_NAME}-{path.replace('/', '-')}"  # a literal name would differ from stage to stage

    def _base(self) -> apigateway.IResource:
        resource: apigateway.IResource = self.api.root
        for part in filter(None, self._props.path.split("/")):
            resource = resource.get_resource(part) or resource.add_resource(part)
        if resource.get_resource("requests") is not None:
            msg = (
                f"path must be another one than that of the other requests of the API, got {self._props.path!r}: "
                "two gateways would have the same path for the status"
            )
            raise props_error(self, msg)
        return resource

    def _resource(self, base: apigateway.IResource, name: str) -> apigateway.IResource:
        resource = base.get_resource(name) or base.add_resource(name)
        self._preflight(resource)
        return resource

    def _accept(self, resource: apigateway.IResource) -> apigateway.Method:
        props = self._props
        if not props.query_parameters:
            call = self._event_call() if props.is_event else self._record_call()
            return self._method(resource, "POST", call, request_models=self._models())
        required = outermost(self._schema).get("required", [])
        parameters = {f"method.request.querystring.{name}": name in required for name in props.query_parameters}
        return self._method(resource, "GET", self._event_call(), request_parameters=parameters)

    def _record_call(self) -> Call:
        responses = [
            self._answers.accepted(self._templates.text("accepted"), pattern="200"),
            self._answers.response("400", self._templates.text("not_accepted"), pattern="400"),
            *self._answers.failures(),
        ]
        self._grant_table("dynamodb:UpdateItem")
        return dynamodb_call(
            "UpdateItem", self._templates.text("write_request"), self.role, responses, types=self._types
        )

    def _event_call(self) -> Call:
        function = cast("lambda_.IFunction", self._props.function)
        grant_invoke(self, self.role, function)
        # Lambda's own refusals become gateway responses. The answer to an event has no message to select by.
        responses = [
            self._answers.problem("500", "the request was refused by a part of the service", pattern="(?s).+"),
            self._answers.accepted(self._templates.text("invoked")),
        ]
        template = self._templates.text("invoke_function")
        return event_call(function.function_arn, template, self.role, responses, types=self._types)

    def _show(self, request: apigateway.IResource) -> apigateway.Method:
        responses = [
            self._answers.response("200", self._templates.text("shown"), pattern="200"),
            self._answers.response("400", self._templates.text("not_shown"), pattern="400"),
            *self._answers.failures(),
        ]
        self._grant_table("dynamodb:GetItem")
        call = dynamodb_call("GetItem", self._templates.text("read_request"), self.role, responses)
        return self._method(request, "GET", call, request_parameters={"method.request.path.id": True})

    def _cancel(self, request: apigateway.IResource) -> list[apigateway.Method]:
        if not self._props.cancellable:
            return []
        responses = [
            self._answers.response("200", self._templates.text("cancelled"), pattern="200"),
            self._answers.response("400", self._templates.text("not_cancelled"), pattern="400"),
            *self._answers.failures(),
        ]
        call = dynamodb_call("UpdateItem", self._templates.text("cancel_request"), self.role, responses)
        return [self._method(request, "DELETE", call, request_parameters={"method.request.path.id": True})]

    def _results(self, request: apigateway.IResource) -> list[apigateway.Method]:
        if self._props.results is None:
            return []
        result = request.add_resource("result")
        attachment = result.add_resource("{name}")
        self._preflight(result, attachment)
        self._props.results.grant_read(self.role, scope=self._props.name)
        return [self._result(result, "{caller}/{id}/result"), self._result(attachment, "{caller}/{id}/result/{name}")]

    def _result(self, resource: apigateway.IResource, key: str) -> apigateway.Method:
        bucket = cast("ResultBucket", self._props.results).bucket
        names = _PARAMETER.findall(key)
        passed = {name.replace("-", "_"): f"integration.response.header.{name}" for name in _PASSED_HEADERS}
        responses = [
            self._answers.response("200", None, pattern="200", **passed, **_HARMLESS),
            self._answers.problem("404", "there is no such result, or not yet", pattern="404"),
            *self._answers.failures(),
        ]
        path = f"{bucket.bucket_name}/{self._props.name}/{key}"
        call = object_call(path, names, self._templates.text("find_result"), self.role, responses)
        required = {f"method.request.path.{name}": True for name in names if name != "caller"}
        return self._method(resource, "GET", call, request_parameters=required)

    def _method(self, resource: apigateway.IResource, verb: str, call: Call, **settings: Any) -> apigateway.Method:
        props = self._props
        method = resource.add_method(
            verb,
            call.integration,
            authorization_type=props.authorization_type,
            authorizer=props.authorizer,
            authorization_scopes=list(props.authorization_scopes) or None,
            api_key_required=True if props.usage_plan is not None else None,
            request_validator=self._validator,
            method_responses=call.method_responses(),
            **settings,
        )
        if props.authorization_type is apigateway.AuthorizationType.NONE:
            reason = "the stack lets everybody call" if props.public else "the stack chose API keys of a usage plan"
            acknowledge(method, "AwsSolutions-APIG4", reason)
        if props.authorization_type is not apigateway.AuthorizationType.COGNITO:
            acknowledge(method, "AwsSolutions-COG4", "its callers do not sign in to a user pool")
        return method

    @property
    def _types(self) -> tuple[str, ...]:
        """Content types of the bodies that are accepted."""
        return (JSON_TYPE, FORM_TYPE) if self._props.form_bodies else (JSON_TYPE,)

    def _models(self) -> dict[str, apigateway.IModel]:
        """Return the model of JSON. Without a schema it still refuses what is no JSON."""
        model = apigateway.CfnModel(
            self,
            "Model",
            rest_api_id=self.api.rest_api_id,
            content_type=JSON_TYPE,
            schema=self._schema or {"$schema": DRAFT},
        )
        deployment = self.api.latest_deployment
        if deployment is not None:
            deployment.node.add_dependency(model)
            deployment.add_to_logical_id({"model": self._schema})
        return {JSON_TYPE: apigateway.Model.from_model_name(self, "ImportedModel", model.ref)}

    def _preflight(self, *resources: apigateway.IResource) -> None:
        """Let browsers ask whether pages of the origin may call."""
        if self._props.cors_origin is None:
            return
        for resource in resources:
            method = resource.add_cors_preflight(
                allow_origins=[self._props.cors_origin],
                allow_headers=[*_SENT_HEADERS],
                allow_methods=["DELETE", "GET", "POST"],
                expose_headers=[*_EXPOSED_HEADERS],
            )
            for rule in ("AwsSolutions-APIG4", "AwsSolutions-COG4"):
                acknowledge(method, rule, "a browser sends no credentials with a preflight request")

    @property
    def _cors_headers(self) -> dict[str, str]:
        if self._props.cors_origin is None:
            return {}
        exposed = ",".join(_EXPOSED_HEADERS)
        return {
            "Access-Control-Allow-Origin": f"'{self._props.cors_origin}'",
            "Access-Control-Expose-Headers": f"'{exposed}'",
        }

    def _grant_table(self, action: str) -> None:
        table = self._props.table.table
        grantor = Grantor(self, cast("PolicyResource", table), table.encryption_key)
        grantor.grant(self.role, [action], table.table_arn, policy_arn="*", key_actions=RECEIVE_ACTIONS)
