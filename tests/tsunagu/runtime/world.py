"""Receivers with fakes: a table, a dead-letter queue, a topic, and a clock that tests move."""

import io
import json
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tsunagu.contracts.items import Status
from tsunagu.runtime.errors import (
    ConditionFailedError,
    FailedCall,
    InvalidMessageError,
    TaskLostError,
    UnavailableError,
)
from tsunagu.runtime.idempotency.decisions import ClaimRequest, Idempotency
from tsunagu.runtime.idempotency.item import Change, Item
from tsunagu.runtime.idempotency.lease import Claim, LeaseTerm
from tsunagu.runtime.idempotency.store import BusinessWrite, Commit, Outcome, Verdict
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.receiving.batch import BatchMessage
from tsunagu.runtime.receiving.dead_letters import DeadLetterChannel
from tsunagu.runtime.receiving.delivery import Delivery
from tsunagu.runtime.receiving.heartbeats import Heartbeats
from tsunagu.runtime.receiving.message import Message
from tsunagu.runtime.receiving.receiver import Ports, Receiver, ReceiverConfig
from tsunagu.runtime.receiving.relay import AddressedMessage
from tsunagu.runtime.sending.publish import OutgoingMessage, SendResult
from tsunagu.runtime.telemetry import Metrics

QUEUE_ARN = "arn:aws:sqs:eu-central-1:111122223333:orders"
TIMEOUT_SECONDS = 10
MAX_ATTEMPTS = 3
START_MS = 1_800_000_000_000

Process = Callable[[JsonObject, Message], None]

DENIED = FailedCall("dynamodb:PutItem", "effects", "AccessDeniedException", is_configuration_fault=True)


class Killed(SystemExit):
    """The process was killed here. The batch boundary lets `SystemExit` through, as it does in Lambda."""


class FakeClock:
    def __init__(self) -> None:
        self.ms = START_MS
        self.slept_seconds: list[float] = []

    def now_ms(self) -> int:
        return self.ms

    def now_us(self) -> int:
        return self.ms * 1_000

    def sleep(self, seconds: float) -> None:
        self.slept_seconds.append(seconds)
        self.ms += int(seconds * 1_000)


class FakeItemStore:
    """The item store's protocol over a dictionary; a fault is planned by the name of the operation.

    * `unavailable`: the call is not applied.
    * `denied`: the call is not applied, because a permission is missing.
    * `unanswered`: the call is applied, and UNAVAILABLE is returned.
    * `answer_lost`: the call is applied twice, and the second verdict is returned, as by a retry of the SDK.
    * `killed_before`, `killed_after`: the process is killed before or after the call.

    `before_update` is called once before an update: another worker acts at this moment.
    """

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}
        self.effects: list[Mapping[str, object]] = []
        self.calls: list[str] = []
        self.faults: dict[str, list[str]] = {}
        self.before_update: Callable[[], object] | None = None
        self.transactions: list[list[str]] = []
        self.tokens: dict[str, list[Verdict]] = {}

    def plan(self, operation: str, *faults: str) -> None:
        self.faults.setdefault(operation, []).extend(faults)

    def insert(self, new_items: Sequence[Item]) -> list[Verdict]:
        return self._faulty("insert", lambda: [self._insert(item) for item in new_items], len(new_items))

    def read(self, item_ids: Sequence[str]) -> list[Item | Verdict | None]:
        verdicts = self._faulty("read", lambda: [Verdict(Outcome.APPLIED)] * len(item_ids), len(item_ids))
        pairs = zip(verdicts, item_ids, strict=True)
        return [self.items.get(i) if v.outcome is Outcome.APPLIED else v for v, i in pairs]

    def update(self, changes: Sequence[Change]) -> list[Verdict]:
        move, self.before_update = self.before_update, None
        if move:
            move()
        return self._faulty("update", lambda: [self._update(change) for change in changes], len(changes))

    def transact(self, commits: Sequence[Commit], token: str) -> list[Verdict]:
        self.transactions.append([commit.change.item_id for commit in commits])
        if token in self.tokens:
            return self._faulty("transact", lambda: self.tokens[token], len(commits))
        return self._faulty("transact", lambda: self._transact(commits, token), len(commits))

    def _transact(self, commits: Sequence[Commit], token: str) -> list[Verdict]:
        targets = [str(sorted(write.target.items())) for commit in commits for write in commit.writes]
        if len(commits) > 1 and len(set(targets)) < len(targets):
            return [Verdict(Outcome.CANCELLED)] * len(commits)  # an item twice: refused without reasons
        verdicts = [self._judge(commit) for commit in commits]
        if all(verdict.outcome is Outcome.CANCELLED for verdict in verdicts):
            for commit in commits:
                self._update(commit.change)
                self.effects += [write.target for write in commit.writes if write.operation != "ConditionCheck"]
            verdicts = self.tokens[token] = [Verdict(Outcome.APPLIED)] * len(commits)
        return verdicts

    def _judge(self, commit: Commit) -> Verdict:
        found = self.items.get(commit.change.item_id)
        if not _holds(commit.change, found):
            return Verdict(Outcome.REFUSED, found)
        refused = [number for number, write in enumerate(commit.writes, start=1) if self._refuses(write)]
        if refused:
            msg = f"the conditions of the writes must hold, got writes {refused} of {len(commit.writes)} refused"
            return Verdict(Outcome.FAILED, error=ConditionFailedError(msg))
        return Verdict(Outcome.CANCELLED)

    def _refuses(self, write: BusinessWrite) -> bool:
        exists = write.target in self.effects
        return not exists if write.operation == "ConditionCheck" else write.condition is not None and exists

    def _faulty(self, operation: str, apply: Callable[[], list[Verdict]], size: int) -> list[Verdict]:
        self.calls.append(operation)
        fault = self.faults[operation].pop(0) if self.faults.get(operation) else ""
        if fault == "killed_before":
            raise Killed
        if fault == "unavailable":
            return [Verdict(Outcome.UNAVAILABLE)] * size
        if fault == "denied":
            return [Verdict(Outcome.UNAVAILABLE, problem=DENIED)] * size
        if fault == "conflict":
            return [Verdict(Outcome.CONFLICT)] * size
        verdicts = apply()
        if fault == "killed_after":
            raise Killed
        if fault == "unanswered":
            return [Verdict(Outcome.UNAVAILABLE)] * size
        return apply() if fault == "answer_lost" else verdicts

    def _insert(self, item: Item) -> Verdict:
        if item.id in self.items:
            return Verdict(Outcome.REFUSED)
        self.items[item.id] = item
        return Verdict(Outcome.APPLIED)

    def _update(self, change: Change) -> Verdict:
        found = self.items.get(change.item_id)
        if found is None or not _holds(change, found):
            return Verdict(Outcome.REFUSED, found)
        values: dict[str, Any] = dict(change.values)
        self.items[change.item_id] = replace(found, **values)
        return Verdict(Outcome.APPLIED)


