"""The dead-letter channel: sends messages that cannot be processed to the dead-letter queue, and notifies SNS.

The item in the idempotency table keeps the whole reason. The dead letter and the notification carry what may be
published of it: the texts of our errors, and the types of others. Where the message has no room for it, the dead letter
goes without.
"""

import json
from collections.abc import Sequence
from logging import getLogger
from typing import Protocol

from tsunagu.contracts.groups import entry_id, group_item_id
from tsunagu.contracts.messages import (
    DEAD_LETTER_ITEM_ATTRIBUTE,
    DEAD_LETTER_REASON_ATTRIBUTE,
    DEAD_LETTER_SOURCE_ATTRIBUTE,
    GROUP_PLACE_ATTRIBUTE,
    dead_letter_deduplication_id,
    dead_letter_source,
)
from tsunagu.contracts.telemetry import LogKey
from tsunagu.runtime.errors import call_of, error_type
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.receiving.delivery import Delivery
from tsunagu.runtime.retry import together_or_alone
from tsunagu.runtime.sending.publish import (
    NotificationSender,
    OutgoingMessage,
    QueueSender,
    SendResult,
    with_attribute,
)
from tsunagu.runtime.telemetry import Metrics, call_fields, in_hand

_logger = getLogger(__name__)

LETTERS_PER_NOTIFICATION = 100  # of at most 2 KiB each, so that they fit SNS's 256 KiB


class DeadLetters:
    """Dead letters of one item.

    Args:
        item: The item: DEAD; or COMMITTED, when its messages cannot be sent.
        deliveries: Its messages in this batch that SNS was not notified of yet.
    """

    __slots__ = ("deliveries", "item")

    def __init__(self, item: Item, deliveries: tuple[Delivery, ...]) -> None:
        self.item = item
        self.deliveries = deliveries


class Teller(Protocol):
    """Tells whoever waits for a message that it is dead-lettered."""

    def tell(self, item: Item, delivery: Delivery, reason: str) -> SendResult | None:
        """Tell the reason. Return None if nobody waits; no failure is raised."""
        ...


