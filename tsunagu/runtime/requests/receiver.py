"""The receiver of requests: works on each request once, whether a queue or the gateway itself hands it over."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from tsunagu.runtime.errors import FailedCall, UnavailableError
from tsunagu.runtime.idempotency.store import Outcome, Verdict, unanswered
from tsunagu.runtime.receiving.batch import Batch
from tsunagu.runtime.receiving.delivery import Delivery, of_invocation
from tsunagu.runtime.receiving.events import sqs_records
from tsunagu.runtime.receiving.message import Message
from tsunagu.runtime.receiving.receiver import BatchWorker, LambdaContext, Ports, ReceiverConfig
from tsunagu.runtime.requests.gateway_event import delivery_of, is_gateway_event, record_of
from tsunagu.runtime.requests.intake import Accepted, RequestIntake
from tsunagu.runtime.requests.known_records import KnownRecords
from tsunagu.runtime.requests.record import RequestRecord, RequestRecords
from tsunagu.runtime.retry import together_or_alone
from tsunagu.runtime.telemetry import in_hand

_logger = logging.getLogger(__name__)

ModelT = TypeVar("ModelT")
Response = dict[str, list[dict[str, str]]]


class RequestNotDoneError(Exception):
    """The request is not done, so Lambda shall invoke the function again with the same event."""


class NoVisibility:
    """Changes nothing: what the gateway hands over was in no queue."""

    def change(self, delays: Sequence[tuple[str, int]]) -> FailedCall | None:
        """Change nothing."""


class RequestReceiver(Generic[ModelT]):
    """Receives requests, and works on each once.

    Args:
        config: Numbers and names. Its scope is the first part of the ids of the items of messages that name no request.
        ports: The services that the receiver uses.
        records: Reads the records of requests.
        scope: Scope of the requests.
        parse: Returns the first argument of the business function for a record, or raises `InvalidMessageError`.
        process: Processes one request.
    """

    def __init__(
        self,
        config: ReceiverConfig,
        ports: Ports,
        records: RequestRecords,
        *,
        scope: str,
        parse: Callable[[RequestRecord], ModelT],
        process: Callable[[Accepted[ModelT], Message], object],
    ) -> None:
        self._queue_arn = config.queue_arn
        self._ports = ports
        self._records = records
        self._scope = scope
        self._intake = RequestIntake(scope, config.scope, parse)
        self._worker = BatchWorker(config, ports, process)
        self._worker_of_events = BatchWorker(config, ports._replace(visibility=NoVisibility()), process)

    def receive(self, event: object, context: LambdaContext) -> Response:
        """Process an SQS event, or one request that the gateway hands over.

        Args:
            event: The event, as Lambda passes it.
            context: Lambda's context object. Leases end with its remaining time.

        Returns:
            The partial batch response; for a request of the gateway, an empty one.

        Raises:
            UnroutableEventError: The event is neither an SQS event of this queue nor one of a gateway; nothing was
                processed.
            RequestNotDoneError: A request of the gateway is not done: Lambda invokes the function again.
            UnavailableError: The record of a request of the gateway was neither written nor read.
        """
        deadline_ms = self._ports.clock.now_ms() + context.get_remaining_time_in_millis()
        if isinstance(event, dict) and is_gateway_event(event):
            return self._receive_one(event, deadline_ms)
        deliveries = [of_invocation(Delivery.from_record(record)) for record in sqs_records(event, self._queue_arn)]
        item_ids = self._intake.item_ids(deliveries)
        records = together_or_alone(self._records.read_records, item_ids, unanswered) if item_ids else []
        found = dict(zip(item_ids, records, strict=True))
        known = {item_id: record for item_id, record in found.items() if record is not None}
        return self._worker.work(self._intake.arrange(deliveries, found), deadline_ms, self._store(known))

    def _receive_one(self, event: Mapping[str, Any], deadline_ms: int) -> Response:
        wanted = record_of(self._scope, event)
        record = self._recorded(wanted)
        delivery = of_invocation(delivery_of(wanted))
        if (record.body, record.content_type) != (wanted.body, wanted.content_type):
            # Nobody waits for a refusal: the gateway answered before the record was looked at.
            with in_hand(delivery.log_fields(record.item.id)):
                _logger.error("the request id is taken by another body, so this one is dropped")
            return {"batchItemFailures": []}
        batch: Batch[Accepted[ModelT]] = self._intake.arrange([delivery], {record.item.id: record})
        response = self._worker_of_events.work(batch, deadline_ms, self._store({record.item.id: record}))
        if response["batchItemFailures"]:
            msg = "the request is not done: its record says why"
            raise RequestNotDoneError(msg)
        return response

    def _recorded(self, wanted: RequestRecord) -> RequestRecord:
        """Write the record of a request; return it, or the one that is there already."""
        verdict = self._records.insert_record(wanted)
        if verdict.outcome is Outcome.APPLIED:
            return wanted
        found = self._records.read_records([wanted.item.id])[0]  # also if the answer to the write was lost
        if isinstance(found, RequestRecord):
            return found
        problem = found if isinstance(found, Verdict) else verdict
        msg = f"the record of the request must be written, got {problem.problem or problem.unreadable or 'no answer'}"
        raise UnavailableError(msg, call=problem.problem)

    def _store(self, known: Mapping[str, RequestRecord | Verdict]) -> KnownRecords:
        return KnownRecords(self._ports.store, self._ports.clock, self._scope, known)