def _holds(change: Change, found: Item | None) -> bool:
    return found is not None and all(getattr(found, name) == value for name, value in change.where.items())


@dataclass
class FakeQueue:
    sent: list[OutgoingMessage] = field(default_factory=list)
    broken: bool = False
    fault: FailedCall | None = None

    def send(self, messages: Sequence[OutgoingMessage]) -> list[SendResult]:
        if self.broken or self.fault:
            return [SendResult(None, "ServiceUnavailable: gone", call=self.fault)] * len(messages)
        self.sent += messages
        return [SendResult(f"dead-{number}") for number in range(len(messages))]


@dataclass
class FakeTopic:
    published: list[dict[str, Any]] = field(default_factory=list)
    broken: bool = False
    fault: FailedCall | None = None

    def notify(self, subject: str, message: str) -> None:
        if self.broken or self.fault:
            raise UnavailableError(subject, call=self.fault)
        self.published.append(json.loads(message))


@dataclass
class FakeOutboxSender:
    """Sends outboxes. A body of `never` is refused for good; while `broken`, nothing is sent."""

    sent: list[AddressedMessage] = field(default_factory=list)
    broken: bool = False
    fault: FailedCall | None = None

    def send(self, messages: Sequence[AddressedMessage]) -> list[SendResult]:
        return [self._send(message) for message in messages]

    def _send(self, message: AddressedMessage) -> SendResult:
        if message.outbox_message.body == "never":
            return SendResult(None, "TaskTimedOut: spent", is_permanent=True)
        if self.broken or self.fault:
            return SendResult(None, "ServiceUnavailable: gone", call=self.fault)
        self.sent.append(message)
        return SendResult(f"sent-{len(self.sent)}")


@dataclass
class FakeVisibility:
    changed: dict[str, int] = field(default_factory=dict)
    fault: FailedCall | None = None

    def change(self, delays: Iterable[tuple[str, int]]) -> FailedCall | None:
        if self.fault is None:
            self.changed.update(delays)
        return self.fault


@dataclass
class FakeTasks:
    """Takes heartbeats. Those of a token in `lost` are refused for good; while `broken`, none is taken."""

    heard: list[str] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)
    broken: bool = False
    fault: FailedCall | None = None

    def heartbeat(self, token: str) -> None:
        if self.broken or self.fault:
            raise UnavailableError(token, call=self.fault)
        if token in self.lost:
            msg = f"task {token} does not wait"
            raise TaskLostError(msg)
        self.heard.append(token)


@dataclass
class FakeContext:
    remaining_ms: int = TIMEOUT_SECONDS * 1_000

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


