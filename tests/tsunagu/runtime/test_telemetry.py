"""Telemetry: log lines have the ids of the message in hand and nothing of its body; metrics are one EMF line."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from tests.tsunagu.runtime.pipeline.world import ORDER, PipelineWorld
from tests.tsunagu.runtime.world import FakeClock, FakeContext, World, order, record
from tsunagu.contracts.telemetry import LogKey, Metric
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.receiving.delivery import Delivery
from tsunagu.runtime.receiving.message import Message
from tsunagu.runtime.telemetry import AllowListFilter, Metrics, in_hand

CANARY = "canary-4711\nforged line"


class Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[dict[str, object]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append({**vars(record), "message": record.getMessage()})


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
