"""Each `grant_*` method with each kind of grantee: a policy is written, or the grant fails."""

import json
from collections.abc import Callable, Mapping
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

from tests.apps import new_app
from tests.tsunagu.cdk.constructs.synthesized import resources
from tsunagu.cdk.assets import HandlerPackage
from tsunagu.cdk.constructs.claim_check_bucket import ClaimCheckBucket, ClaimCheckBucketProps
from tsunagu.cdk.constructs.dead_letter_notifier import DeadLetterNotifier, DeadLetterNotifierProps
from tsunagu.cdk.constructs.handler_function import HandlerFunctionProps
from tsunagu.cdk.constructs.idempotency_table import IdempotencyTable, IdempotencyTableProps
from tsunagu.cdk.constructs.queue_channel import QueueChannel, QueueChannelProps
from tsunagu.cdk.constructs.topic_channel import TopicChannel, TopicChannelProps
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


# method: (the call, the actions that it gives)
GRANTS: Mapping[str, tuple[Give, set[str]]] = {
    "grant_send": (lambda stack, who: channel(stack).grant_send(who), {"sqs:SendMessage"}),
    "grant_consume": (
        lambda stack, who: channel(stack).grant_consume(who),
        {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"},
    ),
    "grant_change_visibility": (
        lambda stack, who: channel(stack).grant_change_visibility(who),
        {"sqs:ChangeMessageVisibility"},
    ),
    "grant_dead_letter": (lambda stack, who: channel(stack).grant_dead_letter(who), {"sqs:SendMessage"}),
    "grant_publish": (
        lambda stack, who: TopicChannel(stack, "Topic").grant_publish(who),
        {"sns:Publish", "kms:Decrypt", "kms:GenerateDataKey"},
    ),
    "grant_notify": (
        lambda stack, who: DeadLetterNotifier(stack, "Notifier").grant_notify(who),
        {"sns:Publish", "kms:Decrypt", "kms:GenerateDataKey"},
    ),
    "grant_idempotency": (
        lambda stack, who: table(stack).grant_idempotency(who, single_writes=True),
        {"dynamodb:PutItem", "dynamodb:BatchGetItem", "dynamodb:UpdateItem"},
    ),
    "grant_find_by_request": (lambda stack, who: table(stack).grant_find_by_request(who), {"dynamodb:Query"}),
    "grant_look_at_dead_letters": (
        lambda stack, who: channel(stack).grant_look_at_dead_letters(who),
        {"sqs:ReceiveMessage", "sqs:ChangeMessageVisibility"},
    ),
    "grant_sweep": (
        lambda stack, who: table(stack, requests=True).grant_sweep(who),
        {"dynamodb:Query", "dynamodb:BatchGetItem", "dynamodb:UpdateItem"},
    ),
    "grant_sweep_runs": (
        lambda stack, who: table(stack, requests=True).grant_sweep_runs(who),
        {"dynamodb:Query", "dynamodb:BatchGetItem", "dynamodb:UpdateItem"},
    ),
    "grant_record": (lambda stack, who: table(stack, requests=True).grant_record(who), {"dynamodb:PutItem"}),
    "grant_hold_job": (
        lambda stack, who: table(stack).grant_hold_job(who, "prices"),
        {"dynamodb:GetItem", "dynamodb:UpdateItem"},
    ),
    "grant_release_job": (lambda stack, who: table(stack).grant_release_job(who, "prices"), {"dynamodb:UpdateItem"}),
    "grant_check_job": (
        lambda stack, who: table(stack).grant_check_job(who, "prices"),
        {"dynamodb:ConditionCheckItem", "dynamodb:GetItem"},
    ),
    "grant_read": (
        lambda stack, who: ClaimCheckBucket(stack, "Claims").grant_read(who, under="orders"),
        {"s3:GetObjectVersion", "kms:Decrypt"},
    ),
    "grant_write": (
        lambda stack, who: ClaimCheckBucket(stack, "Claims").grant_write(who, under="orders"),
        {"s3:PutObject", "s3:GetObject", "kms:GenerateDataKey", "kms:Decrypt"},
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


@pytest.mark.parametrize("grantee", GRANTEES)
@pytest.mark.parametrize("method", GRANTS)
def test_grantee_without_a_policy_is_allowed_by_the_policies_of_resource_and_key(
    stack: Stack, method: str, grantee: str
) -> None:
    (give, expected), (make, name) = GRANTS[method], GRANTEES[grantee]

    granted = give(stack, make(stack))

    assert given_to(resource_policies(stack), name) == expected
    assert granted.success
    assert not resources(stack, "AWS::IAM::Policy")


@pytest.mark.parametrize("grantee", MUTABLE)
@pytest.mark.parametrize("method", GRANTS)
def test_grantee_with_a_policy_gets_a_statement_there_and_no_resource_policy_changes(
    stack: Stack, method: str, grantee: str
) -> None:
    give, expected = GRANTS[method]
    who = MUTABLE[grantee](stack)

    give(stack, who)

    [policy] = resources(stack, "AWS::IAM::Policy").values()
    statements = policy["Properties"]["PolicyDocument"]["Statement"]
    assert {action for statement in statements for action in actions(statement)} == expected
    assert not [
        one
        for one in resource_policies(stack)
        if one["Effect"] == "Allow" and expected & actions(one) and "Service" not in one["Principal"]
    ]


@pytest.mark.parametrize("grantee", GRANTEES)
def test_grantee_without_a_policy_may_invoke_the_preprocessor_by_its_permission(
    stack: Stack, package: HandlerPackage, grantee: str
) -> None:
    make, name = GRANTEES[grantee]

    pipeline(stack, package).grant_start(make(stack))

    permissions = [one["Properties"] for one in resources(stack, "AWS::Lambda::Permission").values()]
    [permission] = [one for one in permissions if one["Action"] == "lambda:InvokeFunction"]
    assert (name.strip(":").removeprefix("iam::").removesuffix(":root")) in json.dumps(permission)


@pytest.mark.parametrize("grantee", MUTABLE)
def test_grantee_with_a_policy_may_invoke_the_preprocessor_by_that_policy(
    stack: Stack, package: HandlerPackage, grantee: str
) -> None:
    made = pipeline(stack, package)

    made.grant_start(MUTABLE[grantee](stack))

    assert not resources(stack, "AWS::Lambda::Permission")
    assert "lambda:InvokeFunction" in json.dumps(resources(stack, "AWS::IAM::Policy"))


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


@pytest.mark.parametrize("grantee", GRANTEES)
def test_stream_is_read_by_a_grantee_with_a_policy_only(stack: Stack, grantee: str) -> None:
    make, _ = GRANTEES[grantee]

    with pytest.raises(InvalidPropsError, match=r"^Stack/Items: grantee must have a policy that can be extended"):
        table(stack, requests=True).grant_stream_read(make(stack))


@pytest.mark.parametrize("grantee", MUTABLE)
def test_grantee_with_a_policy_may_read_the_stream(stack: Stack, grantee: str) -> None:
    table(stack, requests=True).grant_stream_read(MUTABLE[grantee](stack))

    [policy] = resources(stack, "AWS::IAM::Policy").values()
    [statement] = policy["Properties"]["PolicyDocument"]["Statement"]
    assert actions(statement) == {
        "dynamodb:DescribeStream",
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
        "dynamodb:ListStreams",
    }


def test_batches_of_partiql_are_not_granted_to_another_account_which_dynamodb_refuses(stack: Stack) -> None:
    with pytest.raises(InvalidPropsError, match=r"^Stack/Items: single_writes must be True for a grantee of another"):
        table(stack).grant_idempotency(iam.AccountPrincipal(OTHER))


def test_grantee_without_a_known_role_is_refused(stack: Stack) -> None:
    given = lambda_.Function.from_function_arn(stack, "Given", f"arn:aws:lambda:eu-west-1:{OWN}:function:given")

    with pytest.raises(InvalidPropsError, match=r"^Stack/Orders: grantee must have a known role"):
        channel(stack).grant_send(given)


def test_every_grant_method_is_tried() -> None:
    constructs = (QueueChannel, TopicChannel, DeadLetterNotifier, IdempotencyTable, ClaimCheckBucket, ServicePipeline)

    methods = {name for construct in constructs for name in vars(construct) if name.startswith("grant_")}

    assert methods == {*GRANTS, "grant_start", "grant_stream_read"}
