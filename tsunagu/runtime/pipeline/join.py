"""The join: the message to the next step is made when all services of this one are done.

Every service of a step commits its result first, and reads the records of all then, consistently. So the one that
commits last sees them all, whatever the others see; two that see them all send the same text, and the next service
refuses the second copy by the run id.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from tsunagu.runtime.claim_check import Part, part_from_json
from tsunagu.runtime.errors import InvalidMessageError
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.idempotency.store import Verdict
from tsunagu.runtime.json_text import json_text
from tsunagu.runtime.pipeline.envelope import Envelope
from tsunagu.runtime.pipeline.journal import Found, ItemReader, is_done, read_by_id, result_of, run_started_ms
from tsunagu.runtime.receiving.relay import AddressedMessage, OutboxSender
from tsunagu.runtime.sending.publish import SendResult

_LEFT_TO_A_SIBLING = SendResult(None)
_NOT_READ = SendResult(None, "the records of the step were not read")


def onward_text(next_step: str) -> str:
    """Return the body that an outbox keeps of a message to the next step; sending makes the whole one of it."""
    return json_text({"step": next_step})


class JoiningSender:
    """Makes and sends the messages to the next step; all others are sent as they are.

    Args:
        records: Reads the records of services.
        sender: Sends messages.
    """

    def __init__(self, items: ItemReader, sender: OutboxSender) -> None:
        self._items = items
        self._sender = sender

    def send(self, messages: Sequence[AddressedMessage]) -> list[SendResult]:
        """Send `messages`; the results are in their order, and no failure is raised.

        One that awaits a service that is not done is left to it.
        """
        found = self._read(messages)
        judged = [_composed(message, found) if message.outbox_message.awaits else message for message in messages]
        sent = iter(self._sender.send([message for message in judged if isinstance(message, AddressedMessage)]))
        return [next(sent) if isinstance(message, AddressedMessage) else message for message in judged]

    def _read(self, messages: Sequence[AddressedMessage]) -> Mapping[str, Found]:
        """Return the records that messages await. One whose outbox is in hand stands, and is not read again."""
        in_hand = {message.item.id: message.item for message in messages}
        awaited = dict.fromkeys(item_id for message in messages for item_id in message.outbox_message.awaits.values())
        return {**in_hand, **read_by_id(self._items, [item_id for item_id in awaited if item_id not in in_hand])}


def _composed(message: AddressedMessage, found: Mapping[str, Found]) -> AddressedMessage | SendResult:
    """Return the message to the next step; or what its send comes to, when there is none to be sent."""
    awaited = {service: found[item_id] for service, item_id in message.outbox_message.awaits.items()}
    if any(isinstance(item, Verdict) for item in awaited.values()):
        return _NOT_READ
    try:
        origin = Envelope.from_json(json.loads(message.origin))
        missing = {service: item for service, item in awaited.items() if not is_done(item)}
        if missing and origin.only is None and not (None in missing.values() and _is_forgotten(origin, message.item)):
            return _LEFT_TO_A_SIBLING
        if missing:  # a run that is over: nobody will send it later
            return _refused(f"the results of {', '.join(missing)} are not there any more")
        if foreign := [service for service, item in awaited.items() if _request_id(item) != origin.request_id]:
            return _refused(f"the results of {', '.join(foreign)} are of another request")
        onward = origin.onward(json.loads(message.outbox_message.body)["step"], _results(awaited))
    except (ValueError, InvalidMessageError) as error:
        return _refused(str(error))
    return replace(message, outbox_message=replace(message.outbox_message, body=onward.encode()))


def _is_forgotten(origin: Envelope, own: Item) -> bool:
    """Whether the run is so old that a sibling's record may have been there, and be gone.

    Records outlive their last change by the same window. A younger run's sibling has no record, because its message did
    not arrive yet.
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
