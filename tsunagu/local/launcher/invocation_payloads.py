"""Refuses to invoke a function with a payload that is not JSON, as Lambda does. ministack takes it for `{}`."""

import functools
import json
from typing import Any

from .ministack_modules import lambda_svc

ERROR = "InvalidRequestContentException"
MESSAGE = "Could not parse request body into json: Could not parse payload into json"


def install() -> None:
    """Check the payload of each invocation."""
    handle = lambda_svc.handle_request

    @functools.wraps(handle)
    async def check_and_handle(method: str, path: str, headers: dict[str, Any], body: bytes, query: Any) -> Any:
        if path.endswith("/invocations") and body and not _is_json(body):
            return lambda_svc.error_response_json(ERROR, MESSAGE, 400)
        return await handle(method, path, headers, body, query)

    lambda_svc.handle_request = check_and_handle


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True
