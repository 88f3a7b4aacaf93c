"""Answers for functions behind an API as API Gateway does: its own time limit, and failures in its own words.

ministack waits as long as the function runs, and tells the caller what the function raised
(https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway-errors.html). An event of payload 2.0 has no cookies
there, and its path no stage.
"""

# ruff: noqa: SLF001 - the package's docstring says why

import asyncio
import contextvars
import functools
import json
from typing import Any

from . import http_api_requests
from .ministack_modules import apigateway, apigateway_v1, lambda_svc

Answer = tuple[int, dict[str, str], bytes]

REST_TIMEOUT_MS = 29_000  # the defaults, and the most that a template can set
HTTP_TIMEOUT_MS = 30_000
TIMED_OUT = {"error": True, "body": None, "timed_out": True}

# What the gateway answers instead of what the function has answered: a `_GatewayError`, or an answer.
_failure: contextvars.ContextVar[Any] = contextvars.ContextVar("function_failure", default=None)
_seconds: contextvars.ContextVar[float | None] = contextvars.ContextVar("integration_seconds", default=None)
_running: set[asyncio.Task[Any]] = set()  # the event loop itself keeps weak references only


def install() -> None:
    """Limit and translate the answers of functions."""
    _install_rest()
    _install_http()


def _install_rest() -> None:
    invoke, call = apigateway_v1._invoke_lambda_proxy_v1, apigateway_v1._call_lambda_raw
    to_response = apigateway_v1._lambda_proxy_response

    @functools.wraps(invoke)
    async def invoke_or_fail(integration: dict[str, Any], *rest: Any, **named: Any) -> Any:
        _failure.set(None)
        _seconds.set(_limit(integration, REST_TIMEOUT_MS))
        answer = await invoke(integration, *rest, **named)
        return _failure.get() or answer

    async def call_in_time(*arguments: Any, **named: Any) -> Any:
        return await _within(call(*arguments, **named), (TIMED_OUT, None))

    def response_or_failure(result: dict[str, Any]) -> Any:
        failure = _rest_failure(result)
        if failure is None:
            return to_response(result)
        _failure.set(failure)
        return {"statusCode": 500}, None

    apigateway_v1._invoke_lambda_proxy_v1 = invoke_or_fail
    apigateway_v1._call_lambda_raw = call_in_time
    apigateway_v1._lambda_proxy_response = response_or_failure


def _rest_failure(result: dict[str, Any]) -> Any:
    if result.get("timed_out"):
        return apigateway_v1._gw_error("INTEGRATION_TIMEOUT", "Endpoint request timed out")
    if result.get("throttle"):  # Lambda refused the call
        return apigateway_v1._gw_error("API_CONFIGURATION_ERROR", "Internal server error")
    if result.get("error") or not _is_proxy_answer(result.get("body")):
        return _answer(502, "Internal server error")
    return None


def _install_http() -> None:
    invoke, run = apigateway._invoke_lambda_proxy, apigateway.run_reentrant
    to_response = lambda_svc.lambda_execute_result_to_api_proxy_response

    @functools.wraps(invoke)
    async def invoke_or_fail(
        integration: dict[str, Any], api_id: str, stage: str, path: str, *rest: Any, **named: Any
    ) -> Answer:
        _failure.set(None)
        _seconds.set(_limit(integration, HTTP_TIMEOUT_MS))
        whole = path if stage == "$default" else f"/{stage}{path}"
        answer: Answer = await invoke(integration, api_id, stage, whole, *rest, **named)
        return _failure.get() or answer

    async def run_in_time(work: Any, *arguments: Any, **named: Any) -> Any:
        event = arguments[-1] if arguments else None
        if not isinstance(event, dict) or "rawPath" not in event or "routeArn" in event:
            return await run(work, *arguments, **named)  # not a request: an authorizer, for example
        _complete(event)
        return await _within(run(work, *arguments, **named), TIMED_OUT)

    def response_or_failure(result: dict[str, Any]) -> Any:
        failure = _http_failure(result) if http_api_requests.current() is not None else None
        if failure is None:
            return to_response(result)
        _failure.set(failure)
        return {"statusCode": 500}, None

    apigateway._invoke_lambda_proxy = invoke_or_fail
    apigateway.run_reentrant = run_in_time
    lambda_svc.lambda_execute_result_to_api_proxy_response = response_or_failure


def _complete(event: dict[str, Any]) -> None:
    """Move the cookies of an event where AWS puts them, and give it the id that the access log has."""
    cookie = event["headers"].pop("cookie", None)
    if cookie is not None:
        event["cookies"] = [each.strip() for each in cookie.split(";")]
    received = http_api_requests.current()
    if received is not None:
        event["requestContext"]["requestId"] = received.request_id


def _http_failure(result: dict[str, Any]) -> Answer | None:
    if result.get("timed_out"):
        return _answer(503, "Service Unavailable")
    body = result.get("body")
    is_malformed = isinstance(body, dict) and "statusCode" in body and not _is_proxy_answer(body)
    if result.get("error") or result.get("throttle") or is_malformed:
        return _answer(500, "Internal Server Error")
    return None


def _limit(integration: dict[str, Any], most_ms: int) -> float:
    return min(int(integration.get("timeoutInMillis") or most_ms), most_ms) / 1000


async def _within(work: Any, otherwise: Any) -> Any:
    """Return what `work` returns; or `otherwise` when the time is over. The function runs on, as on AWS."""
    task = asyncio.ensure_future(work)
    _running.add(task)
    task.add_done_callback(_running.discard)
    done, _pending = await asyncio.wait({task}, timeout=_seconds.get())
    return task.result() if done else otherwise


def _is_proxy_answer(body: Any) -> bool:
    if not isinstance(body, dict) or not isinstance(body.get("body"), str | None):
        return False
    return str(body.get("statusCode", 200)).isdigit()


def _answer(status: int, message: str) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps({"message": message}).encode()
