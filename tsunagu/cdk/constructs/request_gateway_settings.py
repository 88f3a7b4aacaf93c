"""Settings of a request gateway: who may call it, what a request is, and how the gateway answers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from aws_cdk import Duration
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_logs as logs

from tsunagu.cdk.constructs.key_spaces import KeySpaceName
from tsunagu.cdk.constructs.ranges import check_range
from tsunagu.cdk.props import Between, CheckedProps, Seconds, Text, Unlike
from tsunagu.contracts.json_schema import json_schema
from tsunagu.contracts.requests import BODY_BYTES, KEPT_BYTES
from tsunagu.errors import InvalidPropsError

LARGEST_BODY_BYTES = range(1, KEPT_BYTES + 1)
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: 1 MB of an asynchronous event. The body is
# text in JSON there, so each of its characters can take six.
LARGEST_EVENT_BODY_BYTES = range(1, 150_001)
RETRY_AFTER_SECONDS = range(1, 3_601)
# https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
RATE_LIMIT = range(1, 1_000_001)

EVENT_BODY_BYTES = 131_072
RETRY_AFTER = Duration.seconds(2)

# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
SUB_VARIABLE = "authorizer.claims.sub"
PRINCIPAL_VARIABLE = "authorizer.principalId"
API_KEY_VARIABLE = "identity.apiKeyId"

_HEADER_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_PATH = re.compile(r"([A-Za-z0-9_-]{1,64}(/[A-Za-z0-9_-]{1,64})*)?")
_PARAMETER_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ORIGIN = re.compile(r"\*|https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?")
# Who has one of these can act for the caller. A record is no place for them.
_SECRET_HEADERS = ("authorization", "cookie", "proxy-authorization", "x-amz-security-token", "x-api-key")
_NAME_WORDS = "letters, digits, hyphens and underscores"

HeaderName = Annotated[
    str, Text(_HEADER_NAME, _NAME_WORDS), Unlike(_SECRET_HEADERS, "whoever reads the record could act for the caller")
]
ApiPath = Annotated[str, Text(_PATH, "parts of letters, digits, hyphens and underscores with a slash between two")]
RateLimit = Annotated[int, Between(RATE_LIMIT, "requests a second", deployed=True)]
BurstLimit = Annotated[int, Between(RATE_LIMIT, "requests", deployed=True)]
Origin = Annotated[str, Text(_ORIGIN, "an origin such as https://desk.example.com, or *", deployed=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestGatewaySettings(CheckedProps):
    """Settings of the HTTP side of accepted requests.

    Attributes:
        name: Scope of the requests, and last part of the path that accepts them: 1 to 64 letters, digits, hyphens and
            underscores. `@accepted_request` of the handler has the same name.
        request_model: The dataclass that the business function takes, or a JSON Schema of draft 4. A body that does not
            fit is refused with a 400 that has the reason. Default: any JSON.
        api: REST API to which the methods are added. Its owner sets its stage, its logs and its gateway responses, and
            deploys an imported one. Default: a new API.
        path: Path under which the methods are, such as `desk/v2`. Default: the root of the API.
        authorizer: Cognito or Lambda authorizer. A caller is the claim `sub`, or the authorizer's principal id.
            Default: IAM authorization; a caller is the principal without its session.
        authorization_scopes: OAuth scopes of access tokens for a Cognito authorizer. Default: id tokens.
        usage_plan: Usage plan whose API keys are required instead of IAM authorization; a caller is the id of its key.
            Default: no API key is required.
        public: Whether everybody may call without authorization. Then to know the id of a request is the right to see
            and to cancel it, and an `Idempotency-Key` has 22 characters at least. Default: no.
        idempotency_key_required: Whether a request without `Idempotency-Key` is refused. Default: such a request gets
            the request id of API Gateway as its id.
        cancellable: Whether `DELETE` cancels a request that has not been started. Default: there is no such method.
        kept_headers: Headers that the worker can read, such as the signature of a webhook. Default: none.
        form_bodies: Whether bodies of `application/x-www-form-urlencoded` are accepted too. Default: JSON alone.
        query_parameters: Query parameters of `GET` that make up the request, for clients that cannot send a body. They
            need the delivery `lambda_event`. Default: requests are accepted by `POST`.
        largest_body_bytes: Largest body in bytes of UTF-8, 1 to 390,000; kept headers and outbox have what it leaves.
            With the delivery `lambda_event` 1 to 150,000. Default: 262,144, or 131,072.
        retry_after: When a client should ask again, 1 to 3,600 seconds. Default: 2 seconds.
        rate_limit: Requests a second that a new API accepts on average, 1 to 1,000,000. Default: 100.
        burst_limit: Requests that a new API accepts at once, 1 to 1,000,000. Default: 200.
        cors_origin: Origin of the web pages that may call, such as `https://desk.example.com`, or `*`. Default: none.
        binary_media_types: Content types of results that are no text; a new API returns them unchanged to a client that
            asks for the type in `Accept`. Default: none.
        access_log_retention: How long the access logs of a new API are kept. They have no bodies. Default: 30 days.
        account_log_role: Whether the stack gives API Gateway its role for logs, which is a setting of the account and
            region, and is kept when the stack is deleted. Default: it does.

    Raises:
        InvalidPropsError: A value is out of range, or two settings exclude each other.
    """

    name: Annotated[KeySpaceName, Unlike(["requests"], "it is the path of the status")]
    request_model: type | Mapping[str, Any] | None = None
    api: apigateway.IRestApi | None = None
    path: ApiPath = ""
    authorizer: apigateway.IAuthorizer | None = None
    authorization_scopes: Sequence[str] = ()
    usage_plan: apigateway.UsagePlan | None = None
    public: bool = False
    idempotency_key_required: bool = False
    cancellable: bool = False
    kept_headers: Sequence[HeaderName] = ()
    form_bodies: bool = False
    query_parameters: Sequence[Annotated[str, Text(_PARAMETER_NAME, _NAME_WORDS)]] = ()
    largest_body_bytes: Annotated[int, Between(LARGEST_BODY_BYTES, "bytes")] | None = None
    retry_after: Annotated[Duration, Seconds(RETRY_AFTER_SECONDS)] = RETRY_AFTER
    rate_limit: RateLimit = 100
    burst_limit: BurstLimit = 200
    cors_origin: Origin | None = None
    binary_media_types: Sequence[str] = ()
    access_log_retention: logs.RetentionDays = logs.RetentionDays.ONE_MONTH
    account_log_role: bool = True

    def __post_init__(self) -> None:
        """Refuse settings that AWS does not allow, or that exclude each other."""
        CheckedProps.__post_init__(self)  # plain `super()` fails in a dataclass with slots
        self._check_access()
        self._check_api()

    def _check_access(self) -> None:
        chosen = {"authorizer": self.authorizer, "usage_plan": self.usage_plan, "public": self.public or None}
        given = [name for name, value in chosen.items() if value is not None]
        if len(given) > 1:
            msg = f"one of authorizer, usage_plan and public can say who may call, got {' and '.join(given)}"
            raise InvalidPropsError(msg)
        is_cognito = (
            self.authorizer is not None and self.authorizer.authorization_type is apigateway.AuthorizationType.COGNITO
        )
        if self.authorization_scopes and not is_cognito:
            msg = "authorization_scopes must be left out without a Cognito authorizer, because no other token has them"
            raise InvalidPropsError(msg)

    def _check_api(self) -> None:
        if self.api is not None and self.binary_media_types:
            msg = "binary_media_types must be left out with api, because they are a setting of the API, got both"
            raise InvalidPropsError(msg)

    def check_delivery(self, *, is_event: bool) -> None:
        """Refuse settings that the delivery does not allow.

        Args:
            is_event: Whether the gateway invokes the function.

        Raises:
            InvalidPropsError: The queue cannot have query parameters, an event cannot be cancelled before its start,
                or the body is too large.
        """
        limits = LARGEST_EVENT_BODY_BYTES if is_event else LARGEST_BODY_BYTES
        if self.largest_body_bytes is not None:
            check_range("largest_body_bytes", self.largest_body_bytes, limits, "bytes")
        if self.query_parameters and not is_event:
            msg = "query_parameters must be left out with the delivery queue, whose requests have a body, got some"
            raise InvalidPropsError(msg)
        if self.query_parameters and self.form_bodies:
            msg = "form_bodies must be left out with query_parameters, because such a request has no body, got both"
            raise InvalidPropsError(msg)
        if self.cancellable and is_event:
            msg = "cancellable must be left out with the delivery lambda_event, which has no record before the start"
            raise InvalidPropsError(msg)

    def body_bytes(self, *, is_event: bool) -> int:
        """Return the largest body in bytes."""
        return self.largest_body_bytes or (EVENT_BODY_BYTES if is_event else BODY_BYTES)

    @property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of a request, in draft 4.

        Raises:
            InvalidPropsError: `request_model` is a class that no JSON can be read into.
        """
        model = self.request_model
        if model is None:
            return {}
        if isinstance(model, Mapping):
            return dict(model)
        try:
            return json_schema(model)
        except TypeError as error:
            msg = f"request_model must be a class that JSON can be read into: {error}"
            raise InvalidPropsError(msg) from error

    @property
    def authorization_type(self) -> apigateway.AuthorizationType:
        """How API Gateway authorizes a call."""
        if self.authorizer is not None:
            kind = self.authorizer.authorization_type
            return kind if kind is not None else apigateway.AuthorizationType.CUSTOM
        if self.public or self.usage_plan is not None:
            return apigateway.AuthorizationType.NONE
        return apigateway.AuthorizationType.IAM

    @property
    def caller_template(self) -> str:
        """Include of the template that finds the caller."""
        return {
            apigateway.AuthorizationType.IAM: "@{>caller_of_principal}",
            apigateway.AuthorizationType.NONE: "@{>caller_public}" if self.public else "@{>caller_of_variable}",
        }.get(self.authorization_type, "@{>caller_of_variable}")

    @property
    def caller_variable(self) -> str:
        """Variable of `$context` that has the caller, where a template needs one."""
        if self.usage_plan is not None:
            return API_KEY_VARIABLE
        is_cognito = self.authorization_type is apigateway.AuthorizationType.COGNITO
        return SUB_VARIABLE if is_cognito else PRINCIPAL_VARIABLE
