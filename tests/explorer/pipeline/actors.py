"""Who acts in a pipeline: callers, each with the invocations of the preprocessor that it makes, and services."""

import io
import random
from typing import TYPE_CHECKING

from tests.explorer.pipeline.setting import GIVEN_FENCE, Ask
from tests.tsunagu.runtime.pipeline.world import COMPLETION_TOPIC, HOP_LIMIT, LARGEST_BYTES, ORDERS, WINDOW_SECONDS
from tsunagu.contracts.pipeline import ServiceEnvironment
from tsunagu.runtime.claim_check import ClaimCheck
from tsunagu.runtime.errors import MessageError, PermanentError, UnavailableError
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.pipeline.envelope import Envelope
from tsunagu.runtime.pipeline.errors import RefusedRequestError, UnknownRequestError
from tsunagu.runtime.pipeline.join import JoiningSender
from tsunagu.runtime.pipeline.journal import Journal
from tsunagu.runtime.pipeline.plan import Planner
from tsunagu.runtime.pipeline.request_processor import RequestProcessor
from tsunagu.runtime.pipeline.run_marks import RunMarks
from tsunagu.runtime.pipeline.shape import PipelineStep
from tsunagu.runtime.pipeline.start import Starter, StartPorts
from tsunagu.runtime.pipeline.work import Work
from tsunagu.runtime.receiving.receiver import Receiver, ReceiverConfig
from tsunagu.runtime.telemetry import Metrics
from tsunagu.testing.events.places import QUEUE_ARN
from tsunagu.testing.explorer.ports import IndexPort, ObjectPort, OutboxPort, StorePort
from tsunagu.testing.explorer.sandbox import FUNCTION_TIMEOUT_SECONDS, Sandbox, SandboxClock
from tsunagu.testing.explorer.schedule import Violation
from tsunagu.testing.explorer.stage import Actor

if TYPE_CHECKING:
    from tests.explorer.pipeline.plant import PipelinePlant

ASKS_AGAIN_MS = 13_000  # a lease that was left behind is over by then
MAX_ATTEMPTS = 4


class Caller(Actor):
    """Somebody who invokes the preprocessor, again and again with the same words, until there is an answer.

    Attributes:
        ask: What is asked for.
        next_ms: When it is asked next.
        answer: What was answered.
        refusal: Why it was refused.
    """

    plant: "PipelinePlant"

    def __init__(self, plant: "PipelinePlant", ask: Ask) -> None:
        super().__init__(ask.name, plant)
        self.ask = ask
        self.next_ms = plant.ms
        self.answer: JsonObject | None = None
        self.refusal: RefusedRequestError | None = None
        self._calls = 0

    @property
    def wants_to_ask(self) -> bool:
        return self.answer is None and self.refusal is None and self._calls < self.ask.most_calls

    def begin(self) -> None:
        self._calls += 1
        self.start(self._invoke)

    def died(self) -> None:
        super().died()
        self._ask_again()

    def _ask_again(self) -> None:
        self.next_ms = self.plant.ms + ASKS_AGAIN_MS

    def _invoke(self) -> None:
        deadline_ms = self.plant.ms + FUNCTION_TIMEOUT_SECONDS * 1_000
        try:
            answer = self._starter().answer(self._document(), deadline_ms=deadline_ms)
        except (UnavailableError, UnknownRequestError) as error:
            self.plant.say(f"{self.name} is told: {error}")
            self._ask_again()
        except RefusedRequestError as error:
            self.plant.say(f"{self.name} is refused: {error}")
            self.refusal = error
        except MessageError as error:
            raise Violation(f"{self.name}: must be answered or refused, got {error!r}") from error
        else:
            self.plant.point(self, "is answered", lambda: self._answered(answer), faults=("die before",))

    def _answered(self, answer: JsonObject) -> None:
        self.answer = answer
        self.plant.journal.answered(self.ask.key, answer)

    def _document(self) -> JsonObject:
        ask = self.ask
        command: JsonObject = {"action": "start", "payload": {"order_id": ask.order_id}}
        if ask.is_replay:
            command = {"action": "replay", "request_id": self.plant.journal.first_request_id}
        elif ask.from_step is not None:
            before = ORDERS.before(ask.from_step)
            results = {service: _result(service, GIVEN_FENCE) for service in (before.services if before else ())}
            command["payload"] = {"request": command["payload"], "results": results}
        optional = {"from_step": ask.from_step, "only": ask.only}
        return command | {"idempotency_key": ask.key} | {name: value for name, value in optional.items() if value}

    def _new_owner(self) -> str:
        self.owner = f"{self.name}/{self._calls}"
        return self.owner

    def _starter(self) -> Starter:
        clock, store = SandboxClock(self.plant), StorePort(self)
        claim_check = ClaimCheck(ObjectPort(self, self.plant.objects), largest_bytes=LARGEST_BYTES)
        planner = Planner(
            Journal(ORDERS, store, IndexPort(self)), claim_check, inline_bytes=self.plant.setting.inline_bytes
        )
        ports = StartPorts(
            store=RunMarks(store, ORDERS.name),
            outbox=OutboxPort(self, self.plant.publish),
            metrics=Metrics("Tsunagu", "orders.start", clock, io.StringIO()),
            clock=clock,
            new_id=self.plant.new_id,
            new_owner=self._new_owner,
            rng=random.Random(7),
        )
        return Starter(ORDERS, planner, ports, window_seconds=WINDOW_SECONDS)


