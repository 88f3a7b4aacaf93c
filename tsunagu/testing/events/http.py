"""Events of HTTP: HTTP APIs and REST APIs of API Gateway, function URLs, load balancers."""

from typing import Any

from tsunagu.testing.events.places import text_of

HEADERS = {
    "accept": "application/json",
    "content-type": "application/json",
    "host": "a1b2c3.execute-api.eu-central-1.amazonaws.com",
    "x-amzn-trace-id": "Root=1-67891233-abcdef012345678912345678",
    "x-forwarded-for": "203.0.113.7",
    "x-forwarded-port": "443",
    "x-forwarded-proto": "https",
}


def http_api_event(
    method: str = "GET",
    path: str = "/",
    *,
    body: object = None,
    headers: dict[str, str] | None = None,
    query: str = "",
    authorizer: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a request of an HTTP API with payload 2.0 on the stage `$default`."""
    context = {
        "accountId": "111122223333",
        "apiId": "a1b2c3",
        "domainName": HEADERS["host"],
        "domainPrefix": "a1b2c3",
        "http": {
            "method": method,
            "path": path,
            "protocol": "HTTP/1.1",
            "sourceIp": "203.0.113.7",
            "userAgent": "curl/8.5.0",
        },
        "requestId": "JKJaXmPLvHcESHA=",
        "routeKey": "$default",
        "stage": "$default",
        "time": "12/Mar/2026:19:03:58 +0000",
        "timeEpoch": 1_773_342_238_000,
    }
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {**HEADERS, **(headers or {})},
        "requestContext": {**context, "authorizer": authorizer} if authorizer else context,
        **({"body": text_of(body)} if body is not None else {}),
        "isBase64Encoded": False,
    }


def function_url_event(method: str = "GET", path: str = "/", **named: Any) -> dict[str, Any]:
    """Return a request of a function URL: as `http_api_event`."""
    event = http_api_event(method, path, **named)
    host = "abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-central-1.on.aws"
    event["requestContext"] |= {"accountId": "anonymous", "domainName": host, "domainPrefix": host.partition(".")[0]}
    event["headers"]["host"] = host
    return event


def rest_api_event(
    method: str = "GET",
    path: str = "/",
    *,
    body: object = None,
    headers: dict[str, str] | None = None,
    authorizer: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a request of a REST API with a proxy integration."""
    sent = {**HEADERS, **(headers or {})}
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": {"proxy": path.lstrip("/")},
        "stageVariables": None,
        "requestContext": {
            "accountId": "111122223333",
            "apiId": "d4e5f6",
            "domainName": "d4e5f6.execute-api.eu-central-1.amazonaws.com",
            "extendedRequestId": "JKJZ5H6kliAFShg=",
            "httpMethod": method,
            "identity": {"accessKey": None, "caller": None, "sourceIp": "203.0.113.7", "userAgent": "curl/8.5.0"},
            "path": f"/prod{path}",
            "protocol": "HTTP/1.1",
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "requestTimeEpoch": 1_773_342_238_000,
            "resourceId": "123456",
            "resourcePath": "/{proxy+}",
            "stage": "prod",
            **({"authorizer": authorizer} if authorizer else {}),
        },
        "body": None if body is None else text_of(body),
        "isBase64Encoded": False,
    }


def http_api_1_event(method: str = "GET", path: str = "/", **named: Any) -> dict[str, Any]:
    """Return a request of an HTTP API with payload 1.0."""
    return {"version": "1.0", **rest_api_event(method, path, **named)}


def load_balancer_event(method: str = "GET", path: str = "/", *, body: object = "") -> dict[str, Any]:
    """Return a request of an Application Load Balancer."""
    arn = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/web/49e9d65c45c6791a"
    return {
        "requestContext": {"elb": {"targetGroupArn": arn}},
        "httpMethod": method,
        "path": path,
        "queryStringParameters": {},
        "headers": {**HEADERS, "host": "web-1234567890.eu-central-1.elb.amazonaws.com"},
        "body": text_of(body),
        "isBase64Encoded": False,
    }
