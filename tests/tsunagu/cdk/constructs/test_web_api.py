"""What a web API synthesizes: routes, access, limits, logs, CORS, domain, and what it may invoke."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aws_cdk import Duration, Stack, aws_cognito
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_route53 as route53
from aws_cdk.assertions import Template
from cdk_nag import AwsSolutionsChecks, NagPack, ServerlessChecks
from cfnlint.api import lint  # type: ignore[import-untyped]

from tests.apps import new_app
from tsunagu.cdk.checks import MessagingChecks
from tsunagu.cdk.constructs.web_api import WebApi, WebApiProps
from tsunagu.cdk.constructs.web_api_settings import WebApiCors, WebApiDomain, WebApiSettings
from tsunagu.errors import InvalidPropsError
from tsunagu.templates.template import Template as CheckedTemplate

Properties = dict[str, Any]

ROUTE, METHOD, PERMISSION = "AWS::ApiGatewayV2::Route", "AWS::ApiGateway::Method", "AWS::Lambda::Permission"
ISSUER = "https://issuer.example.com"
PAGES = WebApiCors(origins=["https://desk.example.com"], credentials=True)


@dataclass
class Apis:
    """A stack with many web APIs, of one function, which is synthesized once."""

    stack: Stack
    function: lambda_.Function
    built: dict[str, WebApi] = field(default_factory=dict)
    resources: dict[str, Any] = field(default_factory=dict)

    def add(self, construct_id: str, **settings: Any) -> WebApi:
        self.built[construct_id] = WebApi(self.stack, construct_id, WebApiProps(function=self.function, **settings))
        return self.built[construct_id]

    def synthesize(self) -> "Apis":
        self.resources = Template.from_stack(self.stack).to_json()["Resources"]
        return self

    def of(self, construct_id: str, kind: str) -> list[Properties]:
        """Properties of the resources of one type and one web API."""
        return [
            each["Properties"]
            for name, each in self.resources.items()
            if name.startswith(construct_id) and each["Type"] == kind
        ]

    def routes(self, construct_id: str) -> dict[str, Properties]:
        return {each["RouteKey"]: each for each in self.of(construct_id, ROUTE)}

    def methods(self, construct_id: str) -> dict[tuple[str, str], Properties]:
        """Methods by verb and last part of the path; the root of an API has none."""
        parts = {
            name: each["Properties"]["PathPart"]
            for name, each in self.resources.items()
            if each["Type"] == "AWS::ApiGateway::Resource"
        }
        return {
            (each["HttpMethod"], parts.get(each["ResourceId"].get("Ref"), "")): each
            for each in self.of(construct_id, METHOD)
        }


def function_of(stack: Stack, construct_id: str = "Function") -> lambda_.Function:
    return lambda_.Function(
        stack,
        construct_id,
        code=lambda_.Code.from_inline("def handler(event, context): pass"),
        handler="index.handler",
        runtime=lambda_.Runtime.PYTHON_3_13,
        role=iam.Role.from_role_arn(stack, f"RoleOf{construct_id}", "arn:aws:iam::123456789012:role/Function"),
    )


def domain_of(stack: Stack, name: str, **settings: Any) -> WebApiDomain:
    arn = "arn:aws:acm:eu-west-1:123456789012:certificate/11111111-2222-3333-4444-555555555555"
    certificate = acm.Certificate.from_certificate_arn(stack, f"Certificate-{name}", arn)
    return WebApiDomain(name=name, certificate=certificate, **settings)


def zone_of(stack: Stack) -> route53.IHostedZone:
    return route53.HostedZone.from_hosted_zone_attributes(stack, "Zone", hosted_zone_id="Z1", zone_name="example.com")


def add_http_apis(apis: Apis) -> None:
    stack = apis.stack
    apis.add("PlainHttp", rate_limit=50, burst_limit=70, access_log_retention=logs.RetentionDays.ONE_WEEK)
    apis.add("PublicHttp", public=True, protect=False)
    jwt = authorizers.HttpJwtAuthorizer("Jwt", ISSUER, jwt_audience=["shop"])
    apis.add("JwtHttp", authorizer=jwt, authorization_scopes=["orders.write"], path="shop/v2")
    apis.add("LambdaHttp", authorizer=authorizers.HttpLambdaAuthorizer("Lambda", function_of(stack, "Authorizer")))
    apis.add("IamHttp", authorizer=authorizers.HttpIamAuthorizer())
    apis.add("PagesHttp", cors=PAGES)
    apis.add("MountedPagesHttp", cors=PAGES, path="desk")
    apis.add("NamedHttp", domain=domain_of(stack, "api.example.com", hosted_zone=zone_of(stack), path="shop"))
    apis.add("OpenNamedHttp", domain=domain_of(stack, "b.example.com", keep_own_address=True))
    existing = apigatewayv2.HttpApi(stack, "TheirHttp", create_default_stage=False)
    apis.add("MountedHttp", existing=existing, path="shop")
    imported = apigatewayv2.HttpApi.from_http_api_attributes(stack, "ImportedHttp", http_api_id="abcdef1234")
    apis.add("ImportMountedHttp", existing=imported, path="shop", public=True)


def add_rest_apis(apis: Apis) -> None:
    stack = apis.stack
    apis.add("PlainRest", kind="rest", rate_limit=50, burst_limit=70)
    # One stack of an account has the role.
    given: dict[str, Any] = {"kind": "rest", "account_log_role": False}
    apis.add("PublicRest", **given, public=True, binary_media_types=["image/png"])
    pool = aws_cognito.UserPool.from_user_pool_id(stack, "Pool", "eu-west-1_abcdefghi")
    cognito = apigateway.CognitoUserPoolsAuthorizer(stack, "Cognito", cognito_user_pools=[pool])
    apis.add("CognitoRest", **given, authorizer=cognito, authorization_scopes=["orders.write"])
    token = apigateway.TokenAuthorizer(stack, "Token", handler=function_of(stack, "TokenAuthorizer"))
    apis.add("TokenRest", **given, authorizer=token, path="shop/v2")
    apis.add("PagesRest", **given, cors=PAGES)
    apis.add("NamedRest", **given, domain=domain_of(stack, "c.example.com", hosted_zone=zone_of(Stack(stack, "Zones"))))
    existing = apigateway.RestApi(stack, "TheirRest", cloud_watch_role=False)
    existing.root.add_method("GET")
    apis.add("MountedRest", existing=existing, path="shop")
    imported = apigateway.RestApi.from_rest_api_attributes(
        stack, "ImportedRest", rest_api_id="abcdef1234", root_resource_id="root"
    )
    apis.add("ImportMountedRest", existing=imported, path="shop", public=True)


def apis_of(context: dict[str, Any], fill: Callable[[Apis], None]) -> Apis:
    stack = Stack(new_app(context=context, analytics_reporting=False), "Stack")
    apis = Apis(stack, function_of(stack))
    fill(apis)
    return apis.synthesize()


@pytest.fixture(scope="module")
def http(app_context: dict[str, Any]) -> Apis:
    return apis_of(app_context, add_http_apis)


@pytest.fixture(scope="module")
def rest(app_context: dict[str, Any]) -> Apis:
    return apis_of(app_context, add_rest_apis)


def test_an_http_api_passes_every_path_to_the_function(http: Apis) -> None:
    assert set(http.routes("PlainHttp")) == {"$default"}
    [integration] = http.of("PlainHttp", "AWS::ApiGatewayV2::Integration")

    assert integration["PayloadFormatVersion"] == "2.0"
    assert integration["IntegrationType"] == "AWS_PROXY"
    assert integration["IntegrationUri"]["Fn::GetAtt"][0].startswith("Function")


def test_a_rest_api_passes_every_path_to_the_function(rest: Apis) -> None:
    methods = rest.methods("PlainRest")

    assert set(methods) == {("ANY", ""), ("ANY", "{proxy+}")}
    assert {each["Integration"]["Type"] for each in methods.values()} == {"AWS_PROXY"}


def test_a_path_limits_what_reaches_the_function(http: Apis, rest: Apis) -> None:
    assert set(http.routes("JwtHttp")) == {"ANY /shop/v2", "ANY /shop/v2/{proxy+}"}
    assert set(rest.methods("TokenRest")) == {("ANY", "v2"), ("ANY", "{proxy+}")}


def test_iam_authorizes_unless_told_otherwise(http: Apis, rest: Apis) -> None:
    for name in ("PlainHttp", "IamHttp", "MountedHttp", "PagesHttp"):
        keys = {key: each for key, each in http.routes(name).items() if not key.startswith("OPTIONS")}
        assert {each["AuthorizationType"] for each in keys.values()} == {"AWS_IAM"}
    assert {each["AuthorizationType"] for each in rest.methods("PlainRest").values()} == {"AWS_IAM"}
    assert rest.methods("TheirRest")[("ANY", "{proxy+}")]["AuthorizationType"] == "AWS_IAM"


def test_only_public_is_open(http: Apis, rest: Apis) -> None:
    open_http = {
        name
        for name in http.built
        for key, each in http.routes(name).items()
        if each["AuthorizationType"] == "NONE" and not key.startswith("OPTIONS")
    }
    open_rest = {
        name
        for name in (*rest.built, "TheirRest", "ImportedRest")
        for (verb, path), each in rest.methods(name).items()
        if each["AuthorizationType"] == "NONE" and (verb, path) not in (("OPTIONS", ""), ("OPTIONS", "{proxy+}"))
    }

    assert open_http == {"PublicHttp", "ImportMountedHttp"}
    assert open_rest == {"PublicRest", "ImportedRest", "TheirRest"}  # the owner's own GET of its root


def test_authorizers_of_the_cdk_are_used(http: Apis, rest: Apis) -> None:
    for route in http.routes("JwtHttp").values():
        assert (route["AuthorizationType"], route["AuthorizationScopes"]) == ("JWT", ["orders.write"])
        assert "AuthorizerId" in route
    assert http.routes("LambdaHttp")["$default"]["AuthorizationType"] == "CUSTOM"
    for method in rest.methods("CognitoRest").values():
        assert (method["AuthorizationType"], method["AuthorizationScopes"]) == ("COGNITO_USER_POOLS", ["orders.write"])
        assert "AuthorizerId" in method
    assert {each["AuthorizationType"] for each in rest.methods("TokenRest").values()} == {"CUSTOM"}


def test_a_new_api_is_throttled(http: Apis, rest: Apis) -> None:
    [stage] = http.of("PlainHttp", "AWS::ApiGatewayV2::Stage")
    [other] = rest.of("PlainRest", "AWS::ApiGateway::Stage")

    assert stage["DefaultRouteSettings"] == {"ThrottlingRateLimit": 50, "ThrottlingBurstLimit": 70}
    assert (stage["StageName"], stage["AutoDeploy"]) == ("$default", True)
    [limits] = other["MethodSettings"]
    assert (limits["ThrottlingRateLimit"], limits["ThrottlingBurstLimit"]) == (50, 70)
    assert limits["DataTraceEnabled"] is False


def test_access_logs_say_who_called_what_without_bodies_headers_and_queries(http: Apis, rest: Apis) -> None:
    [stage] = http.of("PlainHttp", "AWS::ApiGatewayV2::Stage")
    [other] = rest.of("PlainRest", "AWS::ApiGateway::Stage")

    for settings in (stage["AccessLogSettings"], other["AccessLogSetting"]):
        line = json.loads(settings["Format"])
        assert "DestinationArn" in settings
        assert {"request_id", "method", "path", "status", "caller", "latency_ms"} <= line.keys()
        values = " ".join(line.values()).lower()
        assert not any(word in values for word in ("body", "header", "query", "requestoverride", "useragent"))
        assert all(value.startswith("$context.") for value in line.values())


def test_access_logs_are_kept_as_long_as_told(http: Apis) -> None:
    [group] = http.of("PlainHttp", "AWS::Logs::LogGroup")
    kept = {
        name: each["DeletionPolicy"]
        for name, each in http.resources.items()
        if each["Type"] == "AWS::Logs::LogGroup" and name.startswith(("PlainHttp", "PublicHttp"))
    }

    assert group["RetentionInDays"] == 7
    assert sorted(kept.values()) == ["Delete", "Retain"]


def test_bodies_reach_a_rest_api_unchanged(rest: Apis) -> None:
    [api] = rest.of("PlainRest", "AWS::ApiGateway::RestApi")
    [told] = rest.of("PublicRest", "AWS::ApiGateway::RestApi")

    assert api["BinaryMediaTypes"] == ["*/*"]
    assert told["BinaryMediaTypes"] == ["image/png"]


def test_only_the_own_api_may_invoke_the_function(http: Apis, rest: Apis) -> None:
    for apis in (http, rest):
        for name, built in apis.built.items():
            if name.startswith("Import"):
                continue
            logical_id = apis.stack.resolve(built.api_id)
            for permission in apis.of(name, PERMISSION):
                assert permission["Principal"] == "apigateway.amazonaws.com"
                assert logical_id in permission["SourceArn"]["Fn::Join"][1]
                assert "test-invoke-stage" not in json.dumps(permission)
    assert all("SourceArn" in each for apis in (http, rest) for each in apis.of("", PERMISSION))


def test_pages_of_an_origin_may_ask_an_http_api_without_authorization(http: Apis) -> None:
    [api] = http.of("PagesHttp", "AWS::ApiGatewayV2::Api")
    cors = api["CorsConfiguration"]

    assert cors["AllowOrigins"] == ["https://desk.example.com"]
    assert (cors["AllowCredentials"], cors["MaxAge"]) == (True, 3600)
    assert "Idempotency-Key" in cors["AllowHeaders"]
    routes = {key: each["AuthorizationType"] for key, each in http.routes("PagesHttp").items()}
    assert routes == {"$default": "AWS_IAM", "OPTIONS /": "NONE", "OPTIONS /{proxy+}": "NONE"}
    assert set(http.routes("MountedPagesHttp")) == {
        "ANY /desk",
        "ANY /desk/{proxy+}",
        "OPTIONS /desk",
        "OPTIONS /desk/{proxy+}",
    }


def test_pages_of_an_origin_may_ask_a_rest_api_without_authorization(rest: Apis) -> None:
    methods = rest.methods("PagesRest")

    assert set(methods) == {("ANY", ""), ("ANY", "{proxy+}"), ("OPTIONS", ""), ("OPTIONS", "{proxy+}")}
    for (verb, _), method in methods.items():
        if verb == "OPTIONS":
            assert method["AuthorizationType"] == "NONE"
            # Without it, API Gateway answers 500 where all bodies are bytes.
            assert method["Integration"]["ContentHandling"] == "CONVERT_TO_TEXT"


def test_answers_of_a_rest_api_itself_can_be_read_by_the_pages(rest: Apis) -> None:
    responses = rest.of("PagesRest", "AWS::ApiGateway::GatewayResponse")

    assert responses
    for response in responses:
        headers = response["ResponseParameters"]
        assert headers["gatewayresponse.header.Access-Control-Allow-Origin"] == "'https://desk.example.com'"
        assert headers["gatewayresponse.header.Access-Control-Allow-Credentials"] == "'true'"
        assert headers["gatewayresponse.header.Content-Type"] == "'application/problem+json'"


def test_a_domain_replaces_the_own_address_of_an_http_api(http: Apis) -> None:
    [domain] = http.of("NamedHttp", "AWS::ApiGatewayV2::DomainName")
    [mapping] = http.of("NamedHttp", "AWS::ApiGatewayV2::ApiMapping")
    [record] = http.of("NamedHttp", "AWS::Route53::RecordSet")
    [api] = http.of("NamedHttp", "AWS::ApiGatewayV2::Api")

    assert domain["DomainName"] == "api.example.com"
    assert domain["DomainNameConfigurations"][0]["EndpointType"] == "REGIONAL"
    assert (mapping["ApiMappingKey"], mapping["Stage"]) == ("shop", "$default")
    assert (record["Name"], record["Type"]) == ("api.example.com.", "A")
    assert api["DisableExecuteApiEndpoint"] is True
    [kept] = http.of("OpenNamedHttp", "AWS::ApiGatewayV2::Api")
    assert "DisableExecuteApiEndpoint" not in kept
    assert not http.of("OpenNamedHttp", "AWS::Route53::RecordSet")


def test_a_domain_replaces_the_own_address_of_a_rest_api(rest: Apis) -> None:
    [domain] = rest.of("NamedRest", "AWS::ApiGateway::DomainName")
    [mapping] = rest.of("NamedRest", "AWS::ApiGateway::BasePathMapping")
    [api] = rest.of("NamedRest", "AWS::ApiGateway::RestApi")

    assert (domain["DomainName"], domain["SecurityPolicy"]) == ("c.example.com", "TLS_1_2")
    assert domain["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    assert "Stage" in mapping
    assert api["DisableExecuteApiEndpoint"] is True
    assert len(rest.of("NamedRest", "AWS::Route53::RecordSet")) == 1


def test_the_address_is_known_unless_the_api_is_someone_elses(http: Apis, rest: Apis) -> None:
    assert http.built["NamedHttp"].url == "https://api.example.com/shop"
    assert rest.built["NamedRest"].url == "https://c.example.com"
    assert str(http.stack.resolve(http.built["JwtHttp"].url)).endswith("'/shop/v2']]}")
    assert not str(http.stack.resolve(http.built["PlainHttp"].url)).endswith("'/']]}")
    assert str(rest.stack.resolve(rest.built["TokenRest"].url)).endswith("'/shop/v2']]}")
    for built in (http.built["MountedHttp"], rest.built["MountedRest"]):
        with pytest.raises(InvalidPropsError, match=r"url is known of a new API only"):
            _ = built.url


def test_an_existing_api_gets_routes_and_nothing_else(http: Apis, rest: Apis) -> None:
    assert set(http.routes("MountedHttp")) == {"ANY /shop", "ANY /shop/{proxy+}"}
    assert set(http.routes("ImportMountedHttp")) == {"ANY /shop", "ANY /shop/{proxy+}"}
    assert {("ANY", "shop"), ("ANY", "{proxy+}"), ("GET", "")} == set(rest.methods("TheirRest"))
    assert {("ANY", "shop"), ("ANY", "{proxy+}")} == set(rest.methods("ImportedRest"))
    for apis, name in ((http, "MountedHttp"), (rest, "MountedRest")):
        built = apis.built[name]
        assert (built.stage, built.access_logs, built.domain) == (None, None, None)
        assert not apis.of(name, "AWS::Logs::LogGroup")


def test_a_grantee_may_call_the_paths_of_the_application_alone(app_context: dict[str, Any]) -> None:
    stack = Stack(new_app(context=app_context, analytics_reporting=False), "Stack")
    apis = Apis(stack, function_of(stack))
    caller = iam.Role(stack, "Caller", assumed_by=iam.AccountRootPrincipal())
    apis.add("Whole").grant_call(caller)
    apis.add("Mounted", path="shop").grant_call(caller)
    apis.add("Rest", kind="rest").grant_call(caller)
    apis.add("Open", public=True)
    apis.synthesize()
    [policy] = apis.of("Caller", "AWS::IAM::Policy")
    statement = str(policy["PolicyDocument"]["Statement"])

    for path in ("'/$default/*'", "'/$default/*/shop'", "'/$default/*/shop/*'"):
        assert path in statement
    assert "execute-api:Invoke" in statement
    with pytest.raises(InvalidPropsError, match=r"Stack/Open: grant_call needs IAM authorization"):
        apis.built["Open"].grant_call(caller)


def test_metrics_are_of_the_api(http: Apis, rest: Apis) -> None:
    metric = http.built["PlainHttp"].metric_server_errors()
    other = rest.built["PlainRest"].metric_server_errors(period=Duration.minutes(1))

    assert (metric.metric_name, list(metric.dimensions or {})) == ("5xx", ["ApiId"])
    assert (other.metric_name, list(other.dimensions or {})) == ("5XXError", ["ApiName"])
    assert other.period.to_seconds() == 60
    assert http.built["PlainHttp"].metric_client_errors().metric_name == "4xx"
    assert http.built["PlainHttp"].metric_requests().metric_name == "Count"
    assert http.built["PlainHttp"].metric_latency().statistic == "p99"


def test_metrics_of_two_rest_apis_are_not_mixed(rest: Apis) -> None:
    names = [rest.built[name].metric_requests().dimensions for name in ("PlainRest", "PublicRest")]

    assert names[0] != names[1]
    assert names[0] == {"ApiName": rest.of("PlainRest", "AWS::ApiGateway::RestApi")[0]["Name"]}


@pytest.mark.parametrize("pack", [AwsSolutionsChecks, ServerlessChecks])
@pytest.mark.parametrize("kind", ["http", "rest"])
def test_cdk_nag_finds_nothing_that_is_not_acknowledged(
    request: pytest.FixtureRequest, kind: str, pack: type[NagPack]
) -> None:
    apis: Apis = request.getfixturevalue(kind)
    report = pack(apis.stack).validate_scope(apis.stack)
    found = {
        (each.rule_name, str(resource.construct_path))
        for each in report.violations
        for resource in each.violating_resources
    }
    ours = tuple(f"Stack/{name}/" for name in apis.built)

    assert {(rule, path) for rule, path in found if path.startswith(ours)} == set()
    assert found  # the functions of the tests


@pytest.mark.parametrize("kind", ["http", "rest"])
def test_cfn_lint_and_the_own_checks_find_nothing(request: pytest.FixtureRequest, kind: str) -> None:
    apis: Apis = request.getfixturevalue(kind)
    template = Template.from_stack(apis.stack).to_json()
    parsed = CheckedTemplate.parse(template)

    assert [str(match) for match in lint(json.dumps(template), regions=["eu-west-1"])] == []
    assert [found for rule in MessagingChecks().rules for found in rule.find(parsed)] == []


def http_api(stack: Stack) -> apigatewayv2.HttpApi:
    return apigatewayv2.HttpApi(stack, "Api")


WRONG: list[tuple[Callable[[Stack], dict[str, Any]], str]] = [
    (lambda _: {"kind": "grpc"}, "kind must be one of http, rest, got 'grpc'"),
    (lambda _: {"path": "/shop"}, "path must be parts of letters, .* got '/shop'"),
    (lambda _: {"path": "{proxy+}"}, "path must be parts of letters"),
    (lambda _: {"rate_limit": 0}, "rate_limit must be between 1"),
    (lambda _: {"burst_limit": 0}, "burst_limit must be between 1"),
    (lambda _: {"cors": "*"}, "cors must be of type WebApiCors"),
    (lambda _: {"domain": "api.example.com"}, "domain must be of type WebApiDomain"),
    (lambda _: {"existing": "api"}, "existing must be of type IHttpApi or IRestApi, got 'api'"),
    (
        lambda stack: {"existing": apigatewayv2.WebSocketApi(stack, "Api")},
        "existing must be of type IHttpApi or IRestApi, got WebSocketApi Stack/Api",
    ),
    (lambda stack: {"existing": http_api(stack), "kind": "rest"}, "kind must be that of existing, http, got rest"),
    (lambda stack: {"existing": http_api(stack), "cors": PAGES}, "cors must be left out with existing"),
    (
        lambda stack: {"existing": http_api(stack), "domain": domain_of(stack, "a.example.com")},
        "domain must be left out with existing",
    ),
    (
        lambda stack: {
            "existing": apigateway.RestApi.from_rest_api_id(stack, "Api", "abc"),
            "binary_media_types": ["image/png"],
        },
        "binary_media_types must be left out with existing",
    ),
    (lambda _: {"binary_media_types": ["image/png"]}, "binary_media_types must be left out with an HTTP API"),
    (
        lambda _: {"public": True, "authorizer": authorizers.HttpIamAuthorizer()},
        "public must be left out with authorizer",
    ),
    (
        lambda _: {"kind": "rest", "authorizer": authorizers.HttpIamAuthorizer()},
        "authorizer must be a Cognito or Lambda authorizer of a REST API, got HttpIamAuthorizer",
    ),
    (
        lambda stack: {"authorizer": apigateway.TokenAuthorizer(stack, "Token", handler=function_of(stack))},
        "authorizer must be a route authorizer of an HTTP API, got TokenAuthorizer",
    ),
    (lambda _: {"authorization_scopes": ["a"]}, "authorization_scopes must be left out without"),
    (
        lambda _: {"kind": "rest", "cors": WebApiCors(origins=["https://a.example", "https://b.example"])},
        "origins of cors must be one with a REST API, .* got 2: use an HTTP API",
    ),
]


@pytest.mark.parametrize(("settings", "message"), WRONG)
def test_wrong_settings_are_refused(stack: Stack, settings: Callable[[Stack], dict[str, Any]], message: str) -> None:
    with pytest.raises(InvalidPropsError, match=message):
        WebApiSettings(**settings(stack))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"origins": []}, "origins must have one origin or more, got none"),
        ({"origins": "*"}, "origins must be of type Sequence"),
        ({"origins": ["https://a.example/"]}, "origins must be an origin such as https://desk.example.com"),
        ({"origins": ["*"], "credentials": True}, "origins must be named with credentials"),
        ({"origins": ["*"], "headers": ["X Y"]}, "headers must be letters"),
        ({"origins": ["*"], "exposed_headers": ["X'"]}, "exposed_headers must be letters"),
        ({"origins": ["*"], "methods": ["get"]}, "methods must be one of DELETE, GET"),
        ({"origins": ["*"], "max_age": Duration.days(2)}, "max_age must be between 1 and 86,400"),
    ],
)
def test_wrong_settings_of_cors_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidPropsError, match=message):
        WebApiCors(**settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "https://api.example.com"}, "name must be a domain such as api.example.com"),
        ({"name": "API.example.com"}, "name must be a domain such as api.example.com, in lower case"),
        ({"name": "api.example.com", "path": "/shop"}, "path must be parts of letters"),
    ],
)
def test_wrong_domains_are_refused(stack: Stack, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidPropsError, match=message):
        domain_of(stack, **settings)


def _function(stack: Stack, construct_id: str) -> lambda_.IFunction:
    return lambda_.Function.from_function_name(stack, construct_id, construct_id)


def _own_http(stack: Stack, _name: str) -> Any:
    made = stack.node.try_find_child("Their")
    return made or apigatewayv2.HttpApi(stack, "Their", create_default_stage=False)


def _own_rest(stack: Stack, _name: str) -> Any:
    return stack.node.try_find_child("Their") or apigateway.RestApi(stack, "Their", cloud_watch_role=False)


def _imported_http(stack: Stack, name: str) -> Any:
    return apigatewayv2.HttpApi.from_http_api_attributes(stack, f"{name}Their", http_api_id="abc")


def _imported_rest(stack: Stack, name: str) -> Any:
    attributes = {"rest_api_id": "abc", "root_resource_id": "root"}
    return apigateway.RestApi.from_rest_api_attributes(stack, f"{name}Their", **attributes)


@pytest.mark.parametrize("existing", [_own_http, _own_rest, _imported_http, _imported_rest])
@pytest.mark.parametrize("paths", [("shop", "shop"), ("", "")])
def test_two_applications_on_one_path_of_an_api_are_refused(
    stack: Stack, existing: Callable[[Stack, str], Any], paths: tuple[str, str]
) -> None:
    first, second = paths
    api = existing(stack, "One")
    WebApi(stack, "One", WebApiProps(function=_function(stack, "F1"), existing=api, path=first, public=True))
    props = WebApiProps(function=_function(stack, "F2"), existing=existing(stack, "Two"), path=second, public=True)

    with pytest.raises(InvalidPropsError, match=r"Stack/Two: path must be another one than that of Stack/One"):
        WebApi(stack, "Two", props)


@pytest.mark.parametrize("existing", [_own_http, _own_rest, _imported_http])
def test_applications_on_other_paths_of_an_api_stand_side_by_side(
    stack: Stack, existing: Callable[[Stack, str], Any]
) -> None:
    for number, path in enumerate(("", "shop", "shop/v2", "desk")):
        props = WebApiProps(
            function=_function(stack, f"F{number}"), existing=existing(stack, f"A{number}"), path=path, public=True
        )
        assert WebApi(stack, f"Api{number}", props).stage is None


def test_applications_with_apis_of_their_own_answer_the_same_path(stack: Stack) -> None:
    for name in ("One", "Two"):
        props = WebApiProps(function=_function(stack, f"F{name}"), path="shop", account_log_role=False)
        assert WebApi(stack, name, props).stage is not None
