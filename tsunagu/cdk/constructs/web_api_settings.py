"""Settings of a web API: which API of API Gateway it is, who may call it, and how much at a time."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from aws_cdk import Duration
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_apigatewayv2_authorizers as apigatewayv2_authorizers
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_logs as logs
from aws_cdk import aws_route53 as route53

from tsunagu.cdk.constructs.request_gateway_settings import ApiPath, BurstLimit, Origin, RateLimit
from tsunagu.cdk.props import CheckedProps, OneOf, Seconds, Text
from tsunagu.errors import InvalidPropsError

WebApiKind = Literal["http", "rest"]

# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html
ANSWER_SECONDS: dict[WebApiKind, int] = {"http": 30, "rest": 29}
MAX_AGE_SECONDS = range(1, 86_401)

ANY_ORIGIN = "*"
ALL_BODIES = ("*/*",)
CORS_METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
CORS_HEADERS = ("Authorization", "Content-Type", "Idempotency-Key", "X-Amz-Date", "X-Amz-Security-Token", "X-Api-Key")
CORS_EXPOSED = ("Idempotency-Replayed", "Location", "Retry-After")
MAX_AGE = Duration.hours(1)

_DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
_HEADER = re.compile(r"[A-Za-z0-9_-]{1,128}")
_HeaderName = Annotated[str, Text(_HEADER, "letters, digits, hyphens and underscores")]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebApiCors(CheckedProps):
    """Which web pages may call from a browser (CORS).

    An HTTP API adds the headers to the answers of the application, and replaces those that the application sets. A REST
    API adds them only to what it answers itself, so that the application must set them too.

    Attributes:
        origins: Origins of the pages, such as `https://desk.example.com`, or `*`. A REST API takes one.
        methods: HTTP methods that the pages may use. Default: `DELETE`, `GET`, `HEAD`, `PATCH`, `POST`, `PUT`.
        headers: Headers that the pages may send. Default: those of authorization, `Content-Type`, `Idempotency-Key`.
        exposed_headers: Headers of an answer that the pages may read. Default: `Idempotency-Replayed`, `Location`,
            `Retry-After`.
        credentials: Whether the pages may send cookies. Default: no.
        max_age: How long a browser remembers these settings, 1 second to 1 day. Default: 1 hour.

    Raises:
        InvalidPropsError: An origin has another form, or two settings exclude each other.
    """

    origins: Sequence[Origin]
    methods: Sequence[Annotated[str, OneOf(CORS_METHODS)]] = CORS_METHODS
    headers: Sequence[_HeaderName] = CORS_HEADERS
    exposed_headers: Sequence[_HeaderName] = CORS_EXPOSED
    credentials: bool = False
    max_age: Annotated[Duration, Seconds(MAX_AGE_SECONDS)] = MAX_AGE

    def __post_init__(self) -> None:
        """Refuse settings that browsers or AWS do not allow."""
        CheckedProps.__post_init__(self)  # plain `super()` fails in a dataclass with slots
        if not self.origins:
            msg = "origins must have one origin or more, got none"
            raise InvalidPropsError(msg)
        if self.credentials and ANY_ORIGIN in self.origins:
            msg = "origins must be named with credentials, because browsers send no cookies to *, got *"
            raise InvalidPropsError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebApiDomain(CheckedProps):
    """The domain of a web API.

    Attributes:
        name: The name, such as `api.example.com`.
        certificate: Certificate of the name, in the region of the API.
        hosted_zone: Zone in which a record of the name is made. Default: you make the record yourself; it points to
            `regional_domain_name` of the domain.
        path: First part of the addresses, such as `shop`. `MessageRouter(app, base_path="/shop")` removes it again.
            Default: none.
        keep_own_address: Whether the API can be called by its own address, too. Default: by the domain only.

    Raises:
        InvalidPropsError: The name or the path has another form.
    """

    name: Annotated[str, Text(_DOMAIN, "a domain such as api.example.com, in lower case", deployed=True)]
    certificate: acm.ICertificate
    hosted_zone: route53.IHostedZone | None = None
    path: ApiPath = ""
    keep_own_address: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WebApiSettings(CheckedProps):
    """Settings of the HTTP side of a function.

    Attributes:
        kind: `http`: an HTTP API with the stage `$default`, payload 2.0. `rest`: a REST API with the stage `v1`.
            Default: that of `existing`, or else `http`.
        existing: HTTP API or REST API to which the routes are added. Its owner sets its stage, its domain, its logs,
            its throttling and its CORS, and deploys an imported REST API. Default: a new API.
        path: Path under which the function answers, such as `shop/v2`. The application gets the whole path:
            `MessageRouter(app, base_path="/shop/v2")` removes it again. Default: the function answers all paths.
        authorizer: Authorizer of the same kind as the API: JWT, Lambda or IAM for an HTTP API; Cognito or Lambda for a
            REST API. Default: IAM authorization.
        authorization_scopes: OAuth scopes, one of which an access token must have, for a JWT or a Cognito authorizer.
            Default: none is needed.
        public: Whether everybody may call: nobody decides, or the application itself does. Default: no.
        rate_limit: Requests a second that a new API accepts on average, 1 to 1,000,000. Default: 100.
        burst_limit: Requests that a new API accepts at once, 1 to 1,000,000. Default: 200.
        access_log_retention: How long the access logs of a new API are kept. They have method, path, status and caller,
            but no query strings, headers and bodies. Default: 30 days.
        account_log_role: Whether the stack gives API Gateway its role for the logs of REST APIs, which is a setting of
            the account and region, and is kept when the stack is deleted. An HTTP API needs none. Default: it does.
        binary_media_types: Content types of bodies that a new REST API passes on unchanged. An HTTP API passes all of
            them. Default: all of them.
        cors: Which web pages may call. Default: none.
        domain: Domain of a new API. Default: the API's own address.

    Raises:
        InvalidPropsError: A value is out of range, or two settings exclude each other.
    """

    kind: WebApiKind | None = None
    existing: apigatewayv2.IHttpApi | apigateway.IRestApi | None = None
    path: ApiPath = ""
    authorizer: apigatewayv2.IHttpRouteAuthorizer | apigateway.IAuthorizer | None = None
    authorization_scopes: Sequence[str] = ()
    public: bool = False
    rate_limit: RateLimit = 100
    burst_limit: BurstLimit = 200
    access_log_retention: logs.RetentionDays = logs.RetentionDays.ONE_MONTH
    account_log_role: bool = True
    binary_media_types: Sequence[str] = ()
    cors: WebApiCors | None = None
    domain: WebApiDomain | None = None

    def __post_init__(self) -> None:
        """Refuse settings that AWS does not allow, or that exclude each other."""
        CheckedProps.__post_init__(self)  # plain `super()` fails in a dataclass with slots
        self._check_existing()
        self._check_access()
        self._check_kind()

    def _check_existing(self) -> None:
        if self.existing is None:
            return
        if self.kind is not None and self.kind != self.api_kind:
            msg = f"kind must be that of existing, {self.api_kind}, got {self.kind}"
            raise InvalidPropsError(msg)
        owned = {"domain": self.domain, "cors": self.cors, "binary_media_types": self.binary_media_types}
        for name, value in owned.items():
            if value:
                msg = f"{name} must be left out with existing, because its owner sets it, got both"
                raise InvalidPropsError(msg)

    def _check_access(self) -> None:
        if self.authorizer is not None and self.public:
            msg = "public must be left out with authorizer, because one of the two says who may call, got both"
            raise InvalidPropsError(msg)
        if self.authorizer is not None and hasattr(self.authorizer, "bind") is self.is_rest:
            needed = "Cognito or Lambda authorizer of a REST API" if self.is_rest else "route authorizer of an HTTP API"
            msg = f"authorizer must be a {needed}, got {type(self.authorizer).__name__}"
            raise InvalidPropsError(msg)
        if self.authorization_scopes and self.authorizer is None:
            msg = "authorization_scopes must be left out without a JWT or Cognito authorizer, got some"
            raise InvalidPropsError(msg)

    def _check_kind(self) -> None:
        if self.binary_media_types and not self.is_rest:
            msg = "binary_media_types must be left out with an HTTP API, which passes all bodies unchanged, got some"
            raise InvalidPropsError(msg)
        if self.is_rest and self.cors is not None and len(self.cors.origins) > 1:
            msg = (
                "origins of cors must be one with a REST API, because its own answers have one, "
                f"got {len(self.cors.origins)}: use an HTTP API"
            )
            raise InvalidPropsError(msg)

    @property
    def api_kind(self) -> WebApiKind:
        """Kind of the API, new or existing."""
        if self.existing is not None:
            return "rest" if _is_rest(self.existing) else "http"
        return self.kind or "http"

    @property
    def is_rest(self) -> bool:
        """Whether the API is a REST API."""
        return self.api_kind == "rest"

    @property
    def uses_iam(self) -> bool:
        """Whether IAM authorizes calls."""
        is_iam = isinstance(self.authorizer, apigatewayv2_authorizers.HttpIamAuthorizer)
        return not self.public and (self.authorizer is None or is_iam)

    @property
    def answer_seconds(self) -> int:
        """Seconds after which API Gateway answers in place of the function."""
        return ANSWER_SECONDS[self.api_kind]

    @property
    def parts(self) -> list[str]:
        """Parts of the path."""
        return [part for part in self.path.split("/") if part]


def _is_rest(api: object) -> bool:
    return hasattr(api, "rest_api_id")