def record(
    body: object,
    message_id: str = "m-1",
    *,
    group: str | None = None,
    tenant: str | None = None,
    attributes: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return a record of a FIFO queue, if it has a `group`; else of a standard one, fair if it has a `tenant`."""
    system = {"ApproximateReceiveCount": "1"}
    if group is not None:
        system |= {"MessageGroupId": group, "SequenceNumber": "1", "MessageDeduplicationId": message_id}
    if tenant is not None:
        system["MessageGroupId"] = tenant
    return {
        "messageId": message_id,
        "receiptHandle": f"handle-{message_id}",
        "body": body if isinstance(body, str) else json.dumps(body),
        "attributes": system,
        "messageAttributes": {
            name: {"stringValue": value, "dataType": "String"} for name, value in (attributes or {}).items()
        },
        "eventSource": "aws:sqs",
        "eventSourceARN": QUEUE_ARN,
    }


def order(key: str, **fields: object) -> JsonObject:
    return {"order_id": key, **fields}


def parse_order(body: JsonObject) -> JsonObject:
    if "order_id" not in body:
        msg = f"an order must have an order_id, got {sorted(body)}"
        raise InvalidMessageError(msg)
    return body


def completion_parts(delivery: Delivery, item: Item) -> tuple[BatchMessage[JsonObject], Claim, Idempotency, Heartbeats]:
    """Return the arguments of a `Completion`, for a business function that is called without a receiver."""
    clock = FakeClock()
    idempotency = Idempotency(
        FakeItemStore(),
        clock,
        owner=item.owner,
        lease=LeaseTerm(clock, START_MS + TIMEOUT_SECONDS * 1_000),
        window_seconds=3_600,
        rng=random.Random(7),
    )
    request = ClaimRequest(item_id=item.id, payload_hash="", request_id="r", message_ids=(delivery.message_id,))
    message: BatchMessage[JsonObject] = BatchMessage(deliveries=[delivery], claim_request=request)
    return message, Claim(item=item), idempotency, _heartbeats(idempotency, clock)


def _heartbeats(idempotency: Idempotency, clock: FakeClock) -> Heartbeats:
    metrics = Metrics("Tsunagu", "orders", clock, io.StringIO())
    return Heartbeats(idempotency, FakeVisibility(), FakeTasks(), clock, metrics)


class World:
    """Fakes, and the receivers of any number of workers."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = FakeItemStore()
        self.dead_letter_queue = FakeQueue()
        self.topic = FakeTopic()
        self.outbox = FakeOutboxSender()
        self.visibility = FakeVisibility()
        self.tasks = FakeTasks()
        self.metrics = io.StringIO()
        self.runs: list[str] = []
        self.lease_seconds: int | None = None
        self.concurrency = 1
        self.group_commit = True
        self.publish_error_text = False
        self.scope = "orders"
        self.keys_of = ""
        self.parse = parse_order
        self.seed = 7
        self._owners = 0

    def receiver(self, process: Process | None = None) -> Receiver[JsonObject]:
        ports = Ports(
            store=self.store,
            outbox=self.outbox,
            channel=DeadLetterChannel(
                self.dead_letter_queue, self.topic, QUEUE_ARN, publish_error_text=self.publish_error_text
            ),
            visibility=self.visibility,
            tasks=self.tasks,
            metrics=Metrics("Tsunagu", "orders", self.clock, self.metrics),
            clock=self.clock,
            new_owner=self._owner,
            rng=random.Random(self.seed),
        )
        config = ReceiverConfig(
            scope=self.scope,
            queue_arn=QUEUE_ARN,
            function_timeout_seconds=TIMEOUT_SECONDS,
            max_attempts=MAX_ATTEMPTS,
            window_seconds=3_600,
            lease_seconds=self.lease_seconds,
            concurrency=self.concurrency,
            group_commit=self.group_commit,
            receiver=self.keys_of,
        )
        return Receiver(
            config, ports, parse=self.parse, key=lambda body: body["order_id"], process=process or self.work
        )

    def work(self, body: JsonObject, message: Message) -> None:
        self.runs.append(body["order_id"])
        with message.transaction() as transaction:
            transaction.put("effects", {"order_id": body["order_id"]})

    def receive(
        self, *records: dict[str, Any], process: Process | None = None, remaining_ms: int = 10_000
    ) -> list[str]:
        """Hand over a batch; return the message ids that SQS must deliver again."""
        response = self.receiver(process).receive({"Records": list(records)}, FakeContext(remaining_ms))
        return [failure["itemIdentifier"] for failure in response["batchItemFailures"]]

    def receive_and_die(self, *records: dict[str, Any], process: Process | None = None) -> None:
        """Hand over a batch to a worker that is killed on the way."""
        try:
            self.receive(*records, process=process)
        except Killed:
            return
        msg = "the worker must be killed, got a response"
        raise AssertionError(msg)

    def pass_lease(self) -> None:
        self.clock.ms += (TIMEOUT_SECONDS + 3) * 1_000

    def effects(self) -> list[object]:
        return [effect["order_id"] for effect in self.store.effects]

    def statuses(self) -> list[Status]:
        return [item.status for item in self.store.items.values()]

    def only_item(self) -> Item:
        (item,) = self.store.items.values()
        return item

    def counted(self) -> dict[str, int]:
        totals: dict[str, int] = {}
        for line in self.metrics.getvalue().splitlines():
            for name, value in json.loads(line).items():
                if isinstance(value, int):
                    totals[name] = totals.get(name, 0) + value
        return totals

    def _owner(self) -> str:
        self._owners += 1
        return f"worker-{self._owners}"
