"""Each `grant_*` method with each kind of grantee: a policy is written, or the grant fails."""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from inspect import isclass
from typing import Any

import pytest
from aws_cdk import Duration, Environment, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk.assertions import Annotations, Match

import tsunagu.cdk
from tests.apps import new_app
from tests.tsunagu.cdk.constructs.synthesized import resources
from tests.tsunagu.cdk.patterns.every_flow import schedule
from tsunagu.cdk.assets import HandlerPackage
from tsunagu.cdk.constructs.claim_check_bucket import ClaimCheckBucket, ClaimCheckBucketProps
from tsunagu.cdk.constructs.dead_letter_notifier import DeadLetterNotifier, DeadLetterNotifierProps
from tsunagu.cdk.constructs.event_invocation import EventInvocation, EventInvocationProps
from tsunagu.cdk.constructs.handler_function import HandlerFunctionProps
from tsunagu.cdk.constructs.idempotency_table import IdempotencyTable, IdempotencyTableProps
from tsunagu.cdk.constructs.queue_channel import QueueChannel, QueueChannelProps
from tsunagu.cdk.constructs.request_gateway import RequestGateway, RequestGatewayProps
from tsunagu.cdk.constructs.result_bucket import ResultBucket
from tsunagu.cdk.constructs.topic_channel import TopicChannel, TopicChannelProps
from tsunagu.cdk.constructs.web_api import WebApi, WebApiProps
from tsunagu.cdk.patterns.operator_access import OperatorAccess, OperatorAccessProps
from tsunagu.cdk.patterns.pipeline_props import ServicePipelineProps, Step
from tsunagu.cdk.patterns.service import Service
from tsunagu.cdk.patterns.service_pipeline import ServicePipeline
from tsunagu.errors import InvalidPropsError

OWN, OTHER = "111122223333", "444455556666"
OTHER_ROLE, OWN_ROLE = f"arn:aws:iam::{OTHER}:role/Partner", f"arn:aws:iam::{OWN}:role/Reporter"
KEY_ARN = f"arn:aws:kms:eu-west-1:{OWN}:key/5a0d6f1e-9c3b-4a38-8d7c-2f0a2b6c1d11"
TOPIC_ARN = f"arn:aws:sns:eu-west-1:{OWN}:Orders"
TABLE_ARN = f"arn:aws:dynamodb:eu-west-1:{OWN}:table/Items"
TIMEOUT = Duration.seconds(5)

Give = Callable[[Stack, iam.IGrantable], iam.Grant]
Method = Callable[[iam.IGrantable], iam.Grant]


@pytest.fixture
def stack(app_context: dict[str, Any]) -> Stack:
    """An empty stack of a known account."""
    app = new_app(context=app_context, analytics_reporting=False)
    return Stack(app, "Stack", env=Environment(account=OWN, region="eu-west-1"))


def channel(stack: Stack, key: kms.IKey | None = None) -> QueueChannel:
    return QueueChannel(stack, "Orders", QueueChannelProps(handler_timeout=TIMEOUT, key=key))


def table(stack: Stack, *, requests: bool = False) -> IdempotencyTable:
    return IdempotencyTable(stack, "Items", IdempotencyTableProps(request_index=True, requests=requests))


def pipeline(stack: Stack, package: HandlerPackage) -> ServicePipeline:
    steps = [Step(name="ship", services=[Service(name="shipping", package=package)])]
    preprocessor = HandlerFunctionProps(package=package, timeout=TIMEOUT)
    return ServicePipeline(
        stack, "Pipeline", ServicePipelineProps(name="orders", preprocessor=preprocessor, steps=steps)
    )


def events(stack: Stack) -> EventInvocation:
    return EventInvocation(stack, "Events", EventInvocationProps(function=function(stack)))


def function(stack: Stack) -> lambda_.Function:
    code = lambda_.Code.from_inline("pass")
    return lambda_.Function(stack, "Function", runtime=lambda_.Runtime.PYTHON_3_13, handler="a.b", code=code)


