"""Processes one request in one service of a step.

1. It reads the parts of the envelope, from S3 if they are objects there.
2. It calls the business function.
3. It stores the result, in S3 if it is large.
4. It hands over what is committed together: the function's writes, the result that the item keeps, and the message to
   the next step in the outbox.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from tsunagu.contracts.claims import result_key
from tsunagu.contracts.pipeline import ServiceEnvironment
from tsunagu.runtime.claim_check import ClaimCheck, inline_limit
from tsunagu.runtime.errors import InvalidMessageError, PermanentError, refuse_unfinished
from tsunagu.runtime.json_text import JsonObject, json_text
from tsunagu.runtime.pipeline.envelope import Envelope, attributes_of
from tsunagu.runtime.pipeline.join import onward_text
from tsunagu.runtime.pipeline.shape import service_item_ids, service_scope
from tsunagu.runtime.pipeline.work import Work
from tsunagu.runtime.receiving.message import Message

RequestT = TypeVar("RequestT")


class RequestProcessor(Generic[RequestT]):
    """Processes the messages of one service. `envelope` and `process` are the functions that a `Receiver` needs.

    Args:
        place: Where the service is in its pipeline.
        claim_check: Stores and reads large JSON.
        parse: Reads a typed request from the JSON object that started the run.
        function: The business function: takes the request and the work, and returns its result. The error that it
            raises decides what happens to the message (`runtime.errors`).
    """

    def __init__(
        self,
        place: ServiceEnvironment,
        claim_check: ClaimCheck,
        *,
        parse: Callable[[JsonObject], RequestT],
        function: Callable[[RequestT, Work], object],
    ) -> None:
        self._place = place
        self._claim_check = claim_check
        self._parse = parse
        self._function = function
        self._siblings = place.siblings.split(",")
        self._inline_bytes = inline_limit(place.inline_bytes)

    @property
    def scope(self) -> str:
        """First part of the ids of the service's items."""
        return service_scope(self._place.pipeline, self._place.step, self._place.service)

    def envelope(self, body: JsonObject) -> Envelope:
        """Read the body of a message to this service.

        Raises:
            InvalidMessageError: The body is not an envelope, or is for another step or service. Such a message gets an
                item of its own, so that it cannot replace the item of the run.
        """
        envelope = Envelope.from_json(body)
        ours = (self._place.pipeline, self._place.step)
        if (envelope.pipeline, envelope.step) != ours or envelope.only not in {None, self._place.service}:
            asked = [envelope.pipeline, envelope.step, *([envelope.only] if envelope.only else [])]
            msg = f"the message must be for {self.scope}, got one for {'.'.join(asked)}"
            raise InvalidMessageError(msg)
        return envelope

    def process(self, envelope: Envelope, message: Message) -> None:
        """Process one run.

        Raises:
            PermanentError: The run made too many hops, or the function's result is not JSON or is too large.
            UnfinishedWorkError: The function returned a coroutine or a generator.
        """
        if envelope.hop > self._place.hop_limit:
            msg = f"a run must end within {self._place.hop_limit} hops, got hop {envelope.hop}: a loop"
            raise PermanentError(msg)
        message.outbox.count_hops(envelope.hop)
        work = Work(
            envelope,
            message,
            {service: self._claim_check.redeem(part) for service, part in envelope.results.items()},
        )
        value = self._function(self._request(envelope), work)
        refuse_unfinished("the business function", value)
        self._conclude(envelope, message, value)
        message.extend(work)

    def _request(self, envelope: Envelope) -> RequestT:
        value = self._claim_check.redeem(envelope.request)
        if not isinstance(value, dict):
            msg = f"the request must be a JSON object, got {type(value).__name__}"
            raise InvalidMessageError(msg)
        request = self._parse(value)
        refuse_unfinished("the parser", request)
        return request

    def _conclude(self, envelope: Envelope, message: Message, value: object) -> None:
        key = result_key(
            envelope.pipeline,
            envelope.request_id,
            envelope.run_id,
            step=envelope.step,
            service=self._place.service,
            fencing_token=message.fencing_token,
        )
        part = self._claim_check.keep(_plain(value), key, inline_bytes=self._inline_bytes)
        message.result = json_text(part.to_json())
        awaits = service_item_ids(
            envelope.pipeline,
            envelope.step,
            self._siblings,
            run_id=envelope.run_id,
            only=envelope.only,
            base_run_id=envelope.base_run_id,
        )
        onward = envelope.onward(self._place.next_step, {})
        message.outbox.publish(
            self._place.next_topic_arn,
            onward_text(self._place.next_step),
            attributes=attributes_of(onward, message.delivery.trace_header),
            group_id=message.delivery.fair_group_id,
            awaits=awaits,
        )


def _plain(value: object) -> Any:
    return dataclasses.asdict(value) if dataclasses.is_dataclass(value) and not isinstance(value, type) else value
