"""Policy documents in every form that IAM and CloudFormation take: read the same, and never a crash."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tsunagu.cdk.checks.sound import SOUND, Resources, findings

QUEUE_POLICY = ("OrdersPolicy", "PolicyDocument")
POLICIES = [QUEUE_POLICY, ("UnstartedPolicy", "PolicyDocument"), ("Key", "KeyPolicy")]
OPEN = ("ResourcePolicySource", "OrdersPolicy")

texts = st.sampled_from(
    ["*", "sqs:SendMessage", "SQS:Send*", "sns.amazonaws.com", "arn:aws:sns:eu-west-1:1:t", "123", ""]
)
references = st.one_of(
    st.sampled_from([{"Ref": "Topic"}, {"Ref": "AWS::AccountId"}, {"Ref": "AWS::NoValue"}, {"Ref": "Parameter"}]),
    st.sampled_from([{"Fn::GetAtt": ["Orders", "Arn"]}, {"Fn::GetAtt": "Orders.Arn"}, {"Fn::ImportValue": "TopicArn"}]),
    st.sampled_from([{"Fn::Sub": "sns.${AWS::URLSuffix}"}, {"Fn::Sub": ["${X}:*", {"X": {"Ref": "Topic"}}]}]),
    st.sampled_from([{"Fn::Join": ["", ["sns.", {"Ref": "AWS::URLSuffix"}]]}, {"Fn::FindInMap": ["M", "a", "b"]}]),
)


def conditional(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Values, some within `Fn::If`, with nothing in the other branch."""
    none = st.just({"Ref": "AWS::NoValue"})
    return st.one_of(values, st.builds(lambda one, two: {"Fn::If": ["IsProd", one, two]}, values, values | none))


