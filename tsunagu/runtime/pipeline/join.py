"""The join: sends the message to the next step when all services of a step are done.

Each service of a step first commits its own result. Then it reads the items of all services of the step, with
consistent reads:

* The service that commits last sees all results, and sends the message.
* If two services see all results, both send the same text. The next services skip the second copy by the run id.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tsunagu.runtime.claim_check import Part, part_from_json
from tsunagu.runtime.errors import InvalidMessageError, described
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.idempotency.store import Verdict
from tsunagu.runtime.json_text import json_text, read_json
from tsunagu.runtime.pipeline.envelope import Envelope
from tsunagu.runtime.pipeline.journal import Found, ItemReader, is_done, read_by_id, result_of, run_started_ms
from tsunagu.runtime.receiving.relay import AddressedMessage, OutboxSender
from tsunagu.runtime.sending.publish import SendResult

_LEFT_TO_A_SIBLING = SendResult(None)
_NOT_READ = SendResult(None, "the items of the step were not read")


def onward_text(next_step: str) -> str:
    """Return the placeholder in an outbox for a message to the next step. The join replaces it by the envelope."""
    return json_text({"step": next_step})


class JoiningSender:
    """Completes and sends the messages to the next step. It sends all other messages unchanged.

    Args:
        items: Reads the items of services.
        sender: Sends messages.
    """

    def __init__(self, items: ItemReader, sender: OutboxSender) -> None:
        self._items = items
        self._sender = sender

    def send(self, messages: Sequence[AddressedMessage]) -> list[SendResult]:
        """Send `messages`, and return the results in the same order. No failure is raised.

        A message that awaits a service which is not done is not sent: that service will send it.
        """
        found = self._read(messages)
        judged = [_composed(message, found) if message.outbox_message.awaits else message for message in messages]
        sent = iter(self._sender.send([message for message in judged if isinstance(message, AddressedMessage)]))
        return [next(sent) if isinstance(message, AddressedMessage) else message for message in judged]

    def _read(self, messages: Sequence[AddressedMessage]) -> Mapping[str, Found]:
        """Return the items that messages await. An item whose outbox is being sent is known, and not read again."""
        in_hand = {message.item.id: message.item for message in messages}
        awaited = dict.fromkeys(item_id for message in messages for item_id in message.outbox_message.awaits.values())
        return {**in_hand, **read_by_id(self._items, [item_id for item_id in awaited if item_id not in in_hand])}


def _composed(message: AddressedMessage, found: Mapping[str, Found]) -> AddressedMessage | SendResult:
    """Return the complete message to the next step, or a `SendResult` if it cannot be sent."""
    awaited = {service: found[item_id] for service, item_id in message.outbox_message.awaits.items()}
    unread = next((item for item in awaited.values() if isinstance(item, Verdict)), None)
    if unread is not None:
        return replace(_NOT_READ, call=unread.problem)
    try:
        origin = Envelope.from_json(read_json("the envelope", message.origin))
        missing = {service: item for service, item in awaited.items() if not is_done(item)}
        if missing and origin.only is None and not (None in missing.values() and _is_forgotten(origin, message.item)):
            return _LEFT_TO_A_SIBLING
        if missing:  # the run is over: no service will send the message later
            return _refused(f"the results of {', '.join(missing)} do not exist any more")
        if foreign := [service for service, item in awaited.items() if _request_id(item) != origin.request_id]:
            return _refused(f"the results of {', '.join(foreign)} are of another request")
        onward = origin.onward(read_json("the placeholder", message.outbox_message.body)["step"], _results(awaited))
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError, InvalidMessageError) as error:
        return _refused(described(error))
    return replace(message, outbox_message=replace(message.outbox_message, body=onward.encode()))


def _is_forgotten(origin: Envelope, own: Item) -> bool:
    """Whether the run is so old that the item of another service of the step may have expired.

    All items expire after the same window. In a younger run, a service without an item did not get its message yet.
    """
    window_ms = own.expiration * 1_000 - own.updated
    return own.updated - run_started_ms(origin.run_id) > window_ms


def _request_id(item: Found) -> str | None:
    return item.request_id if isinstance(item, Item) else None


def _results(awaited: Mapping[str, Found]) -> dict[str, Part]:
    return {
        service: part_from_json(f"the result of {service}", result_of(item))
        for service, item in awaited.items()
        if is_done(item)
    }


def _refused(reason: str) -> SendResult:
    return SendResult(None, f"the message to the next step cannot be made: {reason}", is_permanent=True)
