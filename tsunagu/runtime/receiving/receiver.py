"""The idempotent receiver: processes each message of a batch once, or dead-letters it with a reason."""

import logging
import random
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

from tsunagu.contracts.telemetry import LogKey, Metric
from tsunagu.runtime.clock import Clock, NewId
from tsunagu.runtime.idempotency.decisions import Idempotency
from tsunagu.runtime.idempotency.keys import BusinessKey
from tsunagu.runtime.idempotency.lease import LeaseTerm
from tsunagu.runtime.idempotency.store import ItemStore
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.receiving.batch import Batch, Intake, Pace
from tsunagu.runtime.receiving.claiming import Claiming
from tsunagu.runtime.receiving.delivery import Delivery, of_invocation
from tsunagu.runtime.receiving.events import sqs_records
from tsunagu.runtime.receiving.heartbeats import Heartbeats, Tasks, Visibility, change_visibility
from tsunagu.runtime.receiving.invocation import Invocation
from tsunagu.runtime.receiving.message import Message
from tsunagu.runtime.receiving.runner import MessageRunner
from tsunagu.runtime.receiving.settlement import Settlement
from tsunagu.runtime.startup import when_first_used
from tsunagu.runtime.telemetry import Metrics

if TYPE_CHECKING:
    from tsunagu.runtime.idempotency.parked_groups import GroupReader
    from tsunagu.runtime.receiving.dead_letters import DeadLetterChannel
    from tsunagu.runtime.receiving.parking import Parking
    from tsunagu.runtime.receiving.relay import OutboxSender, Relay

_logger = logging.getLogger(__name__)

PayloadT = TypeVar("PayloadT")


class LambdaContext(Protocol):
    """The part of Lambda's context object that the runtime needs."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda ends the invocation."""
        ...


class Ports(NamedTuple):
    """The services that a receiver uses, behind protocols.

    `groups` reads parked groups; None where a dead message parks none.
    """

    store: ItemStore
    outbox: "OutboxSender"
    channel: "DeadLetterChannel"
    visibility: Visibility
    tasks: Tasks
    metrics: Metrics
    clock: Clock
    new_owner: NewId
    rng: random.Random
    groups: "GroupReader | None" = None


class ReceiverConfig(NamedTuple):
    """Numbers and names of one receiver.

    Attributes:
        scope: The key space: first part of the items' ids, as `idempotency.keys.key_space` returns it.
        queue_arn: The queue that the function consumes.
        function_timeout_seconds: Time-out of the function.
        max_attempts: Attempts after which a message is dead-lettered.
        window_seconds: Seconds from the last claim or outcome of an item until it expires.
        lease_seconds: Length of a lease, which `Message.heartbeat` extends. Default: a lease is as long as the
            invocation; the message of a killed worker then waits for the rest of it.
        concurrency: Messages of a batch of a standard queue that run at the same time, in threads. Default: one.
        group_commit: Whether the writes of several messages share a transaction. Default: they do.
        receiver: Whose keys these are; see `Item.receiver`. Default: nobody else can have them.
        table_name: The idempotency table, which a receiver that parks groups writes in its transactions. Default: it
            parks none.
    """

    scope: str
    queue_arn: str
    function_timeout_seconds: int
    max_attempts: int
    window_seconds: int
    lease_seconds: int | None = None
    concurrency: int = 1
    group_commit: bool = True
    receiver: str = ""
    table_name: str = ""


class Receiver(Generic[PayloadT]):
    """Receives the messages of one queue, and processes each once.

    Args:
        config: Numbers and names.
        ports: The services that the receiver uses.
        parse: Returns the payload of a JSON object, or raises `InvalidMessageError`.
        key: Returns the business key of a payload: text or a whole number.
        process: The business function. It returns when the work is done, and not a coroutine or a generator. Its
            errors decide what happens to the message; see `runtime.errors`.
        read: Reads a record of the event.
    """

    def __init__(
        self,
        config: ReceiverConfig,
        ports: Ports,
        *,
        parse: Callable[[JsonObject], PayloadT],
        key: Callable[[PayloadT], BusinessKey],
        process: Callable[[PayloadT, Message], object],
        read: Callable[[Mapping[str, Any]], Delivery] = Delivery.from_record,
    ) -> None:
        self._queue_arn = config.queue_arn
        self._clock = ports.clock
        self._read = read
        self._intake = Intake(config.scope, parse, key)
        self._worker = BatchWorker(config, ports, process)

    def receive(self, event: object, context: LambdaContext) -> dict[str, list[dict[str, str]]]:
        """Process an SQS event.

        Args:
            event: The event, as Lambda passes it.
            context: Lambda's context object. Leases end with its remaining time.

        Returns:
            The partial batch response: the messages that SQS must deliver again.

        Raises:
            UnroutableEventError: The event is not an SQS event of this queue; nothing was processed.
        """
        deliveries = [of_invocation(self._read(record)) for record in sqs_records(event, self._queue_arn)]
        deadline_ms = self._clock.now_ms() + context.get_remaining_time_in_millis()
        return self._worker.work(self._intake.arrange(deliveries), deadline_ms)


