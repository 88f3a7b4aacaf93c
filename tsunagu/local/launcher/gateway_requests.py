"""Keeps what `$context` of a REST API needs while ministack handles a request."""

# ruff: noqa: SLF001 - the package's docstring says why

import contextvars
import functools
import time
from dataclasses import dataclass
from typing import Any

from .ministack_modules import apigateway_v1

Context = dict[str, Any]
Headers = dict[str, Any]

SOURCE_IP = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayRequest:
    """A request to a stage of a REST API.

    Attributes:
        record: What ministack knows of the request. It adds the resource and the stage when it has found them.
        method: HTTP method.
        path: Path below the stage.
        headers: Headers, with their names in lower case.
        query: Values of each query parameter.
        account_id: Account of the API.
        region: Region of the API.
        began: Time of the arrival, in seconds since the epoch.
    """

    record: dict[str, Any]
    method: str
    path: str
    headers: Headers
    query: dict[str, Any]
    account_id: str
    region: str
    began: float

    def context(self) -> Context:
        """Return the variables of `$context` that every request has."""
        record, path = self.record, f"/{self.record['stage_name']}{self.path}"
        return {
            "accountId": self.account_id,
            "apiId": record["api_id"],
            "authorizer": {},
            "extendedRequestId": record["request_id"],
            "httpMethod": self.method,
            "identity": {"sourceIp": SOURCE_IP, "userAgent": single(self.headers.get("user-agent", ""))},
            "path": path,
            "protocol": "HTTP/1.1",
            "requestId": record["request_id"],
            "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(self.began)),
            "requestTimeEpoch": int(self.began * 1000),
            "resourcePath": record["resource_path"],
            "stage": record["stage_name"],
        }


_current: contextvars.ContextVar[GatewayRequest | None] = contextvars.ContextVar("gateway_request", default=None)


def current() -> GatewayRequest | None:
    """Return the request that this task handles; None before it has reached a stage."""
    return _current.get()


def install() -> None:
    """Keep each request until its answer is made."""
    execute = apigateway_v1._execute_in_scope

    @functools.wraps(execute)
    async def keep_and_execute(record: dict[str, Any], *rest: Any) -> Any:
        _api_id, _stage, method, path, headers, _body, query, account_id, region = rest
        request = GatewayRequest(
            record=record,
            method=method,
            path=path,
            headers=headers or {},
            query=query or {},
            account_id=account_id,
            region=region,
            began=time.time(),
        )
        _current.set(request)
        return await execute(record, *rest)

    apigateway_v1._execute_in_scope = keep_and_execute


def single(value: Any, *, last: bool = True) -> str:
    """Return one of several values of a header (the last) or a query parameter (the first)."""
    if isinstance(value, list | tuple):
        return str(value[-1 if last else 0]) if value else ""
    return str(value)


def variable(context: Context, name: str) -> Any:
    """Return the variable of `$context` with a dotted name; None when there is none."""
    value: Any = context
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value
