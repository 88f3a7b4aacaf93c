"""HTTP APIs: access logs, throttling, CORS, and JSON web tokens."""

import base64
import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.tsunagu.local.http_api import HttpApi, http_api
from tsunagu.local.embedded_cloud import EmbeddedCloud

ECHO = """
def handler(event, context):
    context = event["requestContext"]
    headers = {"x-request": context["requestId"], "x-sub": str(context.get("authorizer"))}
    return {"statusCode": 201, "headers": headers, "body": "four"}
"""
FORMAT = json.dumps(
    {
        "id": "$context.requestId",
        "method": "$context.httpMethod",
        "path": "$context.path",
        "route": "$context.routeKey",
        "stage": "$context.stage",
        "status": "$context.status",
        "length": "$context.responseLength",
        "agent": "$context.identity.userAgent",
        "error": "$context.error.message",
        "nothing": "$context.nothing.at.all",
    }
)
LOGS = {"AccessLogSettings": {"DestinationArn": {"Fn::GetAtt": ["Logs", "Arn"]}, "Format": FORMAT}}


def test_each_request_has_a_line_in_the_format_of_the_stage(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], function: Callable[..., Any]
) -> None:
    limits = {"RouteSettings": {"$default": {"ThrottlingBurstLimit": 1, "ThrottlingRateLimit": 0}}}
    resources = http_api(function, ECHO, stage={**LOGS, **limits})
    ids = deploy({**resources, "Logs": {"Type": "AWS::Logs::LogGroup"}})
    api = HttpApi(cloud=cloud, api_id=ids["Api"])

    answer = api.call("POST", "/items/1", "a secret", User_Agent='probe "1"')
    api.call("GET", "/items/2")

    events = cloud.client("logs").filter_log_events(logGroupName=ids["Logs"])["events"]
    good, bad = (json.loads(event["message"]) for event in events)
    assert answer.headers["x-request"] == answer.headers["apigw-requestid"] == good.pop("id")
    assert good == {
        "method": "POST",
        "path": "/items/1",
        "route": "$default",
        "stage": "$default",
        "status": "201",
        "length": "4",
        "agent": 'probe "1"',
        "error": "-",
        "nothing": "-",
    }
    assert (bad["status"], bad["error"]) == ("429", "Too Many Requests")


@pytest.mark.parametrize("place", ["DefaultRouteSettings", "RouteSettings"])
def test_requests_above_the_limits_of_a_stage_or_a_route_are_refused(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], function: Callable[..., Any], place: str
) -> None:
    limits = {"ThrottlingBurstLimit": 2, "ThrottlingRateLimit": 0}
    stage = {place: limits if place == "DefaultRouteSettings" else {"$default": limits}}
    api = HttpApi(cloud=cloud, api_id=deploy(http_api(function, ECHO, stage=stage))["Api"])

    answers = [api.call("GET", "/") for _ in range(4)]

    assert [answer.status for answer in answers] == [201, 201, 429, 429]
    assert answers[-1].json() == {"message": "Too Many Requests"}


def test_stage_without_limits_refuses_nothing(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], function: Callable[..., Any]
) -> None:
    api = HttpApi(cloud=cloud, api_id=deploy(http_api(function, ECHO))["Api"])

    assert {api.call("GET", "/").status for _ in range(20)} == {201}


def test_default_stage_is_the_root_of_the_domain_of_an_api(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], function: Callable[..., Any]
) -> None:
    code = 'def handler(event, context): return event["rawPath"]'
    api_id = deploy(http_api(function, code))["Api"]
    request = urllib.request.Request(  # noqa: S310
        f"{cloud.endpoint_url}/orders/1", headers={"Host": f"{api_id}.execute-api.127.0.0.1"}
    )

    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
        assert answer.read() == b"/orders/1"


