"""Traces: one id follows a request through every hop, in its messages, its records and its log lines."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.tsunagu.runtime.pipeline.world import ORDER, PipelineWorld
from tests.tsunagu.runtime.requests.test_states import fails
from tests.tsunagu.runtime.requests.world import RequestWorld, delivered, event_of
from tests.tsunagu.runtime.single_flight.world import JobWorld
from tests.tsunagu.runtime.web.test_requests import Desk
from tests.tsunagu.runtime.world import World, order, record
from tsunagu.contracts.messages import ATTRIBUTES_PER_MESSAGE
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.receiving.delivery import Delivery
from tsunagu.runtime.receiving.message import Message
from tsunagu.runtime.sending.outbox import Outbox
from tsunagu.runtime.single_flight.run import Continue, Run
from tsunagu.runtime.telemetry import AllowListFilter, in_hand
from tsunagu.runtime.tracing import header_of_traceparent, traceparent, xray_header
from tsunagu.testing.requests import accepted

ROOT = "1-5759e988-bd862e3fe1be46a994272793"
HEADER = f"Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1"
OTHER = "Root=1-67891233-abcdef012345678912345678;Parent=463ac35c9f6413ad;Sampled=0"
PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
PARENT_HEADER = "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1"
NEXT = "https://sqs.eu-central-1.amazonaws.com/1/next"
TOPIC = "arn:aws:sns:eu-central-1:111122223333:next"

InLambda = Callable[[str], None]


@pytest.fixture(autouse=True)
def outside_lambda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("_X_AMZN_TRACE_ID", raising=False)


@pytest.fixture
def in_lambda(monkeypatch: pytest.MonkeyPatch) -> InLambda:
    return lambda header: monkeypatch.setenv("_X_AMZN_TRACE_ID", header)


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.close()


def traced(header: str | None = HEADER, **attributes: str) -> dict[str, Any]:
    """Return the record of an order, with an X-Ray header as SQS hands it over."""
    made = record(order("o-1"), attributes=attributes)
    if header is not None:
        made["attributes"]["AWSTraceHeader"] = header
    return made


def sends_on(body: JsonObject, message: Message) -> None:
    message.outbox.send(NEXT, body["order_id"])
    message.outbox.publish(TOPIC, body["order_id"])


def headers_sent(world: Any) -> list[str | None]:
    return [sent.outbox_message.trace_header for sent in world.outbox.sent]


def test_messages_of_an_outbox_are_in_the_trace_of_their_message() -> None:
    world = World()
    world.receive(traced(), process=sends_on)

    assert headers_sent(world) == [HEADER, HEADER]


def test_dead_letter_is_in_the_trace_of_its_message() -> None:
    world = World()
    world.receive({**traced(traceparent=PARENT), "body": "no json"})

    (letter,) = world.dead_letter_queue.sent
    assert (letter.trace_header, getattr(letter.attributes["traceparent"], "value", None)) == (HEADER, PARENT)


def test_message_without_a_trace_is_in_that_of_the_invocation(in_lambda: InLambda) -> None:
    in_lambda(OTHER)
    world = World()
    world.receive(traced(None), process=sends_on)

    assert headers_sent(world) == [OTHER, OTHER]


def test_invocation_does_not_replace_the_trace_of_a_message(in_lambda: InLambda) -> None:
    in_lambda(OTHER)
    world = World()
    world.receive(traced(), process=sends_on)

    assert headers_sent(world) == [HEADER, HEADER]


def test_trace_of_the_request_goes_before_that_of_the_publisher() -> None:
    delivery = Delivery.from_record(traced(OTHER, tsunagu_trace_context=HEADER))

    assert delivery.trace_header == HEADER


@pytest.mark.parametrize("hostile", ["", "Root=1-2-3", "x" * 600, f"{HEADER}\n", "Root=" + "1" * 600])
def test_malformed_context_is_no_trace_because_sqs_would_refuse_it(hostile: str) -> None:
    assert Delivery.from_record(traced(None, tsunagu_trace_context=hostile)).trace_header is None
    assert Delivery.from_record(traced(OTHER, tsunagu_trace_context=hostile)).trace_header == OTHER


def test_traceparent_of_a_producer_is_carried_on_and_is_a_trace_of_xray_too() -> None:
    world = World()
    world.receive(traced(None, traceparent=PARENT), process=sends_on)

    assert headers_sent(world) == [PARENT_HEADER, PARENT_HEADER]
    assert [sent.outbox_message.attributes["traceparent"] for sent in world.outbox.sent] == [PARENT, PARENT]


@pytest.mark.parametrize("malformed", ["", "00", PARENT.upper(), f"ff{PARENT[2:]}", f"00-{'0' * 32}-{'1' * 16}-01"])
def test_malformed_traceparent_is_not_carried_on(malformed: str) -> None:
    world = World()
    world.receive(traced(None, traceparent=malformed), process=sends_on)

    assert headers_sent(world) == [None, None]
    assert all("traceparent" not in sent.outbox_message.attributes for sent in world.outbox.sent)


def test_traceparent_yields_to_the_attributes_of_the_handler() -> None:
    outbox = Outbox("r-1", traceparent=PARENT)
    full = {f"a{number}": "1" for number in range(ATTRIBUTES_PER_MESSAGE - 1)}
    outbox.send(NEXT, "b", attributes=full)
    outbox.send(NEXT, "b", attributes={"traceparent": "mine"})

    one, two = outbox.seal()
    assert one.attributes.keys() == {*full, "tsunagu_request_id"}
    assert two.attributes["traceparent"] == "mine"


def test_task_has_no_attributes_for_a_trace() -> None:
    outbox = Outbox("r-1", HEADER, traceparent=PARENT)
    outbox.succeed_task("token", None)

    assert outbox.seal()[0].attributes == {}


def test_every_message_of_a_pipeline_has_the_trace_of_its_start() -> None:
    world = PipelineWorld()
    document = {"action": "start", "payload": ORDER}
    world.starter().answer(document, deadline_ms=world.clock.ms + 10_000, trace_context=HEADER)
    world.settle()

    sent = [each.outbox_message for each in world.topics.published]
    assert [each.attributes["tsunagu_trace_context"] for each in sent] == [HEADER] * 3
    assert [each.trace_header for each in sent] == [HEADER] * 3


def test_worker_of_a_request_has_the_trace_of_its_http_request() -> None:
    world = RequestWorld()
    item_id = world.accept(trace_header=HEADER)
    world.receive(delivered(item_id))

    assert headers_sent(world) == [HEADER]  # its completion


def test_dead_letter_of_a_request_has_the_trace_of_its_http_request() -> None:
    world = RequestWorld()
    item_id = world.accept(trace_header=HEADER)
    for _ in range(3):
        world.receive(delivered(item_id), function=fails)

    assert [letter.trace_header for letter in world.dead_letter_queue.sent] == [HEADER]


def test_event_of_the_gateway_brings_the_trace_into_record_and_work() -> None:
    world = RequestWorld()
    request = accepted('{"month": "2026-10"}')
    world.receive_event(event_of(request, trace=HEADER))

    assert world.store.record(request.item.id).trace_header == HEADER
    assert headers_sent(world) == [HEADER]


@pytest.mark.parametrize("trace", [None, "", 7, "no header"])
def test_event_without_a_trace_is_worked_on_all_the_same(trace: object) -> None:
    world = RequestWorld()
    world.receive_event(event_of(accepted('{"month": "2026-10"}'), trace=trace))

    assert (world.runs, headers_sent(world)) == (["r-1"], [None])


def test_kept_traceparent_of_a_caller_is_that_of_the_work() -> None:
    world = RequestWorld()
    item_id = world.accept(headers={"traceparent": PARENT})
    world.receive(delivered(item_id))

    (completion,) = world.outbox.sent
    assert completion.outbox_message.trace_header == PARENT_HEADER
    assert completion.outbox_message.attributes["traceparent"] == PARENT


def test_next_slice_of_a_job_is_in_the_trace_in_which_the_worker_began(in_lambda: InLambda) -> None:
    in_lambda(HEADER)
    world = JobWorld()

    def begins(run: Run) -> None:
        raise Continue({"done": run.slice})

    world.receive(function=begins)

    assert [sent.outbox_message.trace_header for sent in world.sent()] == [HEADER]


def test_messages_of_an_http_request_have_its_trace(desk: Desk) -> None:
    desk.create(headers={"x-amzn-trace-id": HEADER, "traceparent": PARENT})

    (sent,) = desk.outbox.sent
    assert (sent.outbox_message.trace_header, sent.outbox_message.attributes["traceparent"]) == (HEADER, PARENT)


def test_hostile_header_of_an_http_request_is_not_sent_on(desk: Desk, in_lambda: InLambda) -> None:
    in_lambda(OTHER)
    desk.create(headers={"x-amzn-trace-id": "Root=; drop", "traceparent": "00-" + "0" * 32})

    (sent,) = desk.outbox.sent
    assert (sent.outbox_message.trace_header, {*sent.outbox_message.attributes}) == (OTHER, {"tsunagu_request_id"})


def test_swept_messages_of_an_http_request_have_its_trace(desk: Desk) -> None:
    desk.outbox.broken = True
    desk.create(headers={"x-amzn-trace-id": HEADER})
    desk.outbox.broken = False
    desk.sweep_for(2)

    assert headers_sent(desk) == [HEADER]


def logged(fields: dict[str, str]) -> logging.LogRecord:
    line = logging.makeLogRecord({"msg": "m"})
    with in_hand(fields):
        AllowListFilter("orders").filter(line)
    return line


def test_log_line_has_both_ids_of_the_trace_of_its_message() -> None:
    line = logged(Delivery.from_record(traced(traceparent=PARENT)).log_fields("i"))

    assert vars(line)["xray_trace_id"] == ROOT
    assert vars(line)["trace_id"] == PARENT.split("-")[1]


def test_log_line_without_a_message_has_the_trace_of_the_invocation(in_lambda: InLambda) -> None:
    in_lambda(HEADER)

    assert vars(logged({}))["xray_trace_id"] == ROOT
    assert vars(logged({"xray_trace_id": "another"}))["xray_trace_id"] == "another"


@given(st.text(max_size=600))
@example(f"{HEADER};Lineage=1:a87bd80c:0|2:b")
@example(f"Self=1-67891234-12456789abcdef012345678;{HEADER}")
def test_header_is_taken_as_it_is_or_not_at_all(text: str) -> None:
    assert xray_header(text) in {None, text.replace(" ", "")}
    assert xray_header(f"{HEADER};Lineage=1:a87bd80c:0|2:b") is not None


@given(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.integers(0, 255))
def test_every_traceparent_is_a_header_that_sqs_accepts(trace_id: int, parent: int, flags: int) -> None:
    made = f"00-{trace_id:032x}-{parent:016x}-{flags:02x}"
    header = header_of_traceparent(made)

    assert traceparent(made) == made
    assert header is not None
    assert xray_header(header) == header
    assert header.endswith(f"Sampled={flags % 2}")


def test_stored_outbox_keeps_the_trace() -> None:
    world = World()
    world.outbox.broken = True
    world.receive(traced(traceparent=PARENT), process=sends_on)

    (item,) = world.store.items.values()
    kept = json.loads(item.outbox)
    assert [each["trace_header"] for each in kept] == [HEADER, HEADER]
