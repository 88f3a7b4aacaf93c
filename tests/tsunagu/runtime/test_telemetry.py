"""Telemetry: log lines have the ids of the message in hand and nothing of its body; metrics are one EMF line."""

import asyncio
import gc
import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.tsunagu.runtime.pipeline.test_starts import REQUEST_ID
from tests.tsunagu.runtime.pipeline.world import ORDER, PipelineWorld
from tests.tsunagu.runtime.world import FakeContext, World, order, record
from tsunagu.contracts.environment import EnvironmentContract, EnvironmentContractError
from tsunagu.contracts.telemetry import LogKey, Metric
from tsunagu.runtime.errors import FailedCall, InvalidMessageError, PermanentError
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.receiving.delivery import Delivery
from tsunagu.runtime.receiving.message import Message
from tsunagu.runtime.receiving.model import parser
from tsunagu.runtime.telemetry import (
    INNER_FRAMES,
    OUTER_FRAMES,
    AllowListFilter,
    Metrics,
    configure,
    error_fields,
    in_hand,
)
from tsunagu.testing.fakes import FakeClock

CANARY = "canary-4711\nforged line"


class Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[dict[str, object]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append({**vars(record), "message": record.getMessage()})

    def with_message(self, message: str) -> list[dict[str, object]]:
        """Lines of this message. Threads that other tests have left may log others."""
        return [line for line in self.lines if line["message"] == message]


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    collector.addFilter(AllowListFilter("orders"))
    root = logging.getLogger()
    level = root.level
    root.addHandler(collector)
    root.setLevel(logging.INFO)
    yield collector
    root.removeHandler(collector)
    root.setLevel(level)


def test_each_line_of_a_message_has_its_request_id(collector: Collector) -> None:
    World().receive(record(order("o-1"), attributes={"tsunagu_request_id": "r-1"}))

    processed = next(line for line in collector.lines if line["message"] == "message processed")
    assert (processed[LogKey.REQUEST_ID], processed[LogKey.MESSAGE_ID]) == ("r-1", "m-1")
    assert processed[LogKey.SERVICE] == "orders"


def test_each_line_of_a_start_has_the_request_that_it_came_from_as_its_cause(collector: Collector) -> None:
    world = PipelineWorld()
    body = json.dumps({"action": "start", "payload": ORDER, "idempotency_key": "k-1"})

    world.entry().receive({"Records": [record(body, attributes={"tsunagu_request_id": "r-1"})]}, FakeContext())

    (item,) = world.store.items.values()
    processed = next(line for line in collector.lines if line["message"] == "message processed")
    assert (processed[LogKey.REQUEST_ID], processed[LogKey.CAUSE_REQUEST_ID]) == (item.request_id, "r-1")
    assert item.request_id != "r-1"


def test_message_that_goes_on_under_its_request_has_no_cause(collector: Collector) -> None:
    World().receive(record(order("o-1"), attributes={"tsunagu_request_id": "r-1"}), record(order("o-2"), "m-2"))

    assert not any(LogKey.CAUSE_REQUEST_ID in line for line in collector.lines)


def test_message_whose_outcome_was_not_written_is_not_logged_as_processed(collector: Collector) -> None:
    world = World()
    world.store.plan("update", "unavailable")

    world.receive(record(order("o-1")), process=lambda _body, _message: None)

    messages = [line["message"] for line in collector.lines]
    assert "outcome not written" in messages
    assert "message processed" not in messages


def test_nothing_of_a_body_and_nothing_of_an_error_text_is_logged(collector: Collector) -> None:
    def fail(body: JsonObject, _message: Message) -> None:
        try:
            raise ValueError(body["secret"])
        except ValueError:
            logging.getLogger("business").exception("could not", extra={"body": body})
            raise

    world = World()
    world.receive(record(order("o-1", secret=CANARY)), record(CANARY, "m-2"), process=fail)

    assert "canary" not in repr(collector.lines)
    failed = next(line for line in collector.lines if line["message"] == "attempt failed")
    assert failed[LogKey.ERROR_TYPE] == "ValueError"
    assert str(failed[LogKey.ERROR_LOCATION]).startswith("test_telemetry.py:")


def test_keys_outside_the_allow_list_are_removed(collector: Collector) -> None:
    logging.getLogger("x").warning("hello", extra={"password": "p", LogKey.FENCING_TOKEN: 3})

    (line,) = collector.lines
    assert "password" not in line
    assert line[LogKey.FENCING_TOKEN] == 3


def test_ids_are_logged_only_while_the_message_is_in_hand(collector: Collector) -> None:
    with in_hand(Delivery.from_record(record("{}")).log_fields("item")):
        pass
    logging.getLogger("x").warning("after")

    assert LogKey.REQUEST_ID not in collector.lines[-1]


def test_all_metrics_have_the_dimension_that_alarms_watch_and_by_which_stages_differ() -> None:
    stream = io.StringIO()
    metrics = Metrics("Tsunagu", "orders", FakeClock(), stream, function_name="orders-function")
    metrics.count_failed_call(FailedCall("sns:Publish", "dead", "NotFound", is_configuration_fault=True))
    metrics.flush()
    metrics.count_failed_call(FailedCall("sns:Publish", "dead", "Throttled"))
    metrics.flush()

    fault, outage = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert (fault["ConfigurationFaults"], fault["service"], fault["function_name"]) == (1, "orders", "orders-function")
    for line, names in ((fault, ["CallsFailed", "ConfigurationFaults"]), (outage, ["CallsFailed"])):
        assert line["_aws"]["CloudWatchMetrics"] == [
            {
                "Namespace": "Tsunagu",
                "Dimensions": [["service"], ["function_name"]],
                "Metrics": [{"Name": name, "Unit": "Count"} for name in names],
            }
        ]


def test_metrics_are_one_line_of_the_embedded_metric_format() -> None:
    stream = io.StringIO()
    metrics = Metrics("Tsunagu", "orders", FakeClock(), stream)
    metrics.count(Metric.MESSAGES_PROCESSED, 2)
    metrics.flush()
    metrics.flush()

    (line,) = stream.getvalue().splitlines()
    parsed = json.loads(line)
    assert (parsed["MessagesProcessed"], parsed["service"]) == (2, "orders")
    (directive,) = parsed["_aws"]["CloudWatchMetrics"]
    assert directive == {
        "Namespace": "Tsunagu",
        "Dimensions": [["service"]],
        "Metrics": [{"Name": "MessagesProcessed", "Unit": "Count"}],
    }


DEPENDENCY = "def read(text):\n    raise LookupError(text)\n"
LAYOUTS = {  # what lies in the zip, the module of the handler, and the module with the code that calls the dependency
    "a package": ("shop/orders/handler.py", "shop.orders.handler", "shop/orders/service.py"),
    "a package that shares code": ("shop/orders/handler.py", "shop.orders.handler", "shop/shared/service.py"),
    "the init of a package": ("shop/__init__.py", "shop", "shop/inner/service.py"),
    "no package": ("handler.py", "handler", "service.py"),
}


@pytest.fixture
def handler(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A handler that fails in a dependency that lies beside its package, below code of its own."""
    path, module, service = LAYOUTS[request.param]
    called = service.removesuffix(".py").replace("/", ".")
    sources = {
        path: f"import functools\nfrom {called} import work\n\n"
        "def process(body, message):\n    work(body['order_id'])\n"
        "partial = functools.partial(process)\n",
        service: "from dependency.reader import read\n\ndef work(text):\n\n\n    read(text)\n",
        "dependency/reader.py": DEPENDENCY,
    }
    for name, source in sources.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield import_module(module)
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.mark.parametrize("handler", LAYOUTS, indirect=True)
@pytest.mark.parametrize("function", ["process", "partial"])
def test_place_of_a_failure_is_the_innermost_in_the_own_package_of_the_handler(
    collector: Collector, handler: Any, function: str
) -> None:
    configure("orders", getattr(handler, function))

    World().receive(record(order("o-1")), process=getattr(handler, function))

    failed = next(line for line in collector.lines if line["message"] == "attempt failed")
    assert failed[LogKey.ERROR_LOCATION] == "service.py:6"
    assert LogKey.ERROR_TRACEBACK not in failed


@pytest.mark.parametrize("handler", ["a package"], indirect=True)
def test_place_of_a_failure_outside_of_own_code_is_the_innermost_of_all(collector: Collector, handler: Any) -> None:
    configure("orders", handler.process)

    World().receive(record(order("o-1")), process=lambda _body, _message: fail())

    failed = next(line for line in collector.lines if line["message"] == "attempt failed")
    assert str(failed[LogKey.ERROR_LOCATION]).startswith("test_telemetry.py:")


@pytest.mark.parametrize("handler", ["a package"], indirect=True)
def test_traceback_that_is_asked_for_has_places_and_functions_and_no_values(collector: Collector, handler: Any) -> None:
    configure("orders", handler.process, log_tracebacks=True)

    World().receive(record(order(CANARY)), process=handler.process)

    failed = next(line for line in collector.lines if line["message"] == "attempt failed")
    steps = str(failed[LogKey.ERROR_TRACEBACK]).split(" > ")
    assert steps[-3:-1] == ["shop/orders/handler.py:5 process", "shop/orders/service.py:6 work"]
    assert steps[-1].endswith("/dependency/reader.py:2 read")
    assert "canary" not in repr(collector.lines)


def test_long_traceback_is_cut_in_the_middle() -> None:
    def deeper() -> None:
        deeper()

    configure("orders", log_tracebacks=True)
    with pytest.raises(RecursionError) as caught:
        deeper()

    steps = error_fields(caught.value)[LogKey.ERROR_TRACEBACK].split(" > ")
    assert len(steps) == OUTER_FRAMES + 1 + INNER_FRAMES
    assert steps[OUTER_FRAMES].endswith(" frames")


@pytest.fixture
def configured(collector: Collector) -> Collector:
    gc.collect()  # what other tests have left is logged before
    configure("orders")
    return collector


def fail() -> None:
    raise ValueError(CANARY)


class FailingEnd:
    def __del__(self) -> None:
        fail()


def test_thread_that_an_exception_ends_is_logged_without_its_text(
    configured: Collector, capfd: pytest.CaptureFixture[str]
) -> None:
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()

    (line,) = configured.with_message("thread ended by an exception")
    assert line[LogKey.ERROR_TYPE] == "ValueError"
    assert str(line[LogKey.ERROR_LOCATION]).startswith("test_telemetry.py:")
    assert "canary" not in repr(configured.lines) + "".join(capfd.readouterr())


def test_exception_that_no_code_of_an_event_loop_takes_is_logged_without_its_text(
    configured: Collector, capfd: pytest.CaptureFixture[str]
) -> None:
    async def leave_a_task_alone() -> None:
        async def fails() -> None:
            fail()

        task = asyncio.create_task(fails())
        await asyncio.sleep(0)
        del task
        gc.collect()

    asyncio.run(leave_a_task_alone())

    (line,) = configured.with_message("exception that no code of the event loop took")
    assert line[LogKey.ERROR_TYPE] == "ValueError"
    assert str(line[LogKey.ERROR_LOCATION]).startswith("test_telemetry.py:")
    assert "canary" not in repr(configured.lines) + "".join(capfd.readouterr())


def test_exception_that_python_ignores_is_logged_without_its_text(
    configured: Collector, capfd: pytest.CaptureFixture[str]
) -> None:
    FailingEnd()
    gc.collect()

    places = [str(line[LogKey.ERROR_LOCATION]) for line in configured.with_message("exception ignored")]
    assert [place.partition(":")[0] for place in places] == ["test_telemetry.py"]
    assert "canary" not in repr(configured.lines) + "".join(capfd.readouterr())


def test_thread_that_exits_is_not_logged(configured: Collector) -> None:
    thread = threading.Thread(target=sys.exit)
    thread.start()
    thread.join()

    assert configured.with_message("thread ended by an exception") == []


SECRET = "secret-4711"
REFUSED: list[dict[str, object]] = [
    {"action": SECRET},
    {"action": "start", "payload": SECRET},
    {"action": "start", "payload": ORDER, "idempotency_key": SECRET * 100},
    {"action": "start", "payload": ORDER, "idempotency_key": [SECRET]},
    {"action": "start", "payload": ORDER, "from_step": SECRET},
    {"action": "start", "payload": {"request": SECRET, "results": SECRET}, "from_step": "ship"},
    {"action": "replay", "request_id": SECRET, "from_step": "ship"},
    {"action": "replay", "request_id": [SECRET], "from_step": "ship"},
    {"action": "replay", "request_id": REQUEST_ID, "from_step": SECRET},
    {"action": "replay", "request_id": REQUEST_ID, "from_step": "ship", "only": SECRET},
    {"action": "start", "payload": {"order_id": {SECRET}}},
    {"action": "start", "payload": {"order_id": float("nan"), "other": SECRET}},
    {"action": "start", "payload": {"order_id": SECRET * 10_000}},
]


@pytest.mark.parametrize("document", REFUSED, ids=[str(number) for number in range(len(REFUSED))])
def test_sentence_of_a_refused_start_has_no_value_of_its_caller(document: dict[str, object]) -> None:
    with pytest.raises(PermanentError) as caught:  # Lambda logs its text
        PipelineWorld().ask(**document)

    assert SECRET not in str(caught.value)
    assert "must" in str(caught.value)


class Refusing:
    @classmethod
    def from_json(cls, body: JsonObject) -> "Refusing":
        msg = f"the account {body} is blocked"
        raise InvalidMessageError(msg)


@dataclass(frozen=True)
class Checked:
    order_id: str
    account: int = 0
    prices: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.order_id == SECRET:
            msg = f"{self.order_id} is blocked"
            raise ValueError(msg)


@pytest.mark.parametrize(
    ("model", "payload", "expectation"),
    [
        (Checked, {"order_id": "o-1", "account": SECRET}, "account must be a whole number"),
        (Checked, {"order_id": "o-1", "prices": {SECRET: "1"}}, "prices[] must be a whole number"),
        (Checked, {SECRET: "o-1"}, "the message must have the fields ['account', 'order_id', 'prices']"),
        (Checked, {"order_id": SECRET}, "Checked must take the values of the message"),
        (Refusing, {"order_id": SECRET}, "its reader refused it"),
    ],
)
def test_sentence_of_a_start_that_its_model_refuses_has_no_value_of_its_caller(
    model: type[Any], payload: JsonObject, expectation: str
) -> None:
    world = PipelineWorld()
    world.check = parser(model)

    with pytest.raises(PermanentError) as caught:
        world.ask(action="start", payload=payload)

    assert str(caught.value) == f"the request must be one that the pipeline accepts: {expectation}"


@pytest.mark.parametrize("kind", ["number", "flag", "share", "some"])
def test_sentence_of_a_wrong_environment_has_no_value_of_it(kind: str) -> None:
    @dataclass(frozen=True, kw_only=True)
    class Environment(EnvironmentContract):
        number: int = 1
        flag: bool = False
        share: float = 1.0
        some: int | None = None

    with pytest.raises(EnvironmentContractError, match=rf"^{kind.upper()} must be of type ") as caught:
        Environment.from_environment({kind.upper(): SECRET})
    assert SECRET not in str(caught.value)
