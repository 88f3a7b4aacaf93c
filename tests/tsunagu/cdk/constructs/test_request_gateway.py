"""What a request gateway synthesizes: access, validation, answers, limits, permissions."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from aws_cdk import Duration, Stack, aws_cognito
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk.assertions import Template
from cdk_nag import AwsSolutionsChecks, NagPack, ServerlessChecks
from cfnlint.api import lint  # type: ignore[import-untyped]

from tests.apps import new_app
from tests.tsunagu.cdk.constructs.synthesized import only, permissions, properties, resources
from tsunagu.cdk.checks import MessagingChecks
from tsunagu.cdk.constructs.idempotency_table import IdempotencyTable
from tsunagu.cdk.constructs.request_gateway import RequestGateway, RequestGatewayProps
from tsunagu.cdk.constructs.result_bucket import ResultBucket, ResultBucketProps
from tsunagu.errors import InvalidPropsError
from tsunagu.templates.template import Template as CheckedTemplate

METHOD = "AWS::ApiGateway::Method"
PROBLEM = "'application/problem+json'"


@dataclass
class Report:
    month: str
    seconds: int = 0


@dataclass
class Tree:
    month: str
    seconds: int = 0
    parts: "list[Tree]" = field(default_factory=list)


def gateway(stack: Stack, construct_id: str = "Reports", **settings: Any) -> RequestGateway:
    table = settings.pop("table", None) or IdempotencyTable(stack, f"{construct_id}Table")
    chosen: dict[str, Any] = {"name": "reports", "table": table} | settings
    return RequestGateway(stack, construct_id, RequestGatewayProps(**chosen))


def worker(stack: Stack) -> lambda_.Function:
    return lambda_.Function(
        stack,
        "Worker",
        code=lambda_.Code.from_inline("def handler(event, context): pass"),
        handler="index.handler",
        runtime=lambda_.Runtime.PYTHON_3_13,
    )


def bucket(stack: Stack, **settings: Any) -> ResultBucket:
    return ResultBucket(stack, "Results", ResultBucketProps(**settings))


def cognito(stack: Stack) -> apigateway.CognitoUserPoolsAuthorizer:
    pool = aws_cognito.UserPool(stack, "Pool")
    return apigateway.CognitoUserPoolsAuthorizer(stack, "Authorizer", cognito_user_pools=[pool])


def methods(stack: Stack) -> dict[tuple[str, str], dict[str, Any]]:
    """Methods by verb and last part of the path."""
    parts = {
        name: each["Properties"]["PathPart"] for name, each in resources(stack, "AWS::ApiGateway::Resource").items()
    }
    found = [each["Properties"] for each in resources(stack, METHOD).values()]
    return {(each["HttpMethod"], parts[each["ResourceId"]["Ref"]]): each for each in found}


def test_a_new_api_has_its_paths(stack: Stack) -> None:
    gateway(stack, results=bucket(stack), cancellable=True)

    assert set(methods(stack)) == {
        ("POST", "reports"),
        ("GET", "{id}"),
        ("DELETE", "{id}"),
        ("GET", "result"),
        ("GET", "{name}"),
    }


def test_the_address_of_a_new_api_is_known(stack: Stack) -> None:
    built = gateway(stack)

    assert "/v1" not in built.path
    assert str(stack.resolve(built.url)).endswith("'/reports']]}")


def test_only_what_was_asked_for_exists(stack: Stack) -> None:
    gateway(stack)

    assert set(methods(stack)) == {("POST", "reports"), ("GET", "{id}")}
    assert "cancel_request" not in json.dumps(methods(stack)[("GET", "{id}")])


def test_every_method_has_iam_authorization_and_a_validator(stack: Stack) -> None:
    gateway(stack, results=bucket(stack), cancellable=True)

    for method in methods(stack).values():
        assert method["AuthorizationType"] == "AWS_IAM"
        assert "RequestValidatorId" in method
    validator = properties(stack, "AWS::ApiGateway::RequestValidator")
    assert (validator["ValidateRequestBody"], validator["ValidateRequestParameters"]) == (True, True)


def test_a_success_has_its_pattern_and_whatever_fits_none_is_a_failure(stack: Stack) -> None:
    gateway(stack, results=bucket(stack), cancellable=True)

    for method in methods(stack).values():
        responses = method["Integration"]["IntegrationResponses"]
        patterns = {each.get("SelectionPattern"): each["StatusCode"] for each in responses}
        assert len(patterns) == len(responses)
        assert patterns.pop("200") in ("200", "202")
        assert all(int(status) >= 400 for status in patterns.values())
        assert patterns[None] == "500"
        assert method["Integration"]["PassthroughBehavior"] == "NEVER"


def test_every_answer_declares_the_headers_that_it_maps(stack: Stack) -> None:
    gateway(stack, results=bucket(stack), cors_origin="https://a.example")

    for (verb, _), method in methods(stack).items():
        if verb == "OPTIONS":
            continue
        declared = {each["StatusCode"]: each["ResponseParameters"].keys() for each in method["MethodResponses"]}
        for response in method["Integration"]["IntegrationResponses"]:
            assert response["ResponseParameters"].keys() == declared[response["StatusCode"]]
            assert response["ResponseParameters"]["method.response.header.Cache-Control"] == "'no-store'"
            assert "method.response.header.Access-Control-Allow-Origin" in response["ResponseParameters"]


def test_the_model_is_that_of_the_business_function(stack: Stack) -> None:
    gateway(stack, request_model=Report)
    model = properties(stack, "AWS::ApiGateway::Model")

    assert model["Schema"]["required"] == ["month"]
    assert model["ContentType"] == "application/json"
    [name] = resources(stack, "AWS::ApiGateway::Model")
    assert methods(stack)[("POST", "reports")]["RequestModels"] == {"application/json": {"Ref": name}}


def test_a_schema_is_taken_as_it_is_and_none_still_refuses_what_is_not_json(stack: Stack) -> None:
    gateway(stack, request_model={"type": "array"})
    gateway(stack, "Any", path="any")
    schemas = [each["Properties"]["Schema"] for each in resources(stack, "AWS::ApiGateway::Model").values()]

    assert {"type": "array"} in schemas
    assert {"$schema": "http://json-schema.org/draft-04/schema#"} in schemas


def test_a_changed_model_makes_a_new_deployment(app_context: dict[str, Any]) -> None:
    def deployment(schema: dict[str, Any]) -> str:
        stack = Stack(new_app(context=app_context, analytics_reporting=False), "Stack")
        gateway(stack, request_model=schema)
        [name] = resources(stack, "AWS::ApiGateway::Deployment")
        return name

    assert deployment({"type": "array"}) != deployment({"type": "object"})


def test_every_error_of_the_api_itself_is_a_problem_document(stack: Stack) -> None:
    gateway(stack, cors_origin="https://a.example", retry_after=Duration.seconds(7))
    answers = [each["Properties"] for each in resources(stack, "AWS::ApiGateway::GatewayResponse").values()]

    assert {"DEFAULT_4XX", "DEFAULT_5XX", "THROTTLED", "BAD_REQUEST_BODY"} <= {each["ResponseType"] for each in answers}
    for answer in answers:
        headers, [template] = answer["ResponseParameters"], answer["ResponseTemplates"].values()
        document = json.loads(template.replace("$context.error.messageString", '"x"'))
        assert headers["gatewayresponse.header.Content-Type"] == PROBLEM
        assert headers["gatewayresponse.header.Access-Control-Allow-Origin"] == "'https://a.example'"
        assert ("gatewayresponse.header.Retry-After" in headers) is (answer.get("StatusCode") in ("429", "504"))
        assert document["type"] == "about:blank"
        assert str(document.get("status")) == answer.get("StatusCode", "None")


def test_a_new_api_is_throttled_traced_and_logged(stack: Stack) -> None:
    gateway(stack, rate_limit=5, burst_limit=9)
    stage = properties(stack, "AWS::ApiGateway::Stage")

    [settings] = stage["MethodSettings"]
    assert (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]) == (5, 9)
    assert settings["DataTraceEnabled"] is False
    assert stage["TracingEnabled"] is True
    line = json.loads(stage["AccessLogSetting"]["Format"])
    assert not any("body" in value or "path." in value for value in line.values())
    assert properties(stack, "AWS::Logs::LogGroup")["RetentionInDays"] == 30


def test_access_logs_are_kept_unless_told(stack: Stack) -> None:
    gateway(stack)
    assert only(stack, "AWS::Logs::LogGroup")["DeletionPolicy"] == "Retain"

    other = Stack(new_app(), "Other")
    gateway(other, protect=False)
    assert only(other, "AWS::Logs::LogGroup")["DeletionPolicy"] == "Delete"


@pytest.mark.parametrize("is_made", [True, False])
def test_the_accounts_role_for_logs_is_made_unless_told_and_kept(stack: Stack, *, is_made: bool) -> None:
    gateway(stack, account_log_role=is_made)
    accounts = resources(stack, "AWS::ApiGateway::Account")

    assert [each["DeletionPolicy"] for each in accounts.values()] == (["Retain"] if is_made else [])


def test_the_role_has_exact_permissions(stack: Stack) -> None:
    built = gateway(stack, results=bucket(stack))
    allowed = {(action, target) for action, target in permissions(stack) if action.split(":")[0] != "xray"}

    assert {action for action, _ in allowed} == {
        "dynamodb:UpdateItem",
        "dynamodb:GetItem",
        "s3:GetObject",
        "s3:ListBucket",
    }
    assert ("dynamodb:GetItem", "ReportsTable") in {(action, target) for action, target in allowed}
    assert "/reports/*" in next(target for action, target in allowed if action == "s3:GetObject")
    assert built.role.node.path.endswith("Reports/Role")


def test_a_read_of_an_encrypted_bucket_may_use_its_key(stack: Stack) -> None:
    key = kms.Key(stack, "Secret")
    gateway(stack, results=bucket(stack, key=key))

    assert ("kms:Decrypt", "Secret") in permissions(stack)


def test_an_event_is_an_asynchronous_invocation(stack: Stack) -> None:
    gateway(stack, function=worker(stack))
    integration = methods(stack)[("POST", "reports")]["Integration"]
    responses = {each.get("SelectionPattern"): each["StatusCode"] for each in integration["IntegrationResponses"]}

    assert integration["RequestParameters"] == {"integration.request.header.X-Amz-Invocation-Type": "'Event'"}
    assert responses == {"(?s).+": "500", None: "202"}
    assert ("lambda:InvokeFunction", "Worker") in permissions(stack)
    assert not any(action == "dynamodb:UpdateItem" for action, _ in permissions(stack))


@pytest.mark.parametrize("model", [Report, Tree])
def test_a_get_with_query_parameters_requires_those_of_fields_without_a_default(stack: Stack, model: type) -> None:
    gateway(stack, function=worker(stack), request_model=model, query_parameters=["month", "seconds"])
    method = methods(stack)[("GET", "reports")]

    assert method["RequestParameters"] == {
        "method.request.querystring.month": True,
        "method.request.querystring.seconds": False,
    }
    assert "RequestModels" not in method


def test_a_cognito_authorizer_is_asked_and_scopes_are_required(stack: Stack) -> None:
    gateway(stack, authorizer=cognito(stack), authorization_scopes=["reports/write"])

    for method in methods(stack).values():
        assert method["AuthorizationType"] == "COGNITO_USER_POOLS"
        assert method["AuthorizationScopes"] == ["reports/write"]
    assert "authorizer.claims.sub" in json.dumps(methods(stack)[("POST", "reports")])


def test_a_lambda_authorizer_is_asked(stack: Stack) -> None:
    authorizer = apigateway.RequestAuthorizer(
        stack,
        "Authorizer",
        handler=worker(stack),
        identity_sources=[apigateway.IdentitySource.header("Authorization")],
    )
    gateway(stack, authorizer=authorizer)

    assert {each["AuthorizationType"] for each in methods(stack).values()} == {"CUSTOM"}
    assert "authorizer.principalId" in json.dumps(methods(stack)[("POST", "reports")])


def test_an_api_key_is_required_and_the_plan_has_the_stage(stack: Stack) -> None:
    gateway(stack, usage_plan=apigateway.UsagePlan(stack, "Plan"))

    assert all(each["ApiKeyRequired"] for each in methods(stack).values())
    [place] = properties(stack, "AWS::ApiGateway::UsagePlan")["ApiStages"]
    assert place["Stage"] == {"Ref": next(iter(resources(stack, "AWS::ApiGateway::Stage")))}


def test_only_a_public_api_is_open(stack: Stack) -> None:
    gateway(stack, public=True)

    assert {each["AuthorizationType"] for each in methods(stack).values()} == {"NONE"}
    assert not any(each.get("ApiKeyRequired") for each in methods(stack).values())


def test_methods_are_added_to_a_given_api_under_a_path(stack: Stack) -> None:
    api = apigateway.RestApi(stack, "Desk", cloud_watch_role=False)
    table = IdempotencyTable(stack, "Table")
    built = gateway(stack, api=api, path="desk/v2", table=table)
    gateway(stack, "Others", api=api, name="others", path="desk/v3", table=table)

    assert len(resources(stack, "AWS::ApiGateway::RestApi")) == 1
    assert not resources(stack, "AWS::ApiGateway::GatewayResponse")
    assert (built.path, built.stage, built.access_logs) == ("/desk/v2/reports", None, None)
    with pytest.raises(InvalidPropsError, match="Reports: url is known of a new API only"):
        _ = built.url
    paths = [each["Properties"]["PathPart"] for each in resources(stack, "AWS::ApiGateway::Resource").values()]
    assert sorted(paths) == sorted(["desk", "v2", "v3", "reports", "others", "requests", "requests", "{id}", "{id}"])


def test_two_gateways_cannot_have_one_path(stack: Stack) -> None:
    api = apigateway.RestApi(stack, "Desk", cloud_watch_role=False)
    gateway(stack, api=api)

    with pytest.raises(InvalidPropsError, match="Others: path must be another one"):
        gateway(stack, "Others", api=api, name="others")


def test_callers_of_iam_can_be_granted(stack: Stack) -> None:
    role = iam.Role(stack, "Caller", assumed_by=iam.AccountRootPrincipal())
    built = gateway(stack)
    built.grant_call(role)

    granted = [target for action, target in permissions(stack) if action == "execute-api:Invoke"]
    assert len(granted) == len(built.methods) == 2


def test_callers_of_another_authorization_cannot_be_granted(stack: Stack) -> None:
    role = iam.Role(stack, "Caller", assumed_by=iam.AccountRootPrincipal())

    with pytest.raises(InvalidPropsError, match="Reports: grant_call needs IAM authorization"):
        gateway(stack, public=True).grant_call(role)


def test_a_page_of_another_origin_is_let_in_by_its_prop_alone(stack: Stack) -> None:
    gateway(stack, results=bucket(stack), cors_origin="https://a.example")

    asked = {part for verb, part in methods(stack) if verb == "OPTIONS"}
    assert asked == {"reports", "{id}", "result", "{name}"}


def test_metrics_are_of_the_api(stack: Stack) -> None:
    built = gateway(stack)

    assert built.metric_server_errors().metric_name == "5XXError"
    assert built.metric_client_errors(period=Duration.minutes(1)).period.to_seconds() == 60
    name = stack.resolve((built.metric_server_errors().dimensions or {})["ApiName"])
    assert name == {"Fn::Join": ["", [{"Ref": "AWS::StackName"}, "-Reports"]]}


class Unreadable:
    pass


# Constructs without a stack, which are refused before anything reads them.
UNMADE_PLAN, UNMADE_API = object.__new__(apigateway.UsagePlan), object.__new__(apigateway.RestApi)

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": "a/b"}, "name must be 1 to 64 letters"),
    ({"name": ""}, "name must be 1 to 64 letters"),
    ({"name": "requests"}, "name must not be requests, because it is the path of the status"),
    ({"path": "/desk"}, "path must be parts of letters"),
    ({"path": "desk//v2"}, "path must be parts of letters"),
    ({"path": "{id}"}, "path must be parts of letters"),
    ({"public": True, "usage_plan": UNMADE_PLAN}, "one of authorizer, usage_plan and public"),
    ({"authorization_scopes": ["a"]}, "authorization_scopes must be left out"),
    ({"kept_headers": ["X Y"]}, "kept_headers must be letters"),
    ({"kept_headers": ["x'|.*"]}, "kept_headers must be letters"),
    ({"kept_headers": ["AUTHORIZATION"]}, "kept_headers must not be AUTHORIZATION, because"),
    ({"query_parameters": ["month"]}, "query_parameters must be left out with the delivery queue"),
    ({"query_parameters": ["a b"]}, "query_parameters must be letters"),
    ({"largest_body_bytes": 0}, "largest_body_bytes must be between 1 and 390,000"),
    ({"largest_body_bytes": 390_001}, "largest_body_bytes must be between 1 and 390,000"),
    ({"retry_after": Duration.seconds(0)}, "retry_after must be between 1 and 3,600"),
    ({"rate_limit": 0}, "rate_limit must be between 1"),
    ({"burst_limit": 0}, "burst_limit must be between 1"),
    ({"cors_origin": "https://a.example/"}, "cors_origin must be an origin"),
    ({"cors_origin": "https://a.example', 'x"}, "cors_origin must be an origin"),
    (
        {"api": UNMADE_API, "binary_media_types": ["image/png"]},
        "binary_media_types must be left out with api",
    ),
]


@pytest.mark.parametrize(("settings", "message"), WRONG)
def test_wrong_props_are_refused(stack: Stack, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidPropsError, match=message):
        gateway(stack, **settings)


WRONG_EVENTS: list[tuple[dict[str, Any], str]] = [
    ({"largest_body_bytes": 150_001}, "largest_body_bytes must be between 1 and 150,000"),
    ({"cancellable": True}, "cancellable must be left out with the delivery lambda_event"),
    ({"query_parameters": ["a"], "form_bodies": True}, "form_bodies must be left out with query_parameters"),
]


@pytest.mark.parametrize(("settings", "message"), WRONG_EVENTS)
def test_wrong_props_of_events_are_refused(stack: Stack, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidPropsError, match=message):
        gateway(stack, function=worker(stack), **settings)


def test_a_model_that_no_json_can_be_read_into_is_refused(stack: Stack) -> None:
    with pytest.raises(InvalidPropsError, match="Reports: request_model must be a class that JSON can be read into"):
        gateway(stack, request_model=Unreadable)


def test_something_else_than_a_bucket_of_results_is_refused(stack: Stack) -> None:
    with pytest.raises(InvalidPropsError, match="results must be of type ResultBucket"):
        gateway(stack, results="bucket")


def test_something_else_than_a_table_is_refused(stack: Stack) -> None:
    with pytest.raises(InvalidPropsError, match="table must be of type IdempotencyTable"):
        gateway(stack, table="table")


CHECKED: dict[str, dict[str, Any]] = {
    "iam": {"cancellable": True, "cors_origin": "https://a.example", "request_model": Report},
    "public": {"public": True, "kept_headers": ["X-Signature"], "form_bodies": True},
}


@pytest.mark.parametrize("pack", [AwsSolutionsChecks, ServerlessChecks])
@pytest.mark.parametrize("name", CHECKED)
def test_cdk_nag_finds_nothing_that_is_not_acknowledged(stack: Stack, name: str, pack: type[NagPack]) -> None:
    gateway(stack, results=bucket(stack), **CHECKED[name])

    report = pack(stack).validate_scope(stack)

    assert [(each.rule_name, each.violating_resources) for each in report.violations] == []


@pytest.mark.parametrize("name", CHECKED)
def test_cfn_lint_and_the_own_checks_find_nothing(stack: Stack, name: str) -> None:
    gateway(stack, results=bucket(stack), **CHECKED[name])
    template = Template.from_stack(stack).to_json()
    parsed = CheckedTemplate.parse(template)

    assert [str(match) for match in lint(json.dumps(template), regions=["eu-west-1"])] == []
    assert [found for rule in MessagingChecks().rules for found in rule.find(parsed)] == []
