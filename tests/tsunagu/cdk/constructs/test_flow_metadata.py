"""What constructs write into the template, by which operations find them."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import Duration, NestedStack, Stack
from aws_cdk import aws_sqs as sqs
from aws_cdk.assertions import Template

from tsunagu.cdk import QueueChannel, QueueChannelProps, TopicChannel
from tsunagu.cdk.constructs.flow_metadata import mark
from tsunagu.contracts.flows import Kind, Part, read_parts

PROPS = QueueChannelProps(handler_timeout=Duration.seconds(5))


def parts_of(template: Mapping[str, Any]) -> list[Part]:
    return [part for resource in template["Resources"].values() for part in read_parts(resource.get("Metadata"))]


def test_a_channel_names_its_queue_and_its_dead_letters(stack: Stack) -> None:
    QueueChannel(stack, "OrderEventsChannel", PROPS)

    assert parts_of(Template.from_stack(stack).to_json()) == [
        Part(kind=Kind.DEAD_LETTERS, name="OrderEvents", path="OrderEvents", protected=True),
        Part(kind=Kind.CHANNEL, name="OrderEvents", path="OrderEvents", protected=True),
    ]


def test_the_name_has_the_nested_stacks_between(stack: Stack) -> None:
    nested = NestedStack(stack, "Inner")
    QueueChannel(nested, "Orders", PROPS)

    assert {part.name for part in parts_of(Template.from_stack(nested).to_json())} == {"Inner/Orders"}


def test_a_resource_can_be_several_parts(stack: Stack) -> None:
    channel = QueueChannel(stack, "Orders", PROPS)
    mark(channel.queue, Kind.SERVICE, channel, name="shop/orders", protected=False)

    found = [part for part in parts_of(Template.from_stack(stack).to_json()) if part.kind != Kind.DEAD_LETTERS]
    assert [(part.kind, part.name, part.path) for part in found] == [
        (Kind.CHANNEL, "Orders", "Orders"),
        (Kind.SERVICE, "shop/orders", "Orders"),
    ]


def test_an_existing_queue_is_not_changed(stack: Stack) -> None:
    dead = sqs.Queue(stack, "Dead")
    theirs = sqs.Queue(
        stack,
        "Theirs",
        visibility_timeout=Duration.seconds(30),
        dead_letter_queue=sqs.DeadLetterQueue(queue=dead, max_receive_count=1_000),
    )
    QueueChannel(
        stack,
        "Orders",
        QueueChannelProps(handler_timeout=Duration.seconds(5), existing=theirs, max_receive_count=1_000),
    )

    assert parts_of(Template.from_stack(stack).to_json()) == []


def test_a_topic_is_named_by_its_path(stack: Stack) -> None:
    TopicChannel(stack, "PaidInvoices")

    assert [part.name for part in parts_of(Template.from_stack(stack).to_json())] == ["PaidInvoices"]
