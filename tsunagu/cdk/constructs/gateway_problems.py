"""Problem documents (RFC 9457) of a REST API: what API Gateway itself answers, and fixed answers of integrations."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import aws_apigateway as apigateway

if TYPE_CHECKING:
    from constructs import Construct

PROBLEM_TYPE = "application/problem+json"
ANY_TYPE = "about:blank"

_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
RETRYABLE = (429, 503, 504)


@dataclass(frozen=True, slots=True)
class _Problem:
    """One kind of gateway response, and the sentence that explains it; None: that of API Gateway."""

    response_type: apigateway.ResponseType
    status: int
    detail: str | None = None
    has_reasons: bool = False


# https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
_PROBLEMS: Mapping[str, _Problem] = {
    "AccessDenied": _Problem(apigateway.ResponseType.ACCESS_DENIED, 403, "the caller may not do this"),
    "ApiConfigurationError": _Problem(
        apigateway.ResponseType.API_CONFIGURATION_ERROR, 500, "the API is not set up correctly"
    ),
    "AuthorizerConfigurationError": _Problem(
        apigateway.ResponseType.AUTHORIZER_CONFIGURATION_ERROR, 500, "the API is not set up correctly"
    ),
    "AuthorizerFailure": _Problem(
        apigateway.ResponseType.AUTHORIZER_FAILURE, 500, "the authorization of the caller failed"
    ),
    "BadRequestBody": _Problem(apigateway.ResponseType.BAD_REQUEST_BODY, 400, None, has_reasons=True),
    "BadRequestParameters": _Problem(apigateway.ResponseType.BAD_REQUEST_PARAMETERS, 400, None, has_reasons=True),
    "Default4xx": _Problem(apigateway.ResponseType.DEFAULT_4_XX, 400),
    "Default5xx": _Problem(apigateway.ResponseType.DEFAULT_5_XX, 500, "the request could not be handled"),
    "ExpiredToken": _Problem(apigateway.ResponseType.EXPIRED_TOKEN, 403, "the token of the caller has expired"),
    "IntegrationFailure": _Problem(
        apigateway.ResponseType.INTEGRATION_FAILURE, 504, "a part of the service could not be reached"
    ),
    "IntegrationTimeout": _Problem(
        apigateway.ResponseType.INTEGRATION_TIMEOUT, 504, "a part of the service did not answer in time"
    ),
    "InvalidApiKey": _Problem(apigateway.ResponseType.INVALID_API_KEY, 403, "the API key is missing or is not valid"),
    "InvalidSignature": _Problem(apigateway.ResponseType.INVALID_SIGNATURE, 403, "the signature is not valid"),
    "MissingAuthenticationToken": _Problem(
        apigateway.ResponseType.MISSING_AUTHENTICATION_TOKEN,
        403,
        "the caller did not authenticate, or there is no such path or method",
    ),
    "QuotaExceeded": _Problem(apigateway.ResponseType.QUOTA_EXCEEDED, 429, "the quota of the caller is used up"),
    "RequestTooLarge": _Problem(apigateway.ResponseType.REQUEST_TOO_LARGE, 413, "the body is too large"),
    "ResourceNotFound": _Problem(apigateway.ResponseType.RESOURCE_NOT_FOUND, 404, "there is no such path"),
    "Throttled": _Problem(
        apigateway.ResponseType.THROTTLED, 429, "there are too many requests at the moment: send it again later"
    ),
    "Unauthorized": _Problem(apigateway.ResponseType.UNAUTHORIZED, 401, "the caller did not authenticate"),
    "UnsupportedMediaType": _Problem(
        apigateway.ResponseType.UNSUPPORTED_MEDIA_TYPE, 415, "the body has a content type that is not accepted"
    ),
    "WafFiltered": _Problem(apigateway.ResponseType.WAF_FILTERED, 403, "the request was refused by a filter"),
}


def title_of(status: int) -> str:
    """Return the title of a problem that has no type of its own: the phrase of its HTTP status."""
    return _TITLES[status]


def add_gateway_problems(
    scope: "Construct", api: apigateway.IRestApi, *, headers: Mapping[str, str], retry_after_seconds: int
) -> None:
    """Make all gateway responses of an API problem documents.

    Args:
        scope: Construct under which the responses are made.
        api: The API.
        headers: Headers of each response, with quoted values.
        retry_after_seconds: Header `Retry-After` of an answer that another time would be another one.
    """
    for construct_id, problem in _PROBLEMS.items():
        retry = {"Retry-After": f"'{retry_after_seconds}'"} if problem.status in RETRYABLE else {}
        apigateway.GatewayResponse(
            scope,
            construct_id,
            rest_api=api,
            type=problem.response_type,
            # The statuses of the default responses are those of whatever went wrong.
            status_code=None if construct_id.startswith("Default") else str(problem.status),
            response_headers={"Content-Type": f"'{PROBLEM_TYPE}'", "Cache-Control": "'no-store'", **headers, **retry},
            templates={"application/json": _document(problem, has_status=not construct_id.startswith("Default"))},
        )


def _document(problem: _Problem, *, has_status: bool) -> str:
    title = title_of(problem.status) if has_status else "The request could not be handled"
    members = {"type": json.dumps(ANY_TYPE), "title": json.dumps(title)}
    if has_status:
        members["status"] = str(problem.status)
    # The variable has quotes of its own.
    members["detail"] = "$context.error.messageString" if problem.detail is None else json.dumps(problem.detail)
    if problem.has_reasons:
        members["errors"] = '"$context.error.validationErrorString"'
    return "{" + ", ".join(f'"{name}": {value}' for name, value in members.items()) + "}"