# method: (the method of a new construct, the actions that it gives)
GRANTS: Mapping[str, tuple[Callable[[Stack], Method], set[str]]] = {
    "QueueChannel.grant_send": (lambda stack: channel(stack).grant_send, {"sqs:SendMessage"}),
    "QueueChannel.grant_consume": (
        lambda stack: channel(stack).grant_consume,
        {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"},
    ),
    "QueueChannel.grant_change_visibility": (
        lambda stack: channel(stack).grant_change_visibility,
        {"sqs:ChangeMessageVisibility"},
    ),
    "QueueChannel.grant_dead_letter": (lambda stack: channel(stack).grant_dead_letter, {"sqs:SendMessage"}),
    "QueueChannel.grant_look_at_dead_letters": (
        lambda stack: channel(stack).grant_look_at_dead_letters,
        {"sqs:ReceiveMessage", "sqs:ChangeMessageVisibility"},
    ),
    "EventInvocation.grant_look_at_dead_letters": (
        lambda stack: events(stack).grant_look_at_dead_letters,
        {"sqs:ReceiveMessage", "sqs:ChangeMessageVisibility"},
    ),
    "TopicChannel.grant_publish": (
        lambda stack: TopicChannel(stack, "Topic").grant_publish,
        {"sns:Publish", "kms:Decrypt", "kms:GenerateDataKey"},
    ),
    "DeadLetterNotifier.grant_notify": (
        lambda stack: DeadLetterNotifier(stack, "Notifier").grant_notify,
        {"sns:Publish", "kms:Decrypt", "kms:GenerateDataKey"},
    ),
    "IdempotencyTable.grant_idempotency": (
        lambda stack: partial(table(stack).grant_idempotency, single_writes=True),
        {"dynamodb:PutItem", "dynamodb:BatchGetItem", "dynamodb:UpdateItem"},
    ),
    "IdempotencyTable.grant_find_by_request": (
        lambda stack: table(stack).grant_find_by_request,
        {"dynamodb:Query"},
    ),
    "IdempotencyTable.grant_sweep": (
        lambda stack: table(stack, requests=True).grant_sweep,
        {"dynamodb:Query", "dynamodb:BatchGetItem", "dynamodb:UpdateItem"},
    ),
    "IdempotencyTable.grant_sweep_runs": (
        lambda stack: table(stack, requests=True).grant_sweep_runs,
        {"dynamodb:Query", "dynamodb:BatchGetItem", "dynamodb:UpdateItem"},
    ),
    "IdempotencyTable.grant_record": (
        lambda stack: table(stack, requests=True).grant_record,
        {"dynamodb:PutItem"},
    ),
    "IdempotencyTable.grant_hold_job": (
        lambda stack: partial(table(stack).grant_hold_job, job="prices"),
        {"dynamodb:GetItem", "dynamodb:UpdateItem"},
    ),
    "IdempotencyTable.grant_release_job": (
        lambda stack: partial(table(stack).grant_release_job, job="prices"),
        {"dynamodb:UpdateItem"},
    ),
    "IdempotencyTable.grant_check_job": (
        lambda stack: partial(table(stack).grant_check_job, job="prices"),
        {"dynamodb:ConditionCheckItem", "dynamodb:GetItem"},
    ),
    "ClaimCheckBucket.grant_read": (
        lambda stack: partial(ClaimCheckBucket(stack, "Claims").grant_read, under="orders"),
        {"s3:GetObjectVersion", "kms:Decrypt"},
    ),
    "ClaimCheckBucket.grant_write": (
        lambda stack: partial(ClaimCheckBucket(stack, "Claims").grant_write, under="orders"),
        {"s3:PutObject", "s3:GetObject", "kms:GenerateDataKey", "kms:Decrypt"},
    ),
    "ResultBucket.grant_read": (
        lambda stack: partial(ResultBucket(stack, "Results").grant_read, scope="reports"),
        {"s3:GetObject", "s3:ListBucket"},
    ),
    "ResultBucket.grant_store": (
        lambda stack: partial(ResultBucket(stack, "Results").grant_store, scope="reports"),
        {"s3:PutObject", "s3:GetObject"},
    ),
}


def web_api(stack: Stack, **settings: Any) -> Method:
    return WebApi(stack, "Api", WebApiProps(function=function(stack), **settings)).grant_call


def gateway(stack: Stack) -> Method:
    return RequestGateway(
        stack, "Gateway", RequestGatewayProps(name="reports", table=table(stack, requests=True))
    ).grant_call


# what only a policy of the grantee can allow: (the method of a new construct, the actions that it gives)
OWN_POLICY_GRANTS: Mapping[str, tuple[Callable[[Stack, HandlerPackage], Method], set[str]]] = {
    "IdempotencyTable.grant_stream_read": (
        lambda stack, _: table(stack, requests=True).grant_stream_read,
        {
            "dynamodb:DescribeStream",
            "dynamodb:GetRecords",
            "dynamodb:GetShardIterator",
            "dynamodb:ListStreams",
        },
    ),
    "WebApi.grant_call": (lambda stack, _: web_api(stack), {"execute-api:Invoke"}),
    "WebApi.grant_call of a REST API": (lambda stack, _: web_api(stack, kind="rest"), {"execute-api:Invoke"}),
    "RequestGateway.grant_call": (lambda stack, _: gateway(stack), {"execute-api:Invoke"}),
    "SingleFlightSchedule.grant_start": (
        lambda stack, package: schedule(stack, package).grant_start,
        {"states:StartExecution"},
    ),
}

GRANTEES: Mapping[str, tuple[Callable[[Stack], iam.IGrantable], Any]] = {
    "account": (lambda _: iam.AccountPrincipal(OTHER), f":iam::{OTHER}:root"),
    "organization": (lambda _: iam.OrganizationPrincipal("o-1234567890"), "o-1234567890"),
    "service": (lambda _: iam.ServicePrincipal("events.amazonaws.com"), "events.amazonaws.com"),
    "role of another account": (lambda stack: iam.Role.from_role_arn(stack, "Partner", OTHER_ROLE), OTHER_ROLE),
    "immutable role": (lambda stack: iam.Role.from_role_arn(stack, "Reporter", OWN_ROLE, mutable=False), OWN_ROLE),
}
MUTABLE: Mapping[str, Callable[[Stack], iam.IGrantable]] = {
    "role of the app": lambda stack: iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com")),
    "mutable imported role": lambda stack: iam.Role.from_role_arn(stack, "Reporter", OWN_ROLE),
    "user": lambda stack: iam.User(stack, "User"),
}

TAKERS = ("Reporter", "Role", "User")  # their construct ids


def actions(statement: dict[str, Any]) -> set[str]:
    found = statement["Action"]
    return set(found) if isinstance(found, list) else {found}


def resource_policies(stack: Stack) -> list[dict[str, Any]]:
    """Statements of all policies of queues, topics, buckets, tables and keys."""
    attached = ("AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy", "AWS::S3::BucketPolicy")
    documents = [
        found["Properties"]["PolicyDocument"] for kind in attached for found in resources(stack, kind).values()
    ]
    documents += [found["Properties"]["KeyPolicy"] for found in resources(stack, "AWS::KMS::Key").values()]
    tables = resources(stack, "AWS::DynamoDB::Table").values()
    documents += [found["Properties"].get("ResourcePolicy", {}).get("PolicyDocument", {}) for found in tables]
    return [statement for document in documents for statement in document.get("Statement", [])]


def given_to(statements: list[dict[str, Any]], name: str) -> set[str]:
    """Actions that statements allow the grantee that is known by `name`."""
    who = [{"Principal": one.get("Principal"), "Condition": one.get("Condition")} for one in statements]
    named = [one for one, by in zip(statements, who, strict=True) if name in json.dumps(by)]
    assert all(statement["Effect"] == "Allow" for statement in named)
    return {action for statement in named for action in actions(statement)}


def policies(stack: Stack) -> dict[str, set[str]]:
    """Actions of the policies of grantees, by the construct id of the grantee."""
    return {
        name: {
            action for statement in policy["Properties"]["PolicyDocument"]["Statement"] for action in actions(statement)
        }
        for name in TAKERS
        for logical_id, policy in resources(stack, "AWS::IAM::Policy").items()
        if logical_id.startswith(name)
    }


@pytest.mark.parametrize("method", GRANTS)
def test_grantee_without_a_policy_is_allowed_by_the_policies_of_resource_and_key(stack: Stack, method: str) -> None:
    make, expected = GRANTS[method]
    give = make(stack)

    granted = {name: give(make_grantee(stack)).success for name, (make_grantee, _) in GRANTEES.items()}

    statements = resource_policies(stack)
    given = {name: given_to(statements, known_by) for name, (_, known_by) in GRANTEES.items()}
    assert given == dict.fromkeys(GRANTEES, expected)
    assert granted == dict.fromkeys(GRANTEES, True)
    assert not policies(stack)


@pytest.mark.parametrize("method", GRANTS)
def test_grantee_with_a_policy_gets_a_statement_there_and_no_resource_policy_changes(stack: Stack, method: str) -> None:
    make, expected = GRANTS[method]
    give = make(stack)

    for grantee in MUTABLE.values():
        give(grantee(stack))

    assert policies(stack) == dict.fromkeys(TAKERS, expected)
    assert not [
        one
        for one in resource_policies(stack)
        if one["Effect"] == "Allow" and expected & actions(one) and "Service" not in one["Principal"]
    ]


@pytest.mark.parametrize("method", OWN_POLICY_GRANTS)
def test_what_no_resource_policy_can_allow_is_refused_to_a_grantee_without_a_policy(
    stack: Stack, package: HandlerPackage, method: str
) -> None:
    make, expected = OWN_POLICY_GRANTS[method]
    give = make(stack, package)

    for grantee, _ in GRANTEES.values():
        who = grantee(stack)
        with pytest.raises(
            InvalidPropsError, match=r"^Stack/\w+: grantee must have a policy that can be .*, got"
        ) as it:
            give(who)
        assert all(action in str(it.value) for action in expected)


@pytest.mark.parametrize("method", OWN_POLICY_GRANTS)
def test_what_no_resource_policy_can_allow_is_in_the_policy_of_the_grantee(
    stack: Stack, package: HandlerPackage, method: str
) -> None:
    make, expected = OWN_POLICY_GRANTS[method]
    give = make(stack, package)

    for grantee in MUTABLE.values():
        give(grantee(stack))

    assert policies(stack) == dict.fromkeys(TAKERS, expected)


def test_role_of_the_app_in_another_account_is_refused_what_no_resource_policy_can_allow(stack: Stack) -> None:
    there = Stack(stack.node.root, "There", env=Environment(account=OTHER, region="eu-west-1"))  # type: ignore[arg-type]
    role = iam.Role(there, "Role", role_name="caller", assumed_by=iam.AccountRootPrincipal())

    with pytest.raises(InvalidPropsError, match=r"^Stack/Api: .* be of the account of the resource, .* got There/Role"):
        web_api(stack)(role)


@pytest.mark.parametrize("grantee", ["role of another account", "immutable role"])
def test_operator_who_takes_no_policies_is_refused(stack: Stack, grantee: str) -> None:
    make, _ = GRANTEES[grantee]
    role: Any = make(stack)

    for settings in (OperatorAccessProps(readers=[role]), OperatorAccessProps(operators=[role])):
        with pytest.raises(
            InvalidPropsError, match=r"^Stack/\w+: grantee must take managed policies, .*, got Stack/\w+"
        ):
            OperatorAccess(stack, f"Access{len(settings.readers)}", settings)


@pytest.mark.parametrize("method", ["grant_read", "grant_operate"])
def test_operator_who_takes_policies_has_them(stack: Stack, method: str) -> None:
    access = OperatorAccess(stack, "Access")
    takers: list[Any] = [make(stack) for make in MUTABLE.values()]

    for taker in (
        *takers,
        iam.Group(stack, "Group"),
        iam.LazyRole(stack, "Lazy", assumed_by=iam.AccountRootPrincipal()),
    ):
        getattr(access, method)(taker)
        getattr(access, method)(taker)  # a second time, as somebody who is in both lists

    policies = [one["Properties"] for one in resources(stack, "AWS::IAM::ManagedPolicy").values()]
    assert [one.get("Roles") for one in policies].count(["Reporter"]) == (2 if method == "grant_operate" else 1)
    for kind in ("Role", "User", "Group"):
        for one in resources(stack, f"AWS::IAM::{kind}").values():
            assert one["Properties"]["ManagedPolicyArns"]


def test_grantee_without_a_policy_may_invoke_the_preprocessor_by_its_permission(
    stack: Stack, package: HandlerPackage
) -> None:
    made = pipeline(stack, package)

    for make, _ in GRANTEES.values():
        made.grant_start(make(stack))

    found = [one["Properties"] for one in resources(stack, "AWS::Lambda::Permission").values()]
    permissions = [json.dumps(one) for one in found if one["Action"] == "lambda:InvokeFunction"]
    assert len(permissions) == len(GRANTEES)
    for _, name in GRANTEES.values():
        assert any(name.strip(":").removeprefix("iam::").removesuffix(":root") in one for one in permissions)


def test_grantee_with_a_policy_may_invoke_the_preprocessor_by_that_policy(
    stack: Stack, package: HandlerPackage
) -> None:
    made = pipeline(stack, package)

    for make in MUTABLE.values():
        made.grant_start(make(stack))

    assert not resources(stack, "AWS::Lambda::Permission")
    assert policies(stack) == {name: {"lambda:InvokeFunction"} for name in TAKERS}


IMPORTED: Mapping[str, Give] = {
    "topic": lambda stack, who: TopicChannel(
        stack, "Topic", TopicChannelProps(existing=sns.Topic.from_topic_arn(stack, "Given", TOPIC_ARN))
    ).grant_publish(who),
    "notifier": lambda stack, who: DeadLetterNotifier(
        stack, "Notifier", DeadLetterNotifierProps(existing=sns.Topic.from_topic_arn(stack, "Given", TOPIC_ARN))
    ).grant_notify(who),
    "table": lambda stack, who: IdempotencyTable(
        stack, "Items", IdempotencyTableProps(existing=dynamodb.Table.from_table_arn(stack, "Given", TABLE_ARN))
    ).grant_idempotency(who, single_writes=True),
    "bucket": lambda stack, who: ClaimCheckBucket(
        stack, "Claims", ClaimCheckBucketProps(existing=s3.Bucket.from_bucket_name(stack, "Given", "claims"))
    ).grant_read(who, under="orders"),
    "key": lambda stack, who: channel(stack, kms.Key.from_key_arn(stack, "Given", KEY_ARN)).grant_send(who),
    "alias": lambda stack, who: channel(stack, kms.Alias.from_alias_name(stack, "Given", "alias/orders")).grant_send(
        who
    ),
}


@pytest.mark.parametrize("grantee", GRANTEES)
@pytest.mark.parametrize("resource", IMPORTED)
def test_grant_fails_where_neither_grantee_nor_resource_has_a_policy_that_can_be_extended(
    stack: Stack, resource: str, grantee: str
) -> None:
    make, _ = GRANTEES[grantee]

    with pytest.raises(InvalidPropsError, match=r"^Stack/\w+: grantee must have a policy .* Stack/Given cannot be"):
        IMPORTED[resource](stack, make(stack))


@pytest.mark.parametrize("grantee", MUTABLE)
@pytest.mark.parametrize("resource", IMPORTED)
def test_imported_resource_needs_no_policy_for_a_grantee_of_its_account_that_has_one(
    stack: Stack, resource: str, grantee: str
) -> None:
    IMPORTED[resource](stack, MUTABLE[grantee](stack))

    assert not resource_policies(stack) or resource in {"key", "alias"}
    assert len(resources(stack, "AWS::IAM::Policy")) == 1


def test_key_that_drops_the_grant_of_a_role_is_refused(app_context: dict[str, Any]) -> None:
    """Without the CDK's feature flag, a key that was imported by its alias drops every grant."""
    flag = "@aws-cdk/aws-kms:applyImportedAliasPermissionsToPrincipal"
    stack = Stack(new_app(context={**app_context, flag: False}, analytics_reporting=False), "Stack")

    with pytest.raises(InvalidPropsError, match=r"^Stack/Orders: .* Stack/Given cannot be changed, got Stack/Role"):
        IMPORTED["alias"](stack, MUTABLE["role of the app"](stack))


def test_role_that_uses_an_imported_topic_of_another_account_is_allowed_and_synthesis_prints_what_is_left(
    stack: Stack,
) -> None:
    given = sns.Topic.from_topic_arn(stack, "Given", TOPIC_ARN.replace(OWN, OTHER))
    existing = TopicChannel(stack, "Topic", TopicChannelProps(existing=given))

    existing.grant_publish(MUTABLE["role of the app"](stack))

    assert len(resources(stack, "AWS::IAM::Policy")) == 1
    told = Match.string_like_regexp("policy of the imported Stack/Given must allow sns:Publish")
    assert Annotations.from_stack(stack).find_info("*", told)


def test_stream_whose_key_drops_the_grant_is_refused(app_context: dict[str, Any]) -> None:
    """As above: without the flag, a key that was imported by its alias drops every grant."""
    flag = "@aws-cdk/aws-kms:applyImportedAliasPermissionsToPrincipal"
    stack = Stack(new_app(context={**app_context, flag: False}, analytics_reporting=False), "Stack")
    key = kms.Alias.from_alias_name(stack, "Given", "alias/orders")
    existing = dynamodb.Table.from_table_attributes(
        stack, "Theirs", table_arn=TABLE_ARN, table_stream_arn=f"{TABLE_ARN}/stream/1", encryption_key=key
    )
    items = IdempotencyTable(stack, "Items", IdempotencyTableProps(existing=existing, requests=True))

    with pytest.raises(InvalidPropsError, match=r"^Stack/Items: .* Stack/Given cannot be changed, got Stack/Role"):
        items.grant_stream_read(MUTABLE["role of the app"](stack))


def test_batches_of_partiql_are_not_granted_to_another_account_which_dynamodb_refuses(stack: Stack) -> None:
    with pytest.raises(InvalidPropsError, match=r"^Stack/Items: single_writes must be True for a grantee of another"):
        table(stack).grant_idempotency(iam.AccountPrincipal(OTHER))


def test_grantee_without_a_known_role_is_refused(stack: Stack) -> None:
    given = lambda_.Function.from_function_arn(stack, "Given", f"arn:aws:lambda:eu-west-1:{OWN}:function:given")

    with pytest.raises(InvalidPropsError, match=r"^Stack/Orders: grantee must have a known role"):
        channel(stack).grant_send(given)


def grant_methods() -> Iterator[str]:
    """Grant methods of all public classes, as `Class.method`."""
    for name in tsunagu.cdk.__all__:
        found = getattr(tsunagu.cdk, name)
        if isclass(found):
            yield from (f"{name}.{method}" for method in dir(found) if method.startswith("grant_"))


def test_every_grant_method_is_tried() -> None:
    own_tests = {"ServicePipeline.grant_start", "OperatorAccess.grant_read", "OperatorAccess.grant_operate"}
    tried = {name.partition(" ")[0] for name in (*GRANTS, *OWN_POLICY_GRANTS, *own_tests)}

    assert set(grant_methods()) == tried