class DeadLetterChannel:
    """Sends dead letters to the dead-letter queue, and notifies SNS of them.

    Args:
        queue: Sends to the dead-letter queue.
        notifications: Publishes to the topic of dead letters.
        queue_arn: The queue that the messages came from.
        publish_error_text: Whether a reason has the text of any error. Default: only the texts of ours, and the types
            of others.
        teller: Tells whoever waits for a message. Default: nobody waits.
    """

    def __init__(
        self,
        queue: QueueSender,
        notifications: NotificationSender,
        queue_arn: str,
        *,
        publish_error_text: bool = False,
        teller: Teller | None = None,
    ) -> None:
        self._queue = queue
        self._notifications = notifications
        self._queue_arn = queue_arn
        self._publish_error_text = publish_error_text
        self._teller = teller

    def telling(self, teller: Teller) -> "DeadLetterChannel":
        """Return this channel, such that it first tells whoever waits for a message."""
        return DeadLetterChannel(
            self._queue,
            self._notifications,
            self._queue_arn,
            publish_error_text=self._publish_error_text,
            teller=teller,
        )

    def send(self, dead_letters: Sequence[DeadLetters], metrics: Metrics) -> set[str]:
        """Send dead letters to the dead-letter queue, then publish notifications that list up to 100 each.

        A message that was parked behind another is not notified: the notification of the other says that it is parked.

        Args:
            dead_letters: Dead letters of items.
            metrics: Counts each dead letter that was not sent or not notified, as a failed call.

        Returns:
            Message ids that are in the dead-letter queue and that SNS was notified of. SQS delivers the others again,
            and they are sent again: a standard dead-letter queue may then hold a second copy.
        """
        letters = [
            (letters.item, delivery)
            for letters in dead_letters
            for delivery in letters.deliveries
            if self._was_told(letters.item, delivery, metrics)
        ]
        outgoing = [self._letter(item, delivery) for item, delivery in letters]
        results = together_or_alone(self._queue.send, outgoing, _not_sent)
        sent = [letter for letter, result in zip(letters, results, strict=True) if result.error is None]
        for (item, delivery), result in zip(letters, results, strict=True):
            if result.error is not None:
                metrics.count_failed_call(result.call)
                with in_hand(delivery.log_fields(item.id)):
                    fields = {LogKey.ERROR_TYPE: result.error.split(":")[0], **call_fields(result.call)}
                    _logger.error("dead letter not sent", extra=fields)
        notified = {delivery.message_id for item, delivery in sent if item.behind}
        sent = [(item, delivery) for item, delivery in sent if not item.behind]
        for start in range(0, len(sent), LETTERS_PER_NOTIFICATION):
            chunk = sent[start : start + LETTERS_PER_NOTIFICATION]
            try:
                self._notify(chunk)
            except Exception as error:  # an outage, or what the SDK raises for something unforeseen
                call = call_of(error)
                metrics.count_failed_call(call, len(chunk))
                _logger.exception("dead letters not notified", extra=call_fields(call))
            else:
                notified |= {delivery.message_id for _, delivery in chunk}
        return notified

    def _was_told(self, item: Item, delivery: Delivery, metrics: Metrics) -> bool:
        """Tell whoever waits for a message. Until that is done, the message comes back, and no dead letter is sent."""
        result = self._teller.tell(item, delivery, self._reason(item)) if self._teller is not None else None
        if result is None or result.error is None:
            return True
        metrics.count_failed_call(result.call)
        with in_hand(delivery.log_fields(item.id)):
            _logger.error("dead letter not told", extra=call_fields(result.call))
        return False

    def _letter(self, item: Item, delivery: Delivery) -> OutgoingMessage:
        place = self._place(item, delivery)
        letter = OutgoingMessage(
            body=delivery.body or "null",  # SQS takes no empty body, and no empty attribute
            attributes={name: each for name, each in delivery.attributes.items() if each.value},
            group_id=delivery.group_id,
            deduplication_id=dead_letter_deduplication_id(delivery.message_id, place) if delivery.is_fifo else None,
            trace_header=delivery.trace_header,
        )
        if place:
            letter = with_attribute(letter, GROUP_PLACE_ATTRIBUTE, place)
        source = dead_letter_source(self._queue_arn, delivery.message_id)
        letter = with_attribute(letter, DEAD_LETTER_SOURCE_ATTRIBUTE, source)
        letter = with_attribute(letter, DEAD_LETTER_REASON_ATTRIBUTE, self._reason(item))
        return with_attribute(letter, DEAD_LETTER_ITEM_ATTRIBUTE, item.id)

    def _place(self, item: Item, delivery: Delivery) -> str:
        """Return the place of a letter in its parked group; empty where it has none, or is of another group."""
        if not item.place or delivery.ordered_group_id is None:
            return ""
        group = entry_id(group_item_id(self._queue_arn, delivery.ordered_group_id), "")
        return item.place.removeprefix(group) if item.place.startswith(group) else ""

    def _reason(self, item: Item) -> str:
        return item.reason if self._publish_error_text else item.published_reason or item.reason

    def _notify(self, letters: Sequence[tuple[Item, Delivery]]) -> None:
        queue_name = self._queue_arn.rsplit(":", 1)[-1]
        notification = {
            "queue_arn": self._queue_arn,
            "dead_letters": [
                {
                    "message_id": delivery.message_id,
                    "request_id": delivery.request_id,
                    "item_id": item.id,
                    "attempts": item.attempts,
                    "reason": self._reason(item),
                    **({"parks_group": delivery.group_id} if self._place(item, delivery) else {}),
                }
                for item, delivery in letters
            ],
        }
        self._notifications.notify(
            f"{len(letters)} dead letters from {queue_name}", json.dumps(notification, ensure_ascii=False)
        )


def _not_sent(error: Exception) -> SendResult:
    return SendResult(None, error_type(error))
