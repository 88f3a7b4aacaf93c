"""What must hold in a pipeline once all is quiet: no request lost, none doubled, none without an end."""

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tests.explorer.pipeline.setting import GIVEN_FENCE, Fate
from tests.tsunagu.runtime.pipeline.world import COMPLETION_TOPIC, ORDERS, FakeIndex, FakeOpenRunIndex
from tsunagu.contracts.items import Status
from tsunagu.contracts.messages import DEAD_LETTER_REASON_ATTRIBUTE
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.idempotency.keys import item_id
from tsunagu.runtime.pipeline.envelope import Envelope
from tsunagu.runtime.pipeline.errors import KeyTakenError
from tsunagu.runtime.pipeline.journal import envelope_of
from tsunagu.runtime.pipeline.open_runs import OpenRuns
from tsunagu.runtime.pipeline.run_reader import RunReader
from tsunagu.runtime.pipeline.shape import PipelineStep, start_key, start_scope
from tsunagu.testing.explorer.schedule import Violation

if TYPE_CHECKING:
    from tests.explorer.pipeline.plant import PipelinePlant


class PipelinePromises:
    """What a plant must have kept."""

    def __init__(self, plant: "PipelinePlant") -> None:
        self._plant = plant
        self._journal = plant.journal
        self._runs = plant.journal.runs()

    def check(self) -> None:
        """Check what must hold when nothing is left to be done.

        Raises:
            Violation: It does not.
        """
        for key in {caller.ask.key for caller in self._plant.callers}:
            self._check_key(key)
        self._check_letters()
        published = {run_id for _, run_id in self._journal.bodies}
        if not published <= self._runs.keys():
            raise Violation(f"a key must have one run, got {published - self._runs.keys()} beside the recorded ones")
        worked = {str(effect["run_id"]) for effect in self._plant.store.effects}
        if not worked <= published:
            raise Violation(f"services must work for published runs alone, got {worked - published}")
        for run_id in published:
            self._check_run(self._runs[run_id])
        self._check_marks()

    def _check_marks(self) -> None:
        """Check that each recorded run is marked as open, and that a sweep takes the mark from those that are over."""
        store = self._plant.store
        found = OpenRuns(ORDERS.name, RunReader(ORDERS, store, FakeIndex(store)), FakeOpenRunIndex(store))
        pages = [page for each in found.partitions for page in found.pages(each, self._plant.ms)]
        over = {envelope_of(start).run_id for page in pages for start in page.over}
        unfinished = {run.run_id for page in pages for run in page.unfinished}
        if over | unfinished != self._runs.keys():
            raise Violation(f"each recorded run must be marked, got {self._runs.keys() - over - unfinished} without")
        ended = {run_id for topic, run_id in self._journal.bodies if topic == COMPLETION_TOPIC}
        if not over <= ended | self._replayed(ended) or not ended <= over:
            raise Violation(f"runs that are over must be those that ended, {ended}, got {over}")

    def _replayed(self, ended: set[str]) -> set[str]:
        """Return the runs after which their request had another one that ended."""
        last = {self._runs[run_id].request_id: run_id for run_id in sorted(ended & self._runs.keys())}
        return {run_id for run_id, run in self._runs.items() if run_id < last.get(run.request_id, "")}

    def _check_key(self, key: str) -> None:
        """Check that those who ask get what they must, and that it is published then.

        What nobody was told of and nobody asks for again may stay where it was left, COMMITTED and unpublished too.
        """
        callers = [caller for caller in self._plant.callers if caller.ask.key == key]
        answered = [caller for caller in callers if caller.answer is not None]
        for caller in callers:
            fate = caller.ask.fate
            is_refused = fate is Fate.RIVAL and bool(answered) and isinstance(caller.refusal, KeyTakenError)
            if fate is not Fate.UNKNOWN and caller not in answered and not is_refused:
                raise Violation(f"{caller.name}: must be answered, got {caller.refusal or 'no answer'}")
        if len({caller.ask.order_id for caller in answered}) > 1:
            raise Violation(f"{key}: must be taken by one request, got answers to two")
        record = self._plant.store.items.get(
            item_id(start_scope(ORDERS.name), start_key(idempotency_key=key, run_id=""))
        )
        if answered and (record is None or record.status is not Status.COMPLETED):
            raise Violation(f"{key}: what is answered must be published, got {record and record.status}")
        if record is not None and record.status is Status.COMPLETED:
            run_id = json.loads(record.result)["run_id"]
            if not any(run_id == each for _, each in self._journal.bodies):
                raise Violation(f"{key}: what is COMPLETED must be published")

    def _check_run(self, run: Envelope) -> None:
        """Check that a run came to its end: each service worked once, or one is dead and no step behind it worked."""
        for step in ORDERS.steps_from(run.step):
            asked = [run.only] if run.only is not None and step.name == run.step else step.services
            for service in asked:
                self._check_service(run, step, service)
            if self._is_refused(asked):
                self._check_nothing_behind(run, step)
                return
        if (COMPLETION_TOPIC, run.run_id) not in self._journal.bodies:
            raise Violation(f"{run.run_id}: its end must be published")

    def _is_refused(self, asked: Sequence[str]) -> bool:
        return self._plant.setting.refusing in asked and not self._plant.is_mended

    def _check_service(self, run: Envelope, step: PipelineStep, service: str) -> None:
        record = self._journal.items(run, step)[service]
        effects = self._effects(run, service)
        if self._is_refused([service]):
            reason = "the account is closed"
            if effects or not _has_died(record, reason) or not any(reason in each for each in self._letters(service)):
                raise Violation(f"{service} of {run.run_id}: must be dead-lettered with its reason, got {record}")
            return
        most = 1 if self._plant.setting.writes else 1 + self._journal.disturbances
        if not 1 <= len(effects) <= most:
            raise Violation(f"{service} of {run.run_id}: must work once, got {len(effects)} times")
        if record is None or record.status is not Status.COMPLETED:
            raise Violation(f"{service} of {run.run_id}: must end COMPLETED, got {record and record.status}")
        given = self._given(run, step)
        if any(effect["given"] != given for effect in effects):
            raise Violation(f"{service} of {run.run_id}: must be given {given}, got {effects}")

    def _given(self, run: Envelope, step: PipelineStep) -> dict[str, int]:
        """Fences of the attempts whose results a service must be given: of its own run, or of the one it replays."""
        before = ORDERS.before(step.name)
        if before is None:
            return {}
        origin = next(iter(self._runs.values())) if step.name == run.step else run
        if origin.step == step.name:
            return dict.fromkeys(before.services, GIVEN_FENCE)
        return {service: item.fence for service, item in self._journal.items(origin, before).items() if item}

    def _check_nothing_behind(self, run: Envelope, step: PipelineStep) -> None:
        behind = ORDERS.steps_from(step.name)[1:]
        topics = [*(each.topic_arn for each in behind), COMPLETION_TOPIC]
        if any((topic, run.run_id) in self._journal.bodies for topic in topics):
            raise Violation(f"{run.run_id}: nothing must go on behind {step.name}, of which a service is dead")

    def _check_letters(self) -> None:
        for service in self._plant.dead_letter_queues:
            letters = self._letters(service)
            if letters and not self._is_refused([service]):
                raise Violation(f"{service}: a valid message must not be dead-lettered, got {letters}")

    def _effects(self, run: Envelope, service: str) -> list[dict[str, object]]:
        effects: Iterator[dict[str, object]] = map(dict, self._plant.store.effects)
        return [each for each in effects if (each["service"], each["run_id"]) == (service, run.run_id)]

    def _letters(self, service: str) -> list[str]:
        letters = self._plant.dead_letter_queues[service].waiting
        return [str(letter.attributes.get(DEAD_LETTER_REASON_ATTRIBUTE, "")) for letter in letters]


def _has_died(record: Item | None, reason: str) -> bool:
    return record is not None and record.status is Status.DEAD and reason in record.reason
