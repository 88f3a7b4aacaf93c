"""A worker: a sandbox that runs the receiver of accepted requests."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from tests.explorer.requests.setting import SCOPE, WINDOW_SECONDS, Work
from tsunagu.contracts.messages import REDRIVEN_ATTRIBUTE
from tsunagu.contracts.requests import REQUEST_KEY
from tsunagu.runtime.errors import PermanentError, UnavailableError
from tsunagu.runtime.idempotency.store import Verdict
from tsunagu.runtime.receiving.receiver import ReceiverConfig
from tsunagu.runtime.requests.intake import body_parser
from tsunagu.runtime.requests.processor import RequestProcessor
from tsunagu.runtime.requests.receiver import RequestReceiver
from tsunagu.runtime.requests.record import FoundRecord, RequestRecord
from tsunagu.runtime.requests.request import ProgressWriter, Request
from tsunagu.runtime.requests.results import Results, ResultSender
from tsunagu.runtime.sending.publish import SendResult
from tsunagu.testing.events.places import QUEUE_ARN
from tsunagu.testing.explorer.ports import GONE, UNAVAILABLE, OutboxPort, StorePort, last
from tsunagu.testing.explorer.sandbox import FUNCTION_TIMEOUT_SECONDS, Sandbox
from tsunagu.testing.fakes import Killed

if TYPE_CHECKING:
    from tests.explorer.requests.plant import RequestPlant

COMPLETIONS_ARN = "arn:aws:sns:eu-central-1:111122223333:completions"


class RequestWorker(Sandbox):
    """Works on requests."""

    plant: "RequestPlant"

    def __init__(self, name: str, plant: "RequestPlant") -> None:
        super().__init__(name, plant, plant.queue)
        self._records: list[dict[str, Any]] = []

    def new_receiver(self) -> Any:
        plant, setting = self.plant, self.plant.setting
        config = ReceiverConfig(
            scope=f"{SCOPE}@queue",
            queue_arn=QUEUE_ARN,
            function_timeout_seconds=FUNCTION_TIMEOUT_SECONDS,
            max_attempts=setting.max_attempts,
            window_seconds=WINDOW_SECONDS,
        )
        results, store = ResultPort(self), StorePort(self)
        outbox = ResultSender(results, OutboxPort(self, plant.publish))
        processor = RequestProcessor(
            setting.work(self),
            Results(results, SCOPE),
            ProgressWriter(store, self.clock),
            scope=SCOPE,
            completion_topic_arn=COMPLETIONS_ARN,
        )
        return RequestReceiver(
            config,
            self.ports(outbox, plant.dead_letter_queue, plant.notifications),
            RecordsPort(self),
            scope=SCOPE,
            parse=body_parser(dict, is_text=False),
            process=processor.process,
        )

    def has_redriven(self, item_id: str) -> bool:
        """Return whether it was handed a message of this request that an operator has redriven."""
        return any(_is_redriven(record) and _item_id(record) == item_id for record in self._records)

    def acknowledges(self, message_id: str) -> None:
        record = next(record for record in self._records if record["messageId"] == message_id)
        self.plant.journal.acknowledged(_item_id(record), is_redriven=_is_redriven(record))

    def _invoke(self, records: list[dict[str, Any]]) -> None:
        self._records = records
        super()._invoke(records)


@dataclass(slots=True)
class RecordsPort:
    """Reads records."""

    actor: RequestWorker

    def read_records(self, item_ids: Sequence[str]) -> list[FoundRecord]:
        """Read records by their ids."""
        plant = self.actor.plant
        failures: dict[str, Any] = {"unavailable": lambda: [UNAVAILABLE] * len(item_ids)}
        return plant.store_point(self.actor, "reads records", lambda: plant.store.read_records(item_ids), failures)

    def insert_record(self, record: RequestRecord) -> Verdict:
        """Write the record of an event."""
        plant = self.actor.plant

        def apply() -> Verdict:
            return plant.journal.watch(self.actor, [record.item.id], lambda: plant.store.insert_record(record))

        failures = {
            "unavailable": lambda: UNAVAILABLE,
            "unanswered": lambda: last(apply(), UNAVAILABLE),
            "answer lost, tried again": lambda: last(apply(), apply()),
        }
        return plant.store_point(self.actor, "inserts a record", apply, failures)


@dataclass(slots=True)
class ResultPort:
    """The bucket of results."""

    actor: RequestWorker

    def put(self, key: str, content: bytes, content_type: str) -> None:
        """Stage a result."""
        plant = self.actor.plant

        def apply() -> None:
            plant.results.put(key, content, content_type)

        def apply_unanswered() -> None:
            apply()
            _fail()

        failures = {"unavailable": _fail, "unanswered": apply_unanswered}
        plant.point(self.actor, "stages a result", apply, failures=failures)

    def copy(self, staged_key: str, key: str) -> SendResult:
        """Copy a staged result."""
        plant = self.actor.plant

        def apply() -> SendResult:
            plant.journal.copied(self.actor, staged_key, key)
            return plant.results.copy(staged_key, key)

        failures = {"unavailable": lambda: GONE, "unanswered": lambda: last(apply(), GONE)}
        return plant.point(self.actor, "copies a result", apply, failures=failures)


def _is_redriven(record: Mapping[str, Any]) -> bool:
    return REDRIVEN_ATTRIBUTE in record["messageAttributes"]


def _item_id(record: Mapping[str, Any]) -> str:
    return str(json.loads(record["body"])[REQUEST_KEY])


def _fail() -> NoReturn:
    msg = "S3 did not answer"
    raise UnavailableError(msg)


# --- business functions ------------------------------------------------------------------------


def working(worker: RequestWorker) -> Work:
    """Take effect, and return what no other attempt returns."""

    def work(_report: Mapping[str, str], request: Request) -> object:
        worker.plant.journal.began(worker, request)
        request.put("effects", {"id": request.id, "caller": request.caller, "fence": request.fencing_token})
        return {"by": request.fencing_token}

    return work


def telling(worker: RequestWorker) -> Work:
    """As `working`, after it has shown its progress."""
    work = working(worker)

    def tell(report: Mapping[str, str], request: Request) -> object:
        request.progress("1 of 2")
        return work(report, request)

    return tell


def refusing(worker: RequestWorker) -> Work:
    """Refuse each request, until the plant is mended."""
    work = working(worker)

    def refuse(report: Mapping[str, str], request: Request) -> object:
        if not worker.plant.is_mended:
            msg = "the month is closed"
            raise PermanentError(msg)
        return work(report, request)

    return refuse


def failing(worker: RequestWorker) -> Work:
    """Fail each time, after it wrote, until the plant is mended."""
    work = working(worker)

    def fail(report: Mapping[str, str], request: Request) -> object:
        result = work(report, request)
        if not worker.plant.is_mended:
            msg = "no paper"
            raise ValueError(msg)
        return result

    return fail


def stumbling(worker: RequestWorker) -> Work:
    """Fail in the first attempt."""
    work = working(worker)

    def stumble(report: Mapping[str, str], request: Request) -> object:
        if request.attempt == 1:
            msg = "no paper"
            raise ValueError(msg)
        return work(report, request)

    return stumble


def killing(worker: RequestWorker) -> Work:
    """Kill the worker each time, until the plant is mended."""
    work = working(worker)

    def kill(report: Mapping[str, str], request: Request) -> object:
        if not worker.plant.is_mended:
            worker.plant.journal.fault(worker)
            raise Killed
        return work(report, request)

    return kill
