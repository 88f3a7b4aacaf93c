"""A worker: a sandbox of Lambda that runs the user's handler, and the adapters that it calls."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from tsunagu.contracts.environment import ReceiverEnvironment
from tsunagu.contracts.web import WebEnvironment
from tsunagu.runtime.clock import new_request_id
from tsunagu.runtime.errors import UnavailableError
from tsunagu.runtime.functions.adapters import InUse, using
from tsunagu.runtime.idempotency.store import ItemStore, Verdict
from tsunagu.runtime.receiving.receiver import Ports
from tsunagu.runtime.requests.record import FoundRecord, RequestRecord
from tsunagu.runtime.sending.publish import SendResult
from tsunagu.runtime.single_flight.job_lease import JobLease
from tsunagu.runtime.table_reader import TableItem, TableKey, TablePage
from tsunagu.runtime.telemetry import Metrics
from tsunagu.runtime.web.request_items import RequestPorts
from tsunagu.testing.explorer.ports import UNAVAILABLE, GroupPort, ObjectPort, OutboxPort, StorePort
from tsunagu.testing.explorer.sandbox import Sandbox
from tsunagu.testing.fake_tables import FakeTable
from tsunagu.testing.fakes import FakeTicker

if TYPE_CHECKING:
    from tsunagu.testing.handlers.stage import HandlerStage

ResultT = TypeVar("ResultT")

SEED = 7  # of jitter


class Direct:
    """Runs a body in the thread of the caller: nothing leaves it in the middle, and a debugger shows one stack."""

    def __init__(self, body: Callable[[], None]) -> None:
        self._body = body
        self.is_finished = False

    def resume(self) -> None:
        """Run to the end."""
        try:
            self._body()
        finally:
            self.is_finished = True

    def pause(self) -> None:
        """Refuse: it cannot be left."""
        raise AssertionError("a worker that is not explored must run to its end")


class HandlerWorker(Sandbox):
    """Runs the handler; after a kill, a new process takes its place."""

    plant: "HandlerStage"

    def __init__(self, name: str, plant: "HandlerStage") -> None:
        super().__init__(name, plant, plant.queue)
        self.queue_arn = plant.scene.settings.queue_arn
        self.answer: Mapping[str, Any] | None = None

    def start(self, body: Callable[[], None]) -> None:
        """Begin `body`: in a thread of its own only if the schedule may leave it."""
        if self.plant.is_explored:
            super().start(body)
        else:
            self._fiber = Direct(body)  # type: ignore[assignment] # it has what an actor uses of a fiber

    def resume(self) -> None:
        """Continue; effects of the handler's own code are those of this worker."""
        before, self.plant.worker = self.plant.worker, self
        try:
            with using(WorkerAdapters(self)):
                super().resume()
        finally:
            self.plant.worker = before

    def new_receiver(self) -> Any:
        """Start a process of the handler."""
        with using(WorkerAdapters(self)):
            return self.plant.scene.start.new_process()

    def invoke(self, event: object) -> dict[str, Any]:
        """Hand over an event, as Lambda does; return what the handler returns."""

        def body() -> None:
            self._receiver = self._receiver or self.new_receiver()
            self.answer = self._receiver.receive(event, self)

        self.answer = None
        self._fiber = Direct(body)  # type: ignore[assignment]
        self.resume()
        answer: Mapping[str, Any] | None = self.answer
        return {**(answer or {})}