class ServiceSandbox(Sandbox):
    """A sandbox of one service's function.

    Attributes:
        service: Name of the service.
    """

    plant: "PipelinePlant"

    def __init__(self, name: str, plant: "PipelinePlant", step: PipelineStep, service: str) -> None:
        super().__init__(name, plant, plant.queues[service])
        self.service = service
        self._step = step

    def new_receiver(self) -> Receiver[Envelope]:
        claim_check = ClaimCheck(ObjectPort(self, self.plant.objects), largest_bytes=LARGEST_BYTES)
        processor: RequestProcessor[JsonObject] = RequestProcessor(
            self._place(), claim_check, parse=lambda order: order, function=self._work
        )
        config = ReceiverConfig(
            scope=processor.scope,
            queue_arn=QUEUE_ARN,
            function_timeout_seconds=FUNCTION_TIMEOUT_SECONDS,
            max_attempts=MAX_ATTEMPTS,
            window_seconds=WINDOW_SECONDS,
        )
        outbox = JoiningSender(StorePort(self), OutboxPort(self, self.plant.publish))
        return Receiver(
            config,
            self.ports(outbox, self.plant.dead_letter_queues[self.service], self.plant.notifications),
            parse=processor.envelope,
            key=lambda envelope: envelope.run_id,
            process=processor.process,
        )

    def _place(self) -> ServiceEnvironment:
        behind = ORDERS.steps_from(self._step.name)[1:2]
        return ServiceEnvironment(
            pipeline=ORDERS.name,
            step=self._step.name,
            service=self.service,
            siblings=",".join(self._step.services),
            next_step=behind[0].name if behind else "",
            next_topic_arn=behind[0].topic_arn if behind else COMPLETION_TOPIC,
            claim_bucket_name="claims",
            inline_bytes=self.plant.setting.inline_bytes,
            largest_payload_bytes=LARGEST_BYTES,
            hop_limit=HOP_LIMIT,
        )

    def _work(self, order: JsonObject, work: Work) -> JsonObject:
        """Take effect, and return what no other attempt returns."""
        plant = self.plant
        if self.service == plant.setting.refusing and not plant.is_mended:
            msg = "the account is closed"
            raise PermanentError(msg)
        given = {name: result["fence"] for name, result in work.results.items()}
        effect = {"service": self.service, "run_id": work.run_id, "order_id": order["order_id"], "given": given}
        if plant.setting.writes:
            work.put("effects", effect)
        else:
            plant.point(self, "works", lambda: plant.store.effects.append(effect))
        return _result(self.service, work.fencing_token)


def _result(service: str, fence: int) -> JsonObject:
    return {"by": service, "fence": fence}