def one_or_many(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """One value or a list, where anything may depend on a condition."""
    entries = conditional(values | references)
    return conditional(entries | st.lists(entries, max_size=3))


principals = conditional(
    st.just("*")
    | references
    | st.dictionaries(st.sampled_from(["AWS", "Service", "Federated", "CanonicalUser"]), one_or_many(texts), max_size=2)
)
operators = st.sampled_from(["StringEquals", "ArnLike", "Null", "Bool", "ForAnyValue:StringLike", "StringLikeIfExists"])
condition_keys = st.sampled_from(["aws:SourceArn", "AWS:SourceOwner", "aws:PrincipalAccount", "kms:ViaService"])
values = st.one_of(texts, st.booleans(), st.integers())
conditions = conditional(
    references
    | st.dictionaries(
        operators, conditional(st.dictionaries(condition_keys, one_or_many(values), max_size=2)), max_size=2
    )
)
statements = st.fixed_dictionaries(
    {"Effect": conditional(st.sampled_from(["Allow", "Deny"]) | references)},
    optional={
        "Sid": texts,
        "Principal": principals,
        "NotPrincipal": principals,
        "Action": one_or_many(texts),
        "NotAction": one_or_many(texts),
        "Resource": one_or_many(texts),
        "NotResource": one_or_many(texts),
        "Condition": conditions,
    },
)
documents = conditional(
    references
    | st.fixed_dictionaries(
        {"Statement": one_or_many(statements)}, optional={"Version": texts, "Id": texts | references}
    )
)


def with_policy(place: tuple[str, str], document: Any) -> Resources:
    resources = copy.deepcopy(SOUND)
    resources[place[0]]["Properties"][place[1]] = document
    return resources


def with_statement(statement: Any) -> Resources:
    """The sound template, whose queue has one more statement."""
    resources = copy.deepcopy(SOUND)
    resources["OrdersPolicy"]["Properties"]["PolicyDocument"]["Statement"].append(statement)
    return resources


@given(st.sampled_from(POLICIES), documents | documents.map(json.dumps))
def test_legal_policy_never_crashes_the_checks(place: tuple[str, str], document: Any) -> None:
    findings(with_policy(place, document))


def statement(*, effect: str = "Allow", principal: Any = "*", **condition: Any) -> dict[str, Any]:
    """Let somebody send to the queue."""
    found = {"Effect": effect, "Principal": principal, "Action": "sqs:SendMessage"}
    return found | ({"Condition": condition} if condition else {})


FORMS: dict[str, Callable[[Any], Any]] = {
    "list": lambda found: [found],
    "single": lambda found: found,
    "if": lambda found: [{"Fn::If": ["IsProd", found, {"Ref": "AWS::NoValue"}]}],
    "if around a list": lambda found: {"Fn::If": ["IsProd", [found], []]},
    "lists": lambda found: [{"Fn::If": ["IsProd", [found], [found]]}],
}
DELIVERIES = {
    "service": {"Service": "sns.amazonaws.com"},
    "services": {"Service": ["events.amazonaws.com", "sns.amazonaws.com"]},
    "region": {"Service": {"Fn::Sub": "sns.${AWS::Region}.amazonaws.com"}},
    "partition": {"Service": {"Fn::Join": ["", ["sns.", {"Ref": "AWS::URLSuffix"}]]}},
    "everyone": "*",
    "any principal": {"AWS": ["*"]},
}
SENDS = ["sqs:SendMessage", "SQS:SendMessage", "sqs:Send*", "sqs:*", "*", ["sqs:GetQueueUrl", "sqs:sendmessage"]]
FROM_TOPIC = {"ArnLike": {"AWS:SourceArn": {"Ref": "Topic"}}}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("principal", DELIVERIES)
def test_delivery_is_seen_in_every_form_of_a_policy(form: str, principal: str) -> None:
    for action in SENDS:
        found = {"Effect": "Allow", "Principal": DELIVERIES[principal], "Action": action, "Condition": FROM_TOPIC}
        resources = with_policy(QUEUE_POLICY, {"Statement": FORMS[form](found)})
        resources.pop("Tick")  # only SNS sends

        assert findings(resources) == set()


def test_delivery_is_seen_where_the_policy_leaves_actions_out() -> None:
    found = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "NotAction": "sqs:DeleteQueue"}
    resources = with_policy(QUEUE_POLICY, {"Statement": found | {"Condition": FROM_TOPIC}})
    resources.pop("Tick")

    assert findings(resources) == set()


@pytest.mark.parametrize("action", ["sqs:ReceiveMessage", "sqs:SendMessageBatch?", [], {"Ref": "AWS::NoValue"}])
def test_other_action_is_no_delivery(action: Any) -> None:
    found = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": action}
    resources = with_policy(QUEUE_POLICY, {"Statement": [found | {"Condition": FROM_TOPIC}]})
    resources.pop("Tick")

    assert findings(resources) == {("QueuePolicyService", "Orders"), ("QueuePolicyService", "Undelivered")}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("as_text", [False, True])
