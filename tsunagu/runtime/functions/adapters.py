"""What a function calls AWS through, as a protocol; tests put fakes in the place of AWS's adapters."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from tsunagu.contracts.environment import ReceiverEnvironment
    from tsunagu.contracts.web import WebEnvironment
    from tsunagu.runtime.claim_check import ObjectStore
    from tsunagu.runtime.idempotency.store import ItemStore
    from tsunagu.runtime.receiving.receiver import LambdaContext, Ports
    from tsunagu.runtime.requests.record import RequestRecords
    from tsunagu.runtime.requests.results import ResultStore
    from tsunagu.runtime.single_flight.job_lease import JobLeases
    from tsunagu.runtime.single_flight.pulse import StartTicker
    from tsunagu.runtime.table_reader import TableReader
    from tsunagu.runtime.web.request_items import RequestPorts


class Adapters(Protocol):
    """Makes what the parts of a function call AWS through."""

    @property
    def start_ticker(self) -> "StartTicker":
        """Starts the thread that extends the lease of a job."""
        ...

    def ports(self, environment: "ReceiverEnvironment", scope: str) -> "Ports":
        """Return the ports of a receiver; `scope` is the service's name in metrics."""
        ...

    def request_ports(self, environment: "WebEnvironment", scope: str) -> "RequestPorts":
        """Return the ports of HTTP requests; `scope` is the service's name in metrics."""
        ...

    def objects(self, environment: "ReceiverEnvironment", bucket_name: str) -> "ObjectStore":
        """Return the store of payloads that are too large for a message."""
        ...

    def results(self, environment: "ReceiverEnvironment", bucket_name: str) -> "ResultStore":
        """Return the store of the results of accepted requests."""
        ...

    def records(self, store: "ItemStore") -> "RequestRecords":
        """Return the reader of the records of accepted requests, in the table of `store`."""
        ...

    def leases(self, store: "ItemStore") -> "JobLeases":
        """Return the reader of the leases of jobs, in the table of `store`."""
        ...

    def table(self, table_name: str) -> "TableReader":
        """Return the reader of a table of the business function."""
        ...


class InUse:
    """Whose adapters functions of this process use from now on.

    Attributes:
        adapters: Those of a test. None: AWS's own.
    """

    adapters: Adapters | None = None


@contextmanager
def using(adapters: Adapters) -> Iterator[None]:
    """Let functions that start in the block, and readers of tables that are made there, use these adapters."""
    before, InUse.adapters = InUse.adapters, adapters
    try:
        yield
    finally:
        InUse.adapters = before


class Receives(Protocol):
    """Receives the events of one process of a function."""

    def receive(self, event: object, context: "LambdaContext") -> Mapping[str, Any]:
        """Process an event; return the partial batch response, or the answer to an HTTP request."""
        ...


class FunctionStart(NamedTuple):
    """How a process of a Lambda function starts: the attribute `start` of a handler that our decorators made.

    Attributes:
        decorator: Name of the decorator that made the handler.
        name: The scope or the job that the decorator was given; empty for a pipeline's service.
        new_process: Reads the environment, and makes what a process of the function keeps.
        payload: Class of the first parameter of the business function.
    """

    decorator: str
    name: str
    new_process: Callable[[], Receives]
    payload: type[Any] | None = None
