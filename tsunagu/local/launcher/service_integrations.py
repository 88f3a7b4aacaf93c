"""Lets REST APIs call services of AWS: mapping templates, the role of the integration, integration responses.

ministack knows SQS and a synchronous call of a function. It ignores most of a template, the role and the selection
patterns.
"""

# ruff: noqa: SLF001 - the package's docstring says why

import json
import logging
from typing import Any

from . import gateway_requests
from .gateway_requests import GatewayRequest, single
from .integration_mappings import Exchange, ServiceAnswer
from .mapping_templates import MalformedBodyError, Parameters
from .ministack_modules import apigateway_v1, concurrency
from .service_calls import ServiceEndpoint
from .service_roles import RoleDeniedError, ServiceRole
from .settings import LauncherSettings

PRINCIPAL = "apigateway.amazonaws.com"
SESSION_NAME = "BackplaneAssumeRoleSession"  # as on AWS
DEFAULT_TIMEOUT_MS = 29_000
FAILED = 400

Answer = Any  # status, headers and body; or an error that ministack renders as a gateway response

logger = logging.getLogger(__name__)


def install(settings: LauncherSettings) -> None:
    """Call every service but proxied functions in this way."""

    async def invoke(integration: dict[str, Any], *request: Any, **named: Any) -> Answer:
        _api_id, _stage_name, stage, resource, _path, method, headers, body, query, path_parameters = request
        received = gateway_requests.current()
        if received is None:
            msg = "the request must have reached a stage"
            raise RuntimeError(msg)
        exchange = Exchange(
            integration=integration,
            parameters=Parameters(
                path=path_parameters or {},
                querystring={name: single(value, last=False) for name, value in (query or {}).items()},
                header={name: single(value) for name, value in (headers or {}).items()},
            ),
            body=body.decode("utf-8", "replace") if body else "",
            context=_context(received, resource, method, named),
            stage_variables=stage.get("variables") or {},
        )
        call = IntegrationCall(settings, received, exchange)
        return await concurrency.run_reentrant(call.run)

    apigateway_v1._invoke_lambda_custom_v1 = invoke
    apigateway_v1._invoke_sqs_v1 = invoke


class IntegrationCall:
    """One call of an integration. Each failure of the API itself becomes a gateway response."""

    def __init__(self, settings: LauncherSettings, received: GatewayRequest, exchange: Exchange) -> None:
        self._settings = settings
        self._received = received
        self._exchange = exchange

    def run(self) -> Answer:
        """Ask the service, and return the response of the API."""
        try:
            request = self._exchange.request()
        except MalformedBodyError:
            return _gateway_error("BAD_REQUEST_BODY", "Could not parse request body into json")
        except Exception as error:  # noqa: BLE001 - whatever the template raises
            return self._configuration_error("request template", error)
        try:
            answer = self._endpoint().call(request, self._credentials(), self._timeout_seconds)
        except TimeoutError:
            return _gateway_error("INTEGRATION_TIMEOUT", "Endpoint request timed out")
        except OSError:
            return _gateway_error("INTEGRATION_FAILURE", "Internal server error")
        except RoleDeniedError as error:
            return self._configuration_error("role", error)
        return self._refusal_of_lambda(answer) or self._mapped(answer)

    def _refusal_of_lambda(self, answer: ServiceAnswer) -> Answer | None:
        """Return the response to a call that Lambda itself refused, so that no function answered."""
        if answer.failure is None or answer.status < FAILED:
            return None
        if answer.status == FAILED:  # the template made no JSON
            return _gateway_error("BAD_REQUEST_BODY", str(json.loads(answer.body).get("message", "")))
        return self._configuration_error(f"Lambda's status {answer.status}")

    def _mapped(self, answer: ServiceAnswer) -> Answer:
        try:
            response = self._exchange.response(answer)
        except Exception as error:  # noqa: BLE001 - whatever the template raises
            return self._configuration_error("response template", error)
        if response is None:
            return self._configuration_error(f"no integration response for {answer.selector}")
        status, headers, body = response
        return status, headers | {"x-amzn-requestid": self._received.record["request_id"]}, body

    @property
    def _timeout_seconds(self) -> float:
        return float(self._exchange.integration.get("timeoutInMillis") or DEFAULT_TIMEOUT_MS) / 1000

    def _endpoint(self) -> ServiceEndpoint:
        integration = self._exchange.integration
        region, service, kind, rest = apigateway_v1._parse_service_integration_uri(integration.get("uri", ""))
        return ServiceEndpoint(
            url=self._settings.endpoint_url,
            region=region,
            service=service,
            method=integration.get("httpMethod") or "POST",
            action=rest if kind == "action" else "",
            path="" if kind == "action" else rest,
        )

    def _credentials(self) -> dict[str, str]:
        role_arn, received = self._exchange.integration.get("credentials"), self._received
        if not role_arn:  # Lambda lets the API in by the policy of the function, which ministack does not check
            return {"AWS_ACCESS_KEY_ID": received.account_id, "AWS_SECRET_ACCESS_KEY": "test"}
        source_arn = (
            f"arn:aws:execute-api:{received.region}:{received.account_id}:{received.record['api_id']}/"
            f"{received.record['stage_name']}/{received.method}{received.record['resource_path']}"
        )
        role = ServiceRole(arn=role_arn, service=PRINCIPAL, source_arn=source_arn, enforced=self._settings.enforce_iam)
        return role.credentials(SESSION_NAME)

    def _configuration_error(self, what: str, error: Exception | None = None) -> Answer:
        logger.error("%s %s: %s", self._received.method, self._received.record["resource_path"], what, exc_info=error)
        return _gateway_error("API_CONFIGURATION_ERROR", "Internal server error")


def _context(
    received: GatewayRequest, resource: dict[str, Any], method: str, named: dict[str, Any]
) -> gateway_requests.Context:
    context = received.context()
    context["resourceId"] = resource.get("id", "")
    context["authorizer"] = named.get("authorizer_context") or {}
    context["identity"] |= named.get("caller_identity") or {}
    methods = resource.get("resourceMethods") or {}
    if (methods.get(method) or methods.get("ANY") or {}).get("apiKeyRequired"):
        key = apigateway_v1._resolve_api_key(apigateway_v1._api_key_from_request(received.headers)) or {}
        context["identity"] |= {"apiKey": key.get("value"), "apiKeyId": key.get("id")}
    return context


def _gateway_error(response_type: str, message: str) -> Answer:
    return apigateway_v1._gw_error(response_type, message)