def test_cors_of_a_template_is_answered(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], function: Callable[..., Any]
) -> None:
    cors = {
        "AllowOrigins": ["https://shop.example"],
        "AllowMethods": ["GET", "POST"],
        "AllowHeaders": ["idempotency-key"],
        "ExposeHeaders": ["idempotency-replayed"],
        "AllowCredentials": True,
        "MaxAge": 600,
    }
    api = HttpApi(cloud=cloud, api_id=deploy(http_api(function, ECHO, CorsConfiguration=cors))["Api"])
    asked = {"Origin": "https://shop.example", "Access_Control_Request_Method": "POST"}

    preflight = api.call("OPTIONS", "/orders", **asked)
    answer = api.call("GET", "/orders", Origin="https://shop.example")
    stranger = api.call("GET", "/orders", Origin="https://evil.example")

    assert preflight.status == 204
    assert preflight.headers["access-control-allow-origin"] == "https://shop.example"
    assert preflight.headers["access-control-allow-methods"] == "GET,POST"
    assert preflight.headers["access-control-allow-headers"] == "idempotency-key"
    assert preflight.headers["access-control-allow-credentials"] == "true"
    assert preflight.headers["access-control-max-age"] == "600"
    assert answer.headers["access-control-expose-headers"] == "idempotency-replayed"
    assert "access-control-allow-origin" not in stranger.headers


def encoded(value: bytes | dict[str, Any]) -> str:
    text = json.dumps(value).encode() if isinstance(value, dict) else value
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def number(value: int) -> str:
    return encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))


class Issuer:
    """An issuer of tokens, which serves its keys on loopback."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
        numbers = self.key.public_key().public_numbers()
        jwk = {"kty": "RSA", "kid": "k", "alg": "RS256", "use": "sig", "n": number(numbers.n), "e": number(numbers.e)}

        class Keys(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                is_keys = self.path == "/.well-known/jwks.json"
                self.send_response(200 if is_keys else 404)
                self.end_headers()
                self.wfile.write(json.dumps({"keys": [jwk]}).encode() if is_keys else b"")

            def log_message(self, *_arguments: Any) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Keys)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def token(self, **claims: Any) -> str:
        stated = {"iss": self.url, "aud": "shop", "sub": "c-7", "exp": int(time.time()) + 600} | claims
        signed = f"{encoded({'alg': 'RS256', 'kid': 'k'})}.{encoded(stated)}"
        return f"{signed}.{encoded(self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    made = Issuer()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_jwt_authorizer_takes_good_tokens_and_no_others(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], function: Callable[..., Any], issuer: Issuer
) -> None:
    resources = http_api(function, ECHO)
    resources["Authorizer"] = {
        "Type": "AWS::ApiGatewayV2::Authorizer",
        "Properties": {
            "ApiId": {"Ref": "Api"},
            "AuthorizerType": "JWT",
            "IdentitySource": ["$request.header.Authorization"],
            "JwtConfiguration": {"Audience": ["shop"], "Issuer": issuer.url},
            "Name": "tokens",
        },
    }
    resources["Route"]["Properties"] |= {"AuthorizationType": "JWT", "AuthorizerId": {"Ref": "Authorizer"}}
    api = HttpApi(cloud=cloud, api_id=deploy(resources)["Api"])
    good = issuer.token()
    head, _claims, signature = good.split(".")
    forged = f"{head}.{encoded({'iss': issuer.url, 'aud': 'shop', 'sub': 'admin', 'exp': 9_999_999_999})}.{signature}"

    answer = api.call("GET", "/", Authorization=f"Bearer {good}")
    refused = [None, forged, issuer.token(aud="other"), issuer.token(exp=1), issuer.token(iss="http://other")]
    statuses = [
        api.call("GET", "/", **({"Authorization": f"Bearer {each}"} if each else {})).status for each in refused
    ]

    assert answer.status == 201
    assert "c-7" in answer.headers["x-sub"]
    assert set(statuses) == {401}
