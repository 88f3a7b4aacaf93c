"""The plant of a pipeline: topics that fan out to the queues of services, an object store, and who acts on them."""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from tests.explorer.pipeline.actors import Caller, ServiceSandbox
from tests.explorer.pipeline.journal import PipelineJournal
from tests.explorer.pipeline.promises import PipelinePromises
from tests.explorer.pipeline.setting import Ask, PipelineSetting
from tests.tsunagu.runtime.pipeline.world import ORDERS
from tsunagu.contracts.messages import (
    DEAD_LETTER_ITEM_ATTRIBUTE,
    DEAD_LETTER_REASON_ATTRIBUTE,
    DEAD_LETTER_SOURCE_ATTRIBUTE,
    SERVICE_ATTRIBUTE,
)
from tsunagu.runtime.clock import new_request_id
from tsunagu.runtime.receiving.relay import AddressedMessage
from tsunagu.runtime.sending.publish import OutgoingMessage, SendResult
from tsunagu.testing.explorer.bounds import Bounds
from tsunagu.testing.explorer.queues import Queue, SourceQueue, Stored
from tsunagu.testing.explorer.sandbox import VISIBILITY_SECONDS
from tsunagu.testing.explorer.schedule import Choices
from tsunagu.testing.explorer.stage import NOTHING, Actor, Stage
from tsunagu.testing.fakes import FakeObjectStore

ResultT = TypeVar("ResultT")

SANDBOXES_PER_SERVICE = 2
MAX_RECEIVES = 100
BETWEEN_REQUESTS_MS = 1_000


class PipelinePlant(Stage):
    """All that callers and services share."""

    journal: PipelineJournal

    def __init__(self, setting: PipelineSetting, bounds: Bounds, choices: Choices) -> None:
        super().__init__(bounds, choices)
        self.setting = setting
        self.objects = FakeObjectStore()
        self.queues = {service: self._queue(service) for step in ORDERS.steps for service in step.services}
        self.dead_letter_queues = {
            service: Queue(f"dead-{service}", self.now_ms, visibility_seconds=VISIBILITY_SECONDS)
            for service in self.queues
        }
        self.notifications: list[str] = []
        self.is_calm = False
        self.is_mended = False
        self.journal = PipelineJournal(self)
        self.callers: list[Caller] = []
        self._sandboxes = [
            ServiceSandbox(f"{service} {number}", self, step, service)
            for step in ORDERS.steps
            for service in step.services
            for number in range(1, SANDBOXES_PER_SERVICE + 1)
        ]
        self._random = random.Random(11)

    @property
    def actors(self) -> Sequence[Actor]:
        return [*self.callers, *self._sandboxes]

    def now_ms(self) -> int:
        return self.ms

    def new_id(self) -> str:
        """Return a UUID of version 7."""
        return new_request_id(self.ms, self._random.randbytes(10))

    def ask(self, asks: Sequence[Ask]) -> None:
        """Let callers come."""
        self.ms += BETWEEN_REQUESTS_MS
        self.callers += [Caller(self, ask) for ask in asks]

    def publish(self, message: AddressedMessage) -> SendResult:
        """Take a message to a topic: each queue whose subscription lets it pass gets a copy."""
        self.journal.published(message)
        content = message.outbox_message
        only = content.attributes.get(SERVICE_ATTRIBUTE)
        for step in ORDERS.steps:
            for service in step.services:
                if step.topic_arn == content.target and only in {None, service}:
                    self.queues[service].put(OutgoingMessage(body=content.body, attributes=content.attributes))
        return SendResult("sent")

    def mend(self) -> None:
        """Let the refusing service work from now on, and put its dead letters back."""
        self.is_mended = True
        for service, letters in self.dead_letter_queues.items():
            for letter in letters.waiting:
                letter.is_gone = True
                self.queues[service].put(OutgoingMessage(body=letter.body, attributes=_own_attributes(letter)))

    def point(
        self,
        actor: Actor,
        call: str,
        apply: Callable[[], ResultT],
        *,
        faults: Sequence[str] = ("die before", "die after"),
        failures: Mapping[str, Callable[[], ResultT]] = NOTHING,
    ) -> ResultT:
        if self._is_troubled(actor):
            return super().point(actor, call, apply, faults=faults, failures=failures)
        self.say(f"{actor.label} {call}")
        return apply()

    def check(self) -> None:
        PipelinePromises(self).check()

    def left_over(self) -> list[str]:
        waiting = [message.id for queue in self.queues.values() for message in queue.waiting]
        return [*waiting, *(caller.name for caller in self.callers if caller.wants_to_ask)]

    def idle(self) -> Iterable[Actor]:
        """Who meets no trouble begins when nobody else can do anything: its order of events changes nothing then."""
        idle = [*self._idle()]
        troubled = [actor for actor in idle if self._is_troubled(actor)]
        is_anybody_at_it = any(self._is_troubled(actor) for actor in self.actors if actor.is_running)
        return troubled if troubled or is_anybody_at_it else idle[:1]

    def _is_troubled(self, actor: Actor) -> bool:
        part = "callers" if isinstance(actor, Caller) else "services"
        return part in self.setting.troubled and not self.is_calm

    def _idle(self) -> Iterable[Actor]:
        for caller in self.callers:
            if not caller.is_running and caller.wants_to_ask and caller.next_ms <= self.ms:
                yield caller
        running = [sandbox for sandbox in self._sandboxes if sandbox.is_running]
        if len(running) < self.setting.sandboxes:
            for step in ORDERS.steps:
                services = [service for service in step.services if self.queues[service].receivable()]
                alike = self.setting.has_mirrors and not running
                for service in services[:1] if alike else services:
                    yield next(each for each in self._sandboxes if each.service == service and each not in running)

    def begin(self, actor: Actor) -> None:
        if isinstance(actor, ServiceSandbox):
            actor.receive(self.setting.batch_size)
        elif isinstance(actor, Caller):
            actor.begin()

    def moments(self) -> Iterable[int]:
        yield from (message.visible_ms for queue in self.queues.values() for message in queue.waiting)
        yield from (caller.next_ms for caller in self.callers if caller.wants_to_ask)

    def redeliver(self) -> None:
        services = [service for service, queue in self.queues.items() if queue.messages]
        if services:
            self.queues[self.pick(services)].redeliver()

    def _queue(self, service: str) -> SourceQueue:
        return SourceQueue(self.now_ms, name=service, visibility_seconds=VISIBILITY_SECONDS, max_receives=MAX_RECEIVES)


def _own_attributes(letter: Stored) -> dict[str, Any]:
    added = {DEAD_LETTER_REASON_ATTRIBUTE, DEAD_LETTER_SOURCE_ATTRIBUTE, DEAD_LETTER_ITEM_ATTRIBUTE}
    return {name: value for name, value in letter.attributes.items() if name not in added}