def test_open_policy_is_found_in_every_form(form: str, as_text: bool) -> None:
    document = {"Statement": FORMS[form](statement())}
    resources = with_policy(QUEUE_POLICY, json.dumps(document) if as_text else document)

    assert OPEN in findings(resources)


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"aws:PrincipalAccount": {"Ref": "AWS::AccountId"}}},
        {"StringEquals": {"AWS:SourceOwner": "123456789012"}},
        {"StringLike": {"aws:PrincipalArn": ["arn:aws:iam::123456789012:role/a", "arn:aws:iam::123456789012:role/b"]}},
        {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": ["o-1/r-1/*"]}},
        {"ArnLike": {"aws:PrincipalArn": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:role/*"}}},
        {"StringEquals": {"aws:SourceVpce": "vpce-1"}},
        {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
        {"StringEqualsIgnoreCase": {"aws:principalorgid": "o-1"}},
        {
            "Fn::If": [
                "IsProd",
                {"StringEquals": {"aws:PrincipalAccount": "1"}},
                {"ArnLike": {"aws:SourceArn": "arn:1"}},
            ]
        },
        {"StringEquals": {"Fn::If": ["IsProd", {"aws:PrincipalAccount": "1"}, {"aws:PrincipalAccount": "2"}]}},
        {"Bool": {"aws:SecureTransport": "true"}, "StringEquals": {"aws:PrincipalAccount": "1"}},
    ],
)
def test_everyone_of_an_account_or_network_is_not_everyone(condition: dict[str, Any]) -> None:
    assert findings(with_statement(statement(**condition))) == set()


@pytest.mark.parametrize(
    "condition",
    [
        {},
        {"Bool": {"aws:SecureTransport": "true"}},
        {"StringLike": {"aws:PrincipalArn": "*"}},
        {"StringNotEquals": {"aws:PrincipalAccount": "123456789012"}},
        {"StringEqualsIfExists": {"aws:SourceAccount": "123456789012"}},
        {"Null": {"aws:SourceArn": "false"}},
        {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}},
        {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}},
    ],
)
def test_everyone_that_no_condition_bounds_is_found(condition: dict[str, Any]) -> None:
    assert findings(with_statement(statement(**condition))) == {OPEN}


@pytest.mark.parametrize(
    ("principal", "condition", "found"),
    [
        ({"Service": "s3.amazonaws.com"}, {"StringEquals": {"aws:SourceAccount": "1"}}, set()),
        ({"Service": "s3.amazonaws.com"}, {"StringEquals": {"aws:SourceOrgID": "o-1"}}, set()),
        ({"Service": "s3.amazonaws.com"}, {"StringEquals": {"aws:PrincipalAccount": "1"}}, {OPEN}),
        ({"Service": ["s3.amazonaws.com"], "AWS": "1"}, {}, {OPEN}),
        ({"AWS": {"Ref": "Partner"}}, {}, set()),
        ({"AWS": ["123456789012", {"Fn::GetAtt": ["Role", "Arn"]}]}, {}, set()),
    ],
)
def test_service_is_bound_by_its_source_and_a_named_principal_by_nothing(
    principal: Any, condition: dict[str, Any], found: set[tuple[str, str]]
) -> None:
    assert findings(with_statement(statement(principal=principal, **condition))) == found


def test_everyone_but_those_named_is_everyone() -> None:
    found = {"Effect": "Allow", "NotPrincipal": {"AWS": "123456789012"}, "Action": "sqs:SendMessage"}

    assert findings(with_statement(found)) == {OPEN}


@pytest.mark.parametrize(
    ("refusal", "found"),
    [
        ({"Action": "sqs:*", "Condition": {"StringNotEquals": {"aws:PrincipalAccount": "1"}}}, set()),
        ({"Action": "sqs:*", "Condition": {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}}}, set()),
        ({"Action": "sqs:ReceiveMessage", "Condition": {"StringNotEquals": {"aws:PrincipalAccount": "1"}}}, {OPEN}),
        ({"Action": "sqs:*", "Condition": {"StringEquals": {"aws:PrincipalAccount": "1"}}}, {OPEN}),
        ({"Action": "sqs:*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}, {OPEN}),
    ],
)
def test_everyone_is_bound_by_a_refusal_of_all_others(refusal: dict[str, Any], found: set[tuple[str, str]]) -> None:
    resources = with_statement(statement())
    refused = {"Effect": "Deny", "Principal": "*", **refusal}
    resources["OrdersPolicy"]["Properties"]["PolicyDocument"]["Statement"].append(refused)

    assert findings(resources) == found


@pytest.mark.parametrize("document", [{"Ref": "Policy"}, {"Fn::Transform": {"Name": "AWS::Include"}}])
@pytest.mark.parametrize("place", POLICIES)
def test_policy_that_only_the_deployment_knows_breaks_no_rule(place: tuple[str, str], document: Any) -> None:
    assert findings(with_policy(place, document)) == set()
