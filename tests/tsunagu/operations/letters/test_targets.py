"""Each letter goes back to where it came from, against moto."""

import json
from dataclasses import replace
from typing import Any

import boto3
import pytest

from tests.tsunagu.operations.letters.samples import (
    BATCH_OF_A_STREAM,
    FUNCTION,
    GIVEN_UP,
    ORDERS,
    REFUNDS,
    TO_FUNCTION,
    TO_QUEUE,
    URL,
    envelope,
    failed_invocation,
    letter,
    opened,
    ours,
    queue,
)
from tsunagu.operations.letters.letter import DeadLetter
from tsunagu.operations.letters.places import Subscription
from tsunagu.operations.letters.targets import LetterRouter, delivered_letter, invocation_event
from tsunagu.runtime.sending.attribute import Attribute
from tsunagu.testing.fakes import FakeClock


class Functions:
    """Takes invocations as Lambda does."""

    def __init__(self, status: int = 202) -> None:
        self.invoked: list[tuple[str, str, Any]] = []
        self.status = status

    def invoke(self, *, FunctionName: str, InvocationType: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        self.invoked.append((FunctionName, InvocationType, json.loads(Payload)))
        return {"StatusCode": self.status, "ResponseMetadata": {"RequestId": "invocation-9"}}


def router(invoked: Any = None, to: str | None = None, **sources: Any) -> LetterRouter:
    return LetterRouter(
        queue(**sources),
        sqs=lambda: boto3.client("sqs"),
        functions=lambda: invoked,
        clock=FakeClock(),
        queue_url=to,
    )


@pytest.mark.parametrize(
    ("found", "sources", "target"),
    [
        (letter(attributes=ours()), {"queues": (ORDERS, REFUNDS)}, ORDERS.url),
        (letter(moved_from=REFUNDS.arn), {"queues": (ORDERS, REFUNDS)}, REFUNDS.url),
        (letter(), {"queues": (ORDERS,)}, ORDERS.url),
        (letter(envelope()), {"subscriptions": (TO_QUEUE,)}, f"{URL}/stock"),
        (letter(envelope()), {"subscriptions": (TO_FUNCTION,)}, FUNCTION),
        (letter(failed_invocation()), {}, f"{FUNCTION}:$LATEST"),
        (letter(attributes=GIVEN_UP), {"functions": ("bill",)}, "bill"),
    ],
)
def test_letter_goes_back_to_where_it_came_from(found: DeadLetter, sources: dict[str, Any], target: str) -> None:
    assert router(**sources).target_of(found) == target
    assert router(**sources).problem_of(found) == ""


EMAIL = Subscription(arn="a", topic_arn=TO_QUEUE.topic_arn, protocol="email", endpoint="a@b.example")


@pytest.mark.parametrize(
    ("found", "sources", "problem"),
    [
        (letter(), {"queues": (ORDERS, REFUNDS)}, "it does not say where it came from: give --to"),
        (letter(attributes=ours()), {"queues": (REFUNDS,)}, f"its queue {ORDERS.arn} does not end here"),
        (letter(BATCH_OF_A_STREAM), {}, "it says where a batch of a stream is"),
        (letter(envelope()), {"subscriptions": (EMAIL,)}, "a subscription of email takes no letter back"),
    ],
)
def test_letter_that_cannot_go_back_says_why(found: DeadLetter, sources: dict[str, Any], problem: str) -> None:
    (result,) = router(**sources).send([found])

    assert router(**sources).problem_of(found).startswith(problem)
    assert result.error == router(**sources).problem_of(found)
    assert router(to=f"{URL}/elsewhere", **sources).target_of(found) == f"{URL}/elsewhere"


def test_failed_invocation_is_made_again_with_its_payload() -> None:
    functions = Functions()

    (result,) = router(functions).send([letter(failed_invocation({"bill": "ä"}))])

    assert functions.invoked == [(f"{FUNCTION}:$LATEST", "Event", {"bill": "ä"})]
    assert (result.message_id, result.error) == ("invocation-9", None)


def test_function_gets_an_event_as_sns_sends_it() -> None:
    read = opened(letter(envelope()), subscriptions=(TO_FUNCTION,))

    (record,) = json.loads(invocation_event(read))["Records"]
    assert (record["EventSource"], record["EventSubscriptionArn"]) == ("aws:sns", TO_FUNCTION.arn)
    assert record["Sns"]["Message"] == '{"sale": 1}'
    assert record["Sns"]["SigningCertUrl"] == "https://sns.example/cert.pem"
    assert record["Sns"]["MessageAttributes"] == {}


def test_queue_of_a_raw_subscription_gets_message_and_attributes_without_the_envelope() -> None:
    attributes = {"n": {"Type": "Number", "Value": "7"}, "b": {"Type": "Binary", "Value": "/wA="}}
    found = letter({**envelope(), "MessageAttributes": attributes})

    raw = delivered_letter(opened(found, subscriptions=(replace(TO_QUEUE, is_raw=True),)))

    assert raw.delivery.body == '{"sale": 1}'
    assert raw.delivery.attributes == {"n": Attribute("Number", "7"), "b": Attribute("Binary", b"\xff\x00")}
    assert delivered_letter(opened(found, subscriptions=(TO_QUEUE,))) == found


def test_invocation_that_lambda_does_not_take_is_an_error() -> None:
    (result,) = router(Functions(status=500)).send([letter(failed_invocation())])

    assert result.error == "Lambda must answer 202, got 500"


def test_letters_of_several_queues_are_sent_in_order_until_one_fails(aws: None) -> None:
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="refunds")["QueueUrl"]
    refunds = REFUNDS.__class__(arn=REFUNDS.arn, url=url)
    letters = [
        letter("a", "l-1", moved_from=REFUNDS.arn),
        letter("b", "l-2", attributes=ours()),  # its queue does not exist
        letter("c", "l-3", moved_from=REFUNDS.arn),
    ]

    results = router(queues=(refunds, ORDERS)).send(letters)

    assert [result.error is None for result in results] == [True, False, False]
    (message,) = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert message["Body"] == "a"