class BatchWorker(Generic[PayloadT]):
    """Works on the batches of one receiver: claims their messages, runs them, and settles them.

    Args:
        config: Numbers and names.
        ports: The services that the receiver uses.
        process: The business function, as a `Receiver` has it.
    """

    def __init__(self, config: ReceiverConfig, ports: Ports, process: Callable[[PayloadT, Message], object]) -> None:
        self._config = config
        self._ports = ports
        self._process = process
        self._pace = Pace(ports.clock, config.function_timeout_seconds)

    def work(
        self, batch: Batch[PayloadT], deadline_ms: int, store: ItemStore | None = None
    ) -> dict[str, list[dict[str, str]]]:
        """Work on one batch.

        Args:
            batch: The messages.
            deadline_ms: When Lambda ends the invocation, in milliseconds since the epoch.
            store: Keeps the items of this batch. Default: that of the ports.

        Returns:
            The partial batch response: the messages that SQS must deliver again.
        """
        self._invocation(deadline_ms, self._ports.store if store is None else store).run(batch)
        return self._answer(batch)

    def _invocation(self, deadline_ms: int, store: ItemStore) -> Invocation[PayloadT]:
        ports = self._ports
        idempotency = Idempotency(
            store,
            ports.clock,
            owner=ports.new_owner(),
            lease=LeaseTerm(ports.clock, deadline_ms, self._config.lease_seconds),
            window_seconds=self._config.window_seconds,
            rng=ports.rng,
            receiver=self._config.receiver,
        )
        parking = self._parking()
        settlement = Settlement(
            idempotency,
            when_first_used(lambda: self._relay(idempotency), of_batch=True),
            ports.channel,
            ports.metrics,
            ports.clock,
            max_attempts=self._config.max_attempts,
            group_commit=self._config.group_commit,
            rng=ports.rng,
            parking=parking,
        )
        heartbeats = Heartbeats(idempotency, ports.visibility, ports.tasks, ports.clock, ports.metrics)
        runner = MessageRunner(
            self._process,
            idempotency,
            settlement,
            heartbeats,
            pace=self._pace,
            clock=ports.clock,
            metrics=ports.metrics,
            rng=ports.rng,
            deadline_ms=deadline_ms,
        )
        claiming = Claiming(idempotency, ports.clock, ports.metrics, parking)
        return Invocation(
            claiming, runner, settlement, heartbeats, concurrency=self._config.concurrency, parking=parking
        )

    def _relay(self, idempotency: Idempotency) -> "Relay":
        from tsunagu.runtime.receiving.relay import Relay  # noqa: PLC0415 - most messages send nothing on

        return Relay(self._ports.outbox, idempotency, self._ports.metrics)

    def _parking(self) -> "Parking | None":
        config, ports = self._config, self._ports
        if ports.groups is None:
            return None
        from tsunagu.runtime.idempotency.parked_groups import GroupWriter  # noqa: PLC0415 - most receivers park nothing
        from tsunagu.runtime.receiving.parking import Parking  # noqa: PLC0415

        writer = GroupWriter(table_name=config.table_name, window_seconds=config.window_seconds)
        return Parking(ports.groups, writer, config.queue_arn, ports.clock)

    def _answer(self, batch: Batch[PayloadT]) -> dict[str, list[dict[str, str]]]:
        batch.defer(self._config.function_timeout_seconds)
        change_visibility(self._ports.visibility, batch.visibility(), self._ports.metrics)
        returned = len(batch.unconfirmed())
        if returned:
            self._ports.metrics.count(Metric.MESSAGES_RETURNED, returned)
        record_count = sum(len(lane) for lane in batch.lanes)
        _logger.info("batch settled", extra={LogKey.RECORD_COUNT: record_count, LogKey.RETURNED_COUNT: returned})
        self._ports.metrics.flush()
        return batch.response()