@dataclass(slots=True)
class WorkerAdapters:
    """The fakes that the process of a worker calls, instead of AWS's adapters."""

    worker: HandlerWorker

    @property
    def start_ticker(self) -> Callable[[Callable[[], bool], float], FakeTicker]:
        """Starts no thread: the lease of a job is extended when its work begins, and not after."""
        return FakeTicker

    def ports(self, environment: ReceiverEnvironment, scope: str) -> Ports:
        """Return the ports of a receiver."""
        worker, stage = self.worker, self.worker.plant
        groups = GroupPort(worker, is_early=False) if stage.scene.settings.parks_groups else None
        ports = worker.ports(OutboxPort(worker, stage.send_on), stage.dead_letter_queue, stage.notifications, groups)
        metrics = Metrics(environment.metrics_namespace, scope, worker.clock, stage.metrics)
        return ports._replace(tasks=stage.tasks, metrics=metrics)

    def request_ports(self, environment: WebEnvironment, scope: str) -> RequestPorts:
        """Return the ports of HTTP requests."""
        worker, stage = self.worker, self.worker.plant
        return RequestPorts(
            store=StorePort(worker),
            outbox=OutboxPort(worker, stage.send_on),
            metrics=Metrics(environment.metrics_namespace, scope, worker.clock, stage.metrics),
            clock=worker.clock,
            new_id=lambda: new_request_id(worker.clock.now_ms()),
            new_owner=worker.new_owner,
            rng=random.Random(SEED),
        )

    def objects(self, _environment: ReceiverEnvironment, _bucket_name: str) -> ObjectPort:
        """Return the store of large payloads."""
        return ObjectPort(self.worker, self.worker.plant.objects)

    def results(self, _environment: ReceiverEnvironment, _bucket_name: str) -> "ResultPort":
        """Return the store of results."""
        return ResultPort(self.worker)

    def records(self, _store: ItemStore) -> "RecordPort":
        """Return the records of accepted requests."""
        return RecordPort(self.worker)

    def leases(self, _store: ItemStore) -> "LeasePort":
        """Return the leases of jobs."""
        return LeasePort(self.worker)

    def table(self, table_name: str) -> "TablePort":
        """Return the reader of a table."""
        return TablePort(table_name)


@dataclass(slots=True)
class ResultPort:
    """The store of results."""

    worker: HandlerWorker

    def put(self, key: str, content: bytes, content_type: str) -> None:
        """Write an object."""
        plant = self.worker.plant
        plant.point(
            self.worker,
            "puts a result",
            lambda: plant.results.put(key, content, content_type),
            failures={"unavailable": _unavailable},
        )

    def copy(self, staged_key: str, key: str) -> SendResult:
        """Copy an object."""
        plant = self.worker.plant
        return plant.point(self.worker, "copies a result", lambda: plant.results.copy(staged_key, key))


@dataclass(slots=True)
class RecordPort:
    """The records of accepted requests."""

    worker: HandlerWorker

    def read_records(self, item_ids: Sequence[str]) -> list[FoundRecord]:
        """Read records."""
        plant = self.worker.plant

        def refuse() -> list[FoundRecord]:
            return [UNAVAILABLE] * len(item_ids)

        return plant.store_point(
            self.worker, "reads records", lambda: plant.store.read_records(item_ids), {"unavailable": refuse}
        )

    def insert_record(self, record: RequestRecord) -> Verdict:
        """Write a record, if its id is free."""
        plant = self.worker.plant
        return plant.store_point(
            self.worker,
            "inserts a record",
            lambda: plant.store.insert_record(record),
            {"unavailable": lambda: UNAVAILABLE},
        )


@dataclass(slots=True)
class LeasePort:
    """The leases of jobs."""

    worker: HandlerWorker

    def read(self, job: str) -> JobLease | None:
        """Return the lease of a job."""
        plant = self.worker.plant
        return plant.store_point(
            self.worker, "reads a lease", lambda: plant.store.jobs.read(job), {"unavailable": _unavailable}
        )


@dataclass(slots=True)
class TablePort:
    """Reads a table of the handler; each read is a call at which things can go wrong.

    A handler may keep the reader longer than a test lasts: it reads the table of the worker that runs now.
    """

    name: str

    def get(self, key: TableKey) -> TableItem | None:
        """Return an item, or None if there is none."""
        return self._read(lambda table: table.get(key))

    def query(
        self,
        partition: TableKey,
        *,
        limit: int,
        after: TableKey | None = None,
        descending: bool = False,
        begins_with: TableKey | None = None,
    ) -> TablePage:
        """Return a page of the items of one partition."""
        return self._read(
            lambda table: table.query(
                partition, limit=limit, after=after, descending=descending, begins_with=begins_with
            )
        )

    def scan(self, *, limit: int, after: TableKey | None = None) -> TablePage:
        """Return a page of all items."""
        return self._read(lambda table: table.scan(limit=limit, after=after))

    def _read(self, read: Callable[[FakeTable], ResultT]) -> ResultT:
        adapters = InUse.adapters
        assert isinstance(adapters, WorkerAdapters), "a table must be read while the handler runs"
        worker = adapters.worker
        store = worker.plant.store
        return worker.plant.store_point(
            worker, f"reads {self.name}", lambda: read(store.table(self.name)), {"unavailable": _unavailable}
        )


def _unavailable() -> NoReturn:
    msg = "no answer"
    raise UnavailableError(msg)
