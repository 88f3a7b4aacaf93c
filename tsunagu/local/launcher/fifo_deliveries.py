"""Gives messages that a FIFO topic delivers to a FIFO queue a sequence number, and lets the queue deduplicate them.

ministack puts them into the queue without a sequence number, and twice when the queue already had the deduplication id
(https://docs.aws.amazon.com/sns/latest/dg/fifo-message-dedup.html).
"""

# ruff: noqa: SLF001 - the package's docstring says why

import time
from typing import Any

from .ministack_modules import sns, sqs

Queue = dict[str, Any]
Message = dict[str, Any]

_SCOPE_OF_GROUP = "messageGroup"


def install() -> None:
    """Complete what ministack delivers to a FIFO queue."""
    deliver = sns._deliver_to_sqs

    def deliver_in_order(queue_arn: str, *rest: Any, **named: Any) -> None:
        deliver(queue_arn, *rest, **named)
        queue = sqs._queue_by_arn(queue_arn)
        if queue and queue["is_fifo"]:
            _complete(queue)

    sns._deliver_to_sqs = deliver_in_order


def _complete(queue: Queue) -> None:
    """Give each message without a sequence number the next one, or drop it when the queue had its deduplication id."""
    sqs._prune_dedup(queue)
    for message in [message for message in queue["messages"] if message["seq"] is None]:
        key = _deduplication_key(queue, message)
        if key in queue["dedup_cache"]:
            queue["messages"].remove(message)
            continue
        queue["fifo_seq"] += 1
        message.update(seq=str(queue["fifo_seq"]).zfill(20), dedup_cache_key=key)
        queue["dedup_cache"][key] = {
            "expire": time.time() + sqs._DEDUP_WINDOW_S,
            "id": message["id"],
            "md5": message["md5_body"],
            "md5a": message["md5_attrs"],
            "seq": message["seq"],
        }


def _deduplication_key(queue: Queue, message: Message) -> str:
    """Return the key under which the queue remembers a message, as ministack builds it for a send."""
    within_group = queue["attributes"].get("DeduplicationScope") == _SCOPE_OF_GROUP
    return f"{message['group_id']}:{message['dedup_id']}" if within_group else str(message["dedup_id"])
