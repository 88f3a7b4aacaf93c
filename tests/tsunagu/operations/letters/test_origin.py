"""What sent a letter, why it is there and what its payload is, by what AWS's services write."""

import json
from typing import Any

import pytest

from tests.tsunagu.operations.letters.samples import (
    BATCH_OF_A_STREAM,
    FUNCTION,
    GIVEN_UP,
    ORDERS,
    REFUNDS,
    TO_FUNCTION,
    TO_QUEUE,
    envelope,
    failed_invocation,
    letter,
    opened,
    ours,
)
from tsunagu.operations.letters.letter import DeadLetter
from tsunagu.operations.letters.origin import LetterOrigin


@pytest.mark.parametrize(
    ("found", "sources", "origin", "reason", "payload"),
    [
        (letter("{}", attributes=ours()), {"queues": (ORDERS,)}, "queue", "it is broken", "{}"),
        (letter("{}", moved_from=ORDERS.arn), {"queues": (ORDERS,)}, "queue", "SQS moved it after 3 deliveries", "{}"),
        (letter("{}"), {"queues": (ORDERS,)}, "queue", "SQS moved it after 3 deliveries", "{}"),
        (letter("{}"), {"queues": (ORDERS, REFUNDS)}, "queue", "SQS moved it after its deliveries", "{}"),
        (
            letter(envelope()),
            {"subscriptions": (TO_QUEUE,)},
            "subscription",
            "SNS could not deliver it to stock",
            '{"sale": 1}',
        ),
        (
            letter('{"sale": 1}'),
            {"subscriptions": (TO_QUEUE,)},
            "subscription",
            "SNS could not deliver it to stock",
            '{"sale": 1}',
        ),
        (
            letter(envelope(), moved_from=ORDERS.arn),
            {"queues": (ORDERS,), "subscriptions": (TO_QUEUE,)},
            "queue",
            "SQS moved it after 3 deliveries",
            json.dumps(envelope()),
        ),
        (
            letter(failed_invocation()),
            {},
            "destination",
            "RetriesExhausted: ValueError: no such bill",
            '{"bill":7}',
        ),
        (
            letter({"bill": 7}, attributes=GIVEN_UP),
            {"functions": ("bill",)},
            "function",
            "Lambda gave it up: 200 no such bill",
            '{"bill": 7}',
        ),
        (letter(BATCH_OF_A_STREAM), {}, "stream", "RetryAttemptsExhausted", json.dumps(BATCH_OF_A_STREAM)),
        (
            letter("{}", attributes={"ERROR_CODE": "NO_PERMISSIONS", "ERROR_MESSAGE": "denied"}),
            {"others": ("schedule tick",)},
            "other",
            "NO_PERMISSIONS: denied",
            "{}",
        ),
        (letter("{}"), {}, "other", "not known: it does not say what sent it", "{}"),
    ],
    ids=[
        "of a receiver",
        "moved by SQS",
        "moved by an SQS that does not say it",
        "of one of two queues",
        "of a subscription",
        "of a raw subscription",
        "of a queue whose messages are in envelopes",
        "of a destination",
        "of a function",
        "of a stream",
        "of a schedule",
        "of nothing known",
    ],
)
def test_letter_says_what_sent_it_and_why(
    found: DeadLetter, sources: dict[str, Any], origin: str, reason: str, payload: str
) -> None:
    read = opened(found, **sources)

    assert (read.origin, read.reason, read.payload) == (LetterOrigin(origin), reason, payload)


def test_envelope_tells_two_subscriptions_of_one_dead_letter_queue_apart() -> None:
    other = f"{TO_QUEUE.topic_arn}-of-others"

    assert opened(letter(envelope()), subscriptions=(TO_QUEUE,)).subscription == TO_QUEUE
    assert opened(letter(envelope(topic_arn=other)), subscriptions=(TO_QUEUE,)).subscription is None
    assert opened(letter(envelope()), subscriptions=(TO_QUEUE, TO_FUNCTION)).subscription is None


def test_request_id_of_a_letter_is_the_one_that_the_log_of_its_consumer_has() -> None:
    without = {name: value for name, value in ours().items() if name != "tsunagu_request_id"}

    assert opened(letter(attributes=ours())).request_id == "request-1"
    assert opened(letter(attributes=without)).request_id == "before-1"
    assert opened(letter()).request_id == "letter-1"


def test_letter_is_known_by_each_id_that_it_had() -> None:
    assert opened(letter(attributes=ours())).ids == {"letter-1", "before-1"}
    assert opened(letter(failed_invocation())).ids == {"letter-1", "invocation-1"}
    assert opened(letter(attributes=GIVEN_UP), functions=(FUNCTION,)).ids == {"letter-1", "invocation-2"}


@pytest.mark.parametrize(
    "body", ["", "no json", "[1]", "null", '{"requestContext": 1}', '{"Type": "Notification"}', "[" * 5_000]
)
def test_body_of_any_form_is_a_letter(body: str) -> None:
    read = opened(letter(body), queues=(ORDERS,), subscriptions=(TO_QUEUE,))

    assert read.origin is LetterOrigin.QUEUE
    assert read.payload == body


@pytest.mark.parametrize(("value", "count"), [(None, 0), ("true", 1), ("1", 1), ("12", 12), ("-3", 1)])
def test_number_of_redrives_is_read_from_letters_of_any_release(value: str | None, count: int) -> None:
    attributes = {"tsunagu_redriven": value} if value is not None else {}

    assert letter(attributes=attributes).redriven_count == count
