"""Tables that a team has already: those that cannot hold the items are refused before anything is deployed."""

from typing import Any

import pytest
from aws_cdk import Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam

from tests.tsunagu.cdk.constructs.synthesized import permissions
from tsunagu.cdk import IdempotencyTable, IdempotencyTableProps, InvalidPropsError

S, N = dynamodb.AttributeType.STRING, dynamodb.AttributeType.NUMBER


def attribute(name: str, kind: dynamodb.AttributeType = S) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=kind)


GOOD: dict[str, Any] = {"partition_key": attribute("id"), "time_to_live_attribute": "expiration"}
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"partition_key": attribute("pk")}, "the keys id (a string), got pk (a string)"),
    ({"partition_key": attribute("id", N)}, "the keys id (a string), got id (a number)"),
    ({"sort_key": attribute("at", N)}, "the keys id (a string), got id (a string) and at (a number)"),
    ({"time_to_live_attribute": "ttl"}, "the TTL attribute expiration, got ttl"),
    ({"time_to_live_attribute": None}, "the TTL attribute expiration, got none"),
]


@pytest.mark.parametrize("kind", [dynamodb.Table, dynamodb.TableV2])
@pytest.mark.parametrize(("settings", "words"), WRONG)
def test_a_table_of_another_form_is_refused(stack: Stack, kind: Any, settings: dict[str, Any], words: str) -> None:
    table = kind(stack, "Own", **{**GOOD, **settings})

    with pytest.raises(InvalidPropsError) as refusal:
        IdempotencyTable(stack, "Items", IdempotencyTableProps(existing=table))
    assert str(refusal.value) == f"existing must have {words} of Stack/Own"


@pytest.mark.parametrize("kind", [dynamodb.Table, dynamodb.TableV2])
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"request_index": True}, "the index RequestIndex with the keys request_id (a string), got Other"),
        ({"requests": True}, "the index OpenIndex with the keys open (a string) and due (a number), got Other"),
    ],
)
def test_a_table_without_the_index_is_refused(stack: Stack, kind: Any, settings: dict[str, Any], words: str) -> None:
    table = kind(stack, "Own", **GOOD)
    table.add_global_secondary_index(index_name="Other", partition_key=attribute("a"))

    with pytest.raises(InvalidPropsError) as refusal:
        IdempotencyTableProps(existing=table, **settings)
    assert str(refusal.value) == f"existing must have {words} of Stack/Own"


def test_an_index_with_other_keys_and_a_stream_without_images_are_refused(stack: Stack) -> None:
    table = dynamodb.Table(stack, "Own", **GOOD, stream=dynamodb.StreamViewType.KEYS_ONLY)
    table.add_global_secondary_index(index_name="RequestIndex", partition_key=attribute("request"))
    table.add_global_secondary_index(
        index_name="OpenIndex", partition_key=attribute("open"), sort_key=attribute("due", N)
    )

    with pytest.raises(InvalidPropsError, match=r"request_id \(a string\) in the index RequestIndex, got request \(a"):
        IdempotencyTableProps(existing=table, request_index=True)
    with pytest.raises(InvalidPropsError, match="must have a stream with new images, got KEYS_ONLY of Stack/Own"):
        IdempotencyTableProps(existing=table, requests=True)


@pytest.mark.parametrize("kind", [dynamodb.Table, dynamodb.TableV2])
def test_a_table_of_the_right_form_works_with_all_grants(stack: Stack, kind: Any) -> None:
    streams: dict[Any, dict[str, Any]] = {
        dynamodb.Table: {"stream": dynamodb.StreamViewType.NEW_AND_OLD_IMAGES},
        dynamodb.TableV2: {"dynamo_stream": dynamodb.StreamViewType.NEW_IMAGE},
    }
    table = kind(stack, "Own", **GOOD, **streams[kind])
    table.add_global_secondary_index(index_name="RequestIndex", partition_key=attribute("request_id"))
    table.add_global_secondary_index(
        index_name="OpenIndex", partition_key=attribute("open"), sort_key=attribute("due", N)
    )
    items = IdempotencyTable(stack, "Items", IdempotencyTableProps(existing=table, request_index=True, requests=True))
    function = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    items.grant_idempotency(function)
    items.grant_find_by_request(function)
    items.grant_sweep(function)
    items.grant_stream_read(function)

    assert {action for action, _ in permissions(stack)} >= {
        "dynamodb:Query",
        "dynamodb:GetRecords",
        "dynamodb:UpdateItem",
    }


def test_an_imported_table_is_not_seen(stack: Stack) -> None:
    IdempotencyTableProps(existing=dynamodb.Table.from_table_name(stack, "Imported", "items"), request_index=True)
