"""Outcomes of runs: what the execution that waits is told when a run has ended, or was dead-lettered."""

import logging
from collections.abc import Sequence
from dataclasses import replace

from tsunagu.contracts.schedules import JOB_FAILED, TASK_TOKEN_FIELD
from tsunagu.runtime.errors import InvalidMessageError
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.json_text import read_json
from tsunagu.runtime.receiving.delivery import Delivery
from tsunagu.runtime.receiving.relay import AddressedMessage, OutboxSender
from tsunagu.runtime.sending.outbox import Channel, OutboxMessage
from tsunagu.runtime.sending.publish import SendResult
from tsunagu.runtime.telemetry import call_fields

_logger = logging.getLogger(__name__)

_OUTCOMES = {Channel.TASK_SUCCESS, Channel.TASK_FAILURE}
_NOT_AWAITED = {"TaskDoesNotExist", "TaskTimedOut"}


class OutcomeSender:
    """Sends outboxes of runs. An outcome that nobody waits for any more is taken for sent.

    The execution was told before, by a worker that was killed before it could note that; or it has ended otherwise, and
    has said so itself. The work of the run stands in both cases, so a dead letter would say nothing new.

    Args:
        sender: Sends messages.
    """

    def __init__(self, sender: OutboxSender) -> None:
        self._sender = sender

    def send(self, messages: Sequence[AddressedMessage]) -> list[SendResult]:
        """Send `messages`. Return the results in the same order; no failure is raised."""
        results = self._sender.send(messages)
        return [_judged(message, result) for message, result in zip(messages, results, strict=True)]


class FailureTeller:
    """Tells the execution that waits for a run that the message of the run was dead-lettered.

    Args:
        sender: Sends outcomes.
    """

    def __init__(self, sender: OutboxSender) -> None:
        self._sender = OutcomeSender(sender)

    def tell(self, item: Item, delivery: Delivery, reason: str) -> SendResult | None:
        """Send the reason as the failure of the task. Return None if the message names no task."""
        token = _token(delivery.body)
        if token is None:
            return None
        failure = OutboxMessage(channel=Channel.TASK_FAILURE, target=token, body=reason, error=JOB_FAILED)
        (result,) = self._sender.send([AddressedMessage(failure, delivery.message_id, item, delivery.body)])
        # A token that Step Functions does not know will never be known, and must not hold the dead letter back.
        return replace(result, error=None) if result.is_permanent else result


def _judged(message: AddressedMessage, result: SendResult) -> SendResult:
    code = result.call.code if result.call is not None else ""
    if message.outbox_message.channel in _OUTCOMES and code in _NOT_AWAITED:
        _logger.warning("outcome not awaited", extra=call_fields(result.call))
        return SendResult(message.deduplication_id)
    return result


def _token(body: str) -> str | None:
    try:
        content = read_json("the body", body)
    except InvalidMessageError:
        return None
    token = content.get(TASK_TOKEN_FIELD) if isinstance(content, dict) else None
    return token if isinstance(token, str) and token else None
