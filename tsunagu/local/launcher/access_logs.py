"""Writes the access logs of REST APIs to CloudWatch Logs. ministack has none.

The line of a call that IAM denies is missing: it ends before it reaches a stage.
"""

# ruff: noqa: SLF001 - the package's docstring says why

import contextvars
import functools
import json
import re
import time
from typing import Any

from . import gateway_errors, gateway_requests
from .gateway_requests import Context, GatewayRequest, variable
from .ministack_modules import apigateway_v1, cloudwatch_logs

Answer = tuple[int, dict[str, Any], bytes]

ABSENT = "-"  # https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
_VARIABLE = re.compile(r"\$context\.([A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*)")
_error: contextvars.ContextVar[Any] = contextvars.ContextVar("gateway_error", default=None)


def install() -> None:
    """Write a line for each answer of a stage with access logs."""
    handle, answer_error = apigateway_v1._handle_execute_in_scope, apigateway_v1._gateway_error_response

    def answer_and_keep(error: Any, record: Any) -> Answer:
        _error.set(error)
        answer: Answer = answer_error(error, record)
        return answer

    @functools.wraps(handle)
    async def handle_and_log(api_id: str, stage_name: str, *rest: Any) -> Answer:
        _error.set(None)
        answer: Answer = await handle(api_id, stage_name, *rest)
        received = gateway_requests.current()
        stage = apigateway_v1._stages_v1.get(api_id, {}).get(stage_name) or {}
        if received is not None and (settings := stage.get("accessLogSettings")):
            text = line(settings["format"], _context(received, answer))
            write(settings["destinationArn"], f"{api_id}-{stage_name}", text)
        return answer

    apigateway_v1._gateway_error_response = answer_and_keep
    apigateway_v1._handle_execute_in_scope = handle_and_log


def _context(received: GatewayRequest, answer: Answer) -> Context:
    status, _headers, body = answer
    context = received.context()
    context |= {
        "responseLatency": round((time.time() - received.began) * 1000),
        "responseLength": len(body or b""),
        "status": status,
    }
    if (error := _error.get()) is not None:
        message = str(error.message)
        context["error"] = {
            "message": message,
            "messageString": json.dumps(message),
            "responseType": error.response_type,
            "validationErrorString": json.loads(f'"{gateway_errors.reason()}"'),
        }
    context["identity"] |= _caller(received) or {}
    return context


def _caller(received: GatewayRequest) -> dict[str, Any] | None:
    place = (received.record["api_id"], received.record["stage_name"], received.method, received.path)
    if apigateway_v1.method_authorization_type(*place) != "AWS_IAM":
        return None
    caller: dict[str, Any] | None = apigateway_v1._iam_caller_identity(received.headers, received.query)
    return caller


def line(text: str, context: Context) -> str:
    """Return the line of one request, in the format of its stage."""

    def fill(match: re.Match[str]) -> str:
        value = variable(context, match.group(1))
        if value is None or value == "" or isinstance(value, dict):
            return ABSENT
        return json.dumps(str(value), ensure_ascii=False)[1:-1]

    return _VARIABLE.sub(fill, text)


def write(destination_arn: str, stream: str, line: str) -> None:
    """Write a line to a log group, if that exists."""
    group = destination_arn.split(":log-group:")[1].removesuffix(":*")
    found = cloudwatch_logs._log_groups.get(group)
    if found is None:
        return
    names = {"logGroupName": group, "logStreamName": stream}
    if stream not in found["streams"]:
        cloudwatch_logs._create_log_stream(names)
    cloudwatch_logs._put_log_events({**names, "logEvents": [{"timestamp": int(time.time() * 1000), "message": line}]})
