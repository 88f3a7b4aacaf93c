"""Limits and logs the requests of HTTP APIs by the settings of their stage. ministack keeps the settings only."""

# ruff: noqa: SLF001 - the package's docstring says why

import contextvars
import functools
import json
import time
from dataclasses import dataclass, field
from typing import Any

from . import access_logs
from .gateway_requests import SOURCE_IP, Context
from .ministack_modules import apigateway, apigateway_v1, app

Answer = tuple[int, dict[str, Any], bytes]

TOO_MANY = "Too Many Requests"
REQUEST_ID_HEADER = "apigw-requestid"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpApiRequest:
    """A request to a stage of an HTTP API.

    Attributes:
        api_id: The API.
        stage_name: The stage.
        route_key: The route that matches; empty if none does.
        method: HTTP method.
        path: Path below the stage.
        headers: Headers, with their names in lower case.
        request_id: Id that the event of a function, the log and the answer have.
        began: Time of the arrival, in seconds since the epoch.
    """

    api_id: str
    stage_name: str
    route_key: str
    method: str
    path: str
    headers: dict[str, Any]
    request_id: str = field(default_factory=apigateway_v1.new_uuid)
    began: float = field(default_factory=time.time)

    def context(self) -> Context:
        """Return the variables of `$context` that every request has."""
        stage = "" if self.stage_name == "$default" else f"/{self.stage_name}"
        return {
            "apiId": self.api_id,
            "domainName": self.headers.get("host", ""),
            "httpMethod": self.method,
            "identity": {"sourceIp": SOURCE_IP, "userAgent": self.headers.get("user-agent", "")},
            "path": f"{stage}{self.path}",
            "protocol": "HTTP/1.1",
            "requestId": self.request_id,
            "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(self.began)),
            "requestTimeEpoch": int(self.began * 1000),
            "routeKey": self.route_key,
            "stage": self.stage_name,
        }


_current: contextvars.ContextVar[HttpApiRequest | None] = contextvars.ContextVar("http_api_request", default=None)


def current() -> HttpApiRequest | None:
    """Return the request that this task handles; None in a task that handles something else."""
    return _current.get()


def install() -> None:
    """Refuse requests above the limits of a route, and write a line for each answer of a stage with access logs."""
    _find_default_stages()
    handle = apigateway._handle_execute_in_scope

    @functools.wraps(handle)
    async def handle_and_log(
        api_id: str, stage_name: str, path: str, method: str, headers: Any, *rest: Any, **named: Any
    ) -> Answer:
        lower = {name.lower(): value for name, value in (headers or {}).items()}
        route = apigateway._match_route(api_id, method, f"/{path.lstrip('/')}") or {}
        received = HttpApiRequest(
            api_id=api_id,
            stage_name=stage_name,
            route_key=route.get("routeKey", ""),
            method=method,
            path=path,
            headers=lower,
        )
        _current.set(received)
        stage = apigateway._stages.get(api_id, {}).get(stage_name) or {}
        if not _has_token(stage, received):
            answer: Answer = (429, {"Content-Type": "application/json"}, json.dumps({"message": TOO_MANY}).encode())
        else:
            answer = await handle(api_id, stage_name, path, method, headers, *rest, **named)
        answer[1].setdefault(REQUEST_ID_HEADER, received.request_id)
        if settings := stage.get("accessLogSettings"):
            line = access_logs.line(settings["format"], _context(received, answer))
            access_logs.write(settings["destinationArn"], f"{api_id}-{stage_name}", line)
        return answer

    apigateway._handle_execute_in_scope = handle_and_log


def _find_default_stages() -> None:
    """Take the whole path for that of the stage `$default`, where the API has no stage of the path's first name."""
    parse = app._parse_execute_api_url

    @functools.wraps(parse)
    def parse_with_default(host: str, path: str) -> tuple[str, str, str] | None:
        found: tuple[str, str, str] | None = parse(host, path)
        if found is None or not app._EXECUTE_API_RE.match(host):
            return found
        stages = apigateway.stages_for_api(found[0]) or {}
        return (found[0], "$default", path) if "$default" in stages and found[1] not in stages else found

    app._parse_execute_api_url = parse_with_default


def _context(received: HttpApiRequest, answer: Answer) -> Context:
    status, _headers, body = answer
    took_ms = round((time.time() - received.began) * 1000)
    context = received.context()
    context |= {"responseLatency": took_ms, "responseLength": len(body or b""), "status": status}
    if status == 429:  # noqa: PLR2004 - of the gateway: a function's own answer has no error
        context["error"] = {"message": TOO_MANY}
    return context


def _has_token(stage: dict[str, Any], received: HttpApiRequest) -> bool:
    """Whether the request is within the limits of its route; or else of the stage."""
    routes = stage.get("routeSettings") or {}
    settings = {**(stage.get("defaultRouteSettings") or {}), **(routes.get(received.route_key) or {})}
    names = {name[:1].lower() + name[1:]: value for name, value in settings.items()}  # CloudFormation keeps its own
    limits = {"rateLimit": names.get("throttlingRateLimit"), "burstLimit": names.get("throttlingBurstLimit")}
    slot = ("http", received.api_id, received.stage_name, received.route_key if received.route_key in routes else "")
    has_token: bool = apigateway_v1._take_token(slot, limits)
    return has_token
