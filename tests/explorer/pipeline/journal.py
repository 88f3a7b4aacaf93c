"""The journal of a pipeline's plant: what is published and answered, and what must never be."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from tests.tsunagu.runtime.pipeline.world import ORDERS, WINDOW_SECONDS
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.pipeline.envelope import Envelope
from tsunagu.runtime.pipeline.journal import envelope_of, is_done
from tsunagu.runtime.pipeline.shape import PipelineStep, service_item_ids, start_scope
from tsunagu.runtime.receiving.relay import AddressedMessage
from tsunagu.testing.explorer.item_life import changed_by, judge
from tsunagu.testing.explorer.schedule import Violation

if TYPE_CHECKING:
    from tests.explorer.pipeline.plant import PipelinePlant
    from tsunagu.testing.explorer.stage import Actor

ResultT = TypeVar("ResultT")

START_PREFIX = f"{start_scope(ORDERS.name)}#"


class PipelineJournal:
    """Watches a plant.

    Attributes:
        bodies: What was published, by topic and run.
        before: Records as they were before their last change, which is what an inconsistent read may give.
        disturbances: Crashes, failed calls, forced waits and redeliveries so far.
    """

    def __init__(self, plant: "PipelinePlant") -> None:
        self._plant = plant
        self._answers: dict[str, tuple[str, str]] = {}
        self.bodies: dict[tuple[str, str], str] = {}
        self.before: dict[str, Item | None] = {}
        self.disturbances = 0

    @property
    def first_request_id(self) -> str:
        """The request that was answered first."""
        return next(iter(self._answers.values()))[0]

    def disturbed(self) -> None:
        self.disturbances += 1

    def fault(self, _actor: "Actor") -> None:
        self.disturbed()

    def time_passed(self) -> None:
        """Note that the clock moved, which alone does no harm here."""

    def watch(self, actor: "Actor", item_ids: Sequence[str], write: Callable[[], ResultT]) -> ResultT:
        result, changes = changed_by(write, self._plant.store.items, item_ids)
        for old, new in changes:
            judge(actor, old, new, window_seconds=WINDOW_SECONDS)
            self.before[new.id] = old
        return result

    def starts(self) -> dict[str, Item]:
        """Return the records of starts and replays, by id."""
        return {item_id: item for item_id, item in self._plant.store.items.items() if item_id.startswith(START_PREFIX)}

    def runs(self) -> dict[str, Envelope]:
        """Return what the recorded runs begin with, by run id, the first one first."""
        envelopes = [envelope_of(item) for item in self.starts().values() if is_done(item)]
        return {envelope.run_id: envelope for envelope in sorted(envelopes, key=lambda each: each.run_id)}

    def items(self, run: Envelope, step: PipelineStep) -> Mapping[str, Item | None]:
        """Return the records that a step's results are made of in a run, by service."""
        asked_one = run.only is not None and run.step == step.name
        ids = service_item_ids(
            ORDERS.name,
            step.name,
            step.services,
            run_id=run.run_id,
            only=run.only if asked_one else None,
            base_run_id=run.base_run_id,
        )
        return {service: self._plant.store.items.get(item_id) for service, item_id in ids.items()}

    def answered(self, key: str, answer: JsonObject) -> None:
        """Judge an answer: its run stands and is published, and the key has no other."""
        ids = answer["request_id"], answer["run_id"]
        run = self.runs().get(ids[1])
        if run is None or run.request_id != ids[0]:
            raise Violation(f"{key}: must not be answered before its record stands, got {ids}")
        if not any(run_id == run.run_id for _, run_id in self.bodies):
            raise Violation(f"{key}: must not be answered before it is published, got {ids}")
        if self._answers.setdefault(key, ids) != ids:
            raise Violation(f"{key}: must always have the same ids, got {self._answers[key]} and {ids}")

    def published(self, message: AddressedMessage) -> None:
        """Judge a message that is published: what it tells of stands, and its copies are equal."""
        body = json.loads(message.outbox_message.body)
        place = message.outbox_message.target, body["run_id"]
        if self.bodies.setdefault(place, message.outbox_message.body) != message.outbox_message.body:
            raise Violation(
                f"{place}: copies must be equal, got {self.bodies[place]} and {message.outbox_message.body}"
            )
        if message.item.id.startswith(START_PREFIX):
            self._check_started(message)
        else:
            self._check_joined(body)

    def _check_started(self, message: AddressedMessage) -> None:
        item = self._plant.store.items[message.item.id]
        if not is_done(item) or item.result != message.outbox_message.body:
            raise Violation(f"{item.id}: must not be published before its record stands, got {item.status}")

    def _check_joined(self, body: Mapping[str, Any]) -> None:
        step = ORDERS.before(body["step"]) if body["step"] else ORDERS.steps[-1]
        assert step is not None
        records = self.items(self.runs()[body["run_id"]], step)
        results = {service: json.loads(item.result) for service, item in records.items() if is_done(item)}
        if results != body["results"] or len(results) < len(step.services):
            raise Violation(
                f"{step.name}: must be joined once all are done, with their results {results}, got {body['results']}"
            )
