"""Limits the size of messages and batches of a topic to its `MaximumMessageSize`, or else to 256 KiB.

ministack has one limit for all topics, and no limit for a whole batch
(https://docs.aws.amazon.com/sns/latest/dg/large-message-payloads.html).
"""

# ruff: noqa: SLF001 - the package's docstring says why

from typing import Any

from .ministack_modules import sns

ATTRIBUTE = "MaximumMessageSize"
DEFAULT_BYTES = 262_144
LARGEST_BYTES = 1_048_576
TOO_LONG = "InvalidParameter"

Parameters = dict[str, Any]
Answer = tuple[int, dict[str, str], bytes]


def install() -> None:
    """Check messages and batches against the limit of their topic before ministack accepts them."""
    publish, publish_batch = sns.publish_internal, sns._publish_batch
    sns._SNS_MAX_PAYLOAD_BYTES = LARGEST_BYTES

    def publish_if_fits(topic_arn: str, message: Any, *rest: Any, **named: Any) -> Any:
        limit = _limit_bytes(topic_arn)
        if sns._message_payload_size(str(message), named.get("message_attributes") or {}) > limit:
            reason = f"Invalid parameter: Message too long. Maximum size is {limit} bytes."
            raise sns.SnsPublishError(TOO_LONG, reason)
        return publish(topic_arn, message, *rest, **named)

    def publish_batch_if_fits(parameters: Parameters) -> Answer:
        limit = _limit_bytes(sns._p(parameters, "TopicArn"))
        entries = sns._parse_batch_entries(parameters)
        total = sum(sns._message_payload_size(entry["message"], entry["message_attributes"]) for entry in entries)
        reason = f"The batch requests cannot be longer than {limit} bytes."
        refused: Answer = sns._error("BatchRequestTooLong", reason, 400)
        return refused if total > limit else publish_batch(parameters)

    sns.publish_internal = publish_if_fits
    sns._publish_batch = publish_batch_if_fits


def _limit_bytes(topic_arn: str) -> int:
    topic = sns._topic_by_arn_any_scope(topic_arn)
    return int(topic["attributes"].get(ATTRIBUTE, DEFAULT_BYTES)) if topic else DEFAULT_BYTES
