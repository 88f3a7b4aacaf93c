"""Sends messages that SNS cannot deliver to a queue to the dead-letter queue of the subscription. ministack drops them.

SNS does not retry when the queue is gone, when its policy refuses the topic, or when a raw message has more than ten
attributes (https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html).
"""

# ruff: noqa: SLF001 - the package's docstring says why

import json
from typing import Any

from .ministack_modules import responses, sns, sqs

RAW_ATTRIBUTES = 10  # https://docs.aws.amazon.com/sns/latest/dg/sns-large-payload-raw-message-delivery.html


def install() -> None:
    """Send undeliverable messages to the dead-letter queue of the subscription, if there is one that accepts them."""
    deliver = sns._deliver_to_sqs

    def deliver_or_set_aside(queue_arn: str, envelope: str, raw: bool, *rest: Any, **named: Any) -> None:
        topic_arn = named.get("topic_arn", "")
        attributes = named.get("message_attributes") or {}
        has_room = not raw or len(attributes) <= RAW_ATTRIBUTES
        if has_room and _takes(queue_arn, topic_arn):
            deliver(queue_arn, envelope, raw, *rest, **named)
        elif dead_letter_queue := _dead_letter_queue(topic_arn, queue_arn):
            deliver(dead_letter_queue, envelope, raw, *rest, **named)

    sns._deliver_to_sqs = deliver_or_set_aside


def _takes(queue_arn: str, topic_arn: str) -> bool:
    if not sqs._queue_by_arn(queue_arn):
        return False
    account = topic_arn.split(":")[4] if topic_arn else responses.get_account_id()
    allowed: bool = sqs.queue_policy_allows(queue_arn, "sns.amazonaws.com", topic_arn, account)
    return allowed


def _dead_letter_queue(topic_arn: str, queue_arn: str) -> str | None:
    """Return the dead-letter queue of the subscription. A topic has at most one subscription for each queue."""
    topic = sns._topic_by_arn_any_scope(topic_arn) or {"subscriptions": []}
    policies = (
        subscription["attributes"].get("RedrivePolicy")
        for subscription in topic["subscriptions"]
        if subscription["endpoint"] == queue_arn
    )
    policy = next(policies, None)
    return json.loads(policy)["deadLetterTargetArn"] if policy else None
