"""Fills gateway responses of REST APIs as AWS does: the reason of a refused body, variables of `$context`, IAM denials.

ministack leaves `$context.error.validationErrorString` as it is, answers a caller that a policy denies without the
gateway response, and has no limit for a body.
"""

# ruff: noqa: SLF001 - the package's docstring says why

import contextvars
import json
import re
from collections.abc import Callable
from typing import Any

from . import gateway_requests
from .ministack_modules import apigateway_v1, app
from .schema_violations import violations

Answer = tuple[int, dict[str, str], bytes]
Fill = Callable[[re.Match[str]], str]

REASON = "context.error.validationErrorString"
ACCESS_DENIED = "ACCESS_DENIED"
LARGEST_BYTES = 10 * 1024 * 1024  # https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
JSON = "application/json"
JSON_RPC = "application/x-amz-json-1.0"  # a denial that ministack did not make by a gateway response

_reason: contextvars.ContextVar[str] = contextvars.ContextVar("validation_error", default="")


def install() -> None:
    """Complete what ministack writes into gateway responses."""
    _find_reasons()
    apigateway_v1._GATEWAY_TEMPLATE_VARIABLE = GatewayVariables(apigateway_v1._GATEWAY_TEMPLATE_VARIABLE)
    _answer_denials()


def reason() -> str:
    """Return why the body or the parameters of this request were refused, escaped for a JSON text."""
    return _reason.get()


class GatewayVariables:
    """The pattern of variables in gateway responses, which fills those that ministack does not know."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self._pattern = pattern

    def sub(self, fill: Fill, template: str) -> str:
        """Replace each variable; those of which nothing is known stay as they are."""
        return self._pattern.sub(lambda match: self._filled(fill(match), match), template)

    def _filled(self, value: str, match: re.Match[str]) -> str:
        if value != match.group(0):
            return value
        name, received = match.group(1) or match.group(2), gateway_requests.current()
        if name == REASON:
            return _reason.get()
        found = gateway_requests.variable(received.context(), name.removeprefix("context.")) if received else None
        # The place of a variable is inside a JSON text.
        return value if found is None or isinstance(found, dict) else json.dumps(str(found))[1:-1]


def _find_reasons() -> None:
    check = apigateway_v1._check_request_validation

    def check_and_explain(method: dict[str, Any], api_id: str, *request: Any) -> Any:
        _record, headers, body, _query = request
        if len(body or b"") > LARGEST_BYTES:
            return apigateway_v1._gw_error("REQUEST_TOO_LARGE", "Request Too Long")
        method = method | {"requestModels": _applicable_models(method, headers)}
        error = check(method, api_id, *request)
        reasons = _reasons(method, api_id, body) if error and error.response_type == "BAD_REQUEST_BODY" else ""
        _reason.set(json.dumps(reasons or (error.message if error else ""), ensure_ascii=False)[1:-1])
        return error

    apigateway_v1._check_request_validation = check_and_explain


def _applicable_models(method: dict[str, Any], headers: dict[str, Any]) -> dict[str, str]:
    """Return the model of the body's content type as that of JSON. Without one, the body is not validated.

    See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html
    """
    models = {name.split(";")[0].strip().lower(): model for name, model in (method.get("requestModels") or {}).items()}
    sent = apigateway_v1._header_ci(headers, "content-type") or JSON
    model = models.get(sent.split(";")[0].strip().lower()) or models.get("$default")
    return {JSON: model} if model else {}


def _reasons(method: dict[str, Any], api_id: str, body: bytes) -> str:
    schema = apigateway_v1._model_schema(api_id, method["requestModels"][JSON])
    try:
        found = violations(schema, json.loads(body))
    except (ValueError, RecursionError):
        return ""  # not JSON, or nested too deeply: the message says so
    return f"[{', '.join(found)}]"


def _answer_denials() -> None:
    enforce = app._enforce_execute_api

    def enforce_and_answer(api_id: str, stage: str, *request: Any, **named: Any) -> Answer | None:
        _method, _path, headers, query = request
        denied: Answer | None = enforce(api_id, stage, *request, **named)
        record = None if denied is None else _record(api_id, stage, headers, query)
        if denied is None or record is None or denied[1].get("Content-Type") != JSON_RPC:
            return denied
        error = apigateway_v1._gw_error(ACCESS_DENIED, json.loads(denied[2]).get("message"))
        with apigateway_v1.request_scope(*apigateway_v1.find_api_scope(api_id)):
            answer: Answer = apigateway_v1._gateway_error_response(error, record)
        return answer

    app._enforce_execute_api = enforce_and_answer


def _record(api_id: str, stage: str, headers: dict[str, Any], query: Any) -> dict[str, Any] | None:
    """Return what a gateway response may read of a request that reached no resource; None without such a stage."""
    found = apigateway_v1.stages_for_api(api_id).get(stage)
    if found is None or apigateway_v1.find_api_scope(api_id) is None:
        return None
    return {
        "api_id": api_id,
        "headers": headers or {},
        "path_params": {},
        "query_params": query or {},
        "request_id": apigateway_v1.new_uuid(),
        "resource_path": "",
        "stage": found,
        "stage_name": stage,
    }
