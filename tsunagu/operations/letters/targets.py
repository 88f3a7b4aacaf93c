"""Sends dead letters back to where they came from: to a queue, or as an asynchronous invocation of a function."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from tsunagu.operations.letters.letter import DeadLetter
from tsunagu.operations.letters.origin import LetterOrigin, OpenedLetter
from tsunagu.operations.letters.places import LetterQueue, Subscription
from tsunagu.operations.redrive import redriven_message
from tsunagu.runtime.aws.sdk_errors import error_code
from tsunagu.runtime.aws.sqs import SqsQueueSender
from tsunagu.runtime.clock import Clock
from tsunagu.runtime.sending.attribute import Attribute
from tsunagu.runtime.sending.publish import QueueSender, SendResult

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sqs import SQSClient

ACCEPTED = 202
_QUEUE_ARN_PARTS = 6
# An event has these names otherwise than the envelope: https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
_EVENT_NAMES = {"SigningCertURL": "SigningCertUrl", "UnsubscribeURL": "UnsubscribeUrl"}


class LetterRouter:
    """Sends each letter of a dead-letter queue back to where it came from; see `LetterTarget`.

    Args:
        queue: The dead-letter queue, and what sends letters to it.
        sqs: Gives the SQS client.
        functions: Gives the Lambda client.
        clock: Waits between retries.
        queue_url: Queue that all letters go to instead. Default: each goes back to its own.
    """

    def __init__(
        self,
        queue: LetterQueue,
        *,
        sqs: "Callable[[], SQSClient]",
        functions: "Callable[[], LambdaClient]",
        clock: Clock,
        queue_url: str | None = None,
    ) -> None:
        self._queue = queue
        self._sqs = sqs
        self._functions = functions
        self._clock = clock
        self._queue_url = queue_url
        self._senders: dict[str, QueueSender] = {}

    def send(self, letters: Sequence[DeadLetter]) -> list[SendResult]:
        """Send `letters` in order. Return the results in the same order; no failure is raised.

        After a letter that was not sent, those behind it are not sent either.
        """
        results: list[SendResult] = []
        for part in self._parts(letters):
            if results and results[-1].error is not None:
                results += [SendResult(None, "not sent: a letter before it was not")] * len(part)
            else:
                results += self._send(part)
        return results

    def target_of(self, letter: DeadLetter) -> str:
        """Return the URL of the queue, or the function, that a letter goes back to; empty: not known."""
        if self._queue_url is not None:
            return self._queue_url
        opened = OpenedLetter(letter, self._queue)
        match opened.origin:
            case LetterOrigin.QUEUE:
                return opened.source_queue.url if opened.source_queue is not None else ""
            case LetterOrigin.SUBSCRIPTION:
                return self._endpoint(opened.subscription)
            case LetterOrigin.DESTINATION | LetterOrigin.FUNCTION:
                return opened.function_arn
        return ""

    def problem_of(self, letter: DeadLetter) -> str:
        """Return why a letter cannot go back; empty when it can."""
        if self.target_of(letter):
            return ""
        opened = OpenedLetter(letter, self._queue)
        if opened.origin is LetterOrigin.STREAM:
            return "it says where a batch of a stream is, and holds no records: let the function read the stream again"
        if opened.origin is LetterOrigin.SUBSCRIPTION and opened.subscription is not None:
            return f"a subscription of {opened.subscription.protocol} takes no letter back"
        where = opened.letter.source_queue_arn
        return f"its queue {where} does not end here" if where else "it does not say where it came from: give --to"

    def _parts(self, letters: Sequence[DeadLetter]) -> list[list[DeadLetter]]:
        """Cut letters into runs with one target each."""
        parts: list[list[DeadLetter]] = []
        for letter in letters:
            if parts and self.target_of(parts[-1][0]) == self.target_of(letter):
                parts[-1].append(letter)
            else:
                parts.append([letter])
        return parts

    def _send(self, letters: Sequence[DeadLetter]) -> list[SendResult]:
        target = self.target_of(letters[0])
        if not target:
            return [SendResult(None, self.problem_of(letter), is_permanent=True) for letter in letters]
        if not target.startswith("http"):
            return [self._invoke(target, letter) for letter in letters]
        sender = self._senders.setdefault(target, SqsQueueSender(self._sqs, target, self._clock))
        return sender.send([redriven_message(delivered_letter(OpenedLetter(each, self._queue))) for each in letters])

    def _endpoint(self, subscription: Subscription | None) -> str:
        if subscription is None:
            return ""
        if subscription.protocol == "lambda":
            return subscription.endpoint
        return self._queue_url_of(subscription.endpoint) if subscription.protocol == "sqs" else ""

    def _queue_url_of(self, queue_arn: str) -> str:
        """Return the URL of a queue, made from that of the dead-letter queue: both are in one account and region."""
        known = next((queue.url for queue in self._queue.queues if queue.arn == queue_arn), None)
        parts = queue_arn.split(":")
        if known is not None or len(parts) != _QUEUE_ARN_PARTS:
            return known or ""
        here = self._queue.url.rsplit("/", 2)
        return f"{here[0]}/{parts[4]}/{parts[5]}"

    def _invoke(self, function_name: str, letter: DeadLetter) -> SendResult:
        event = invocation_event(OpenedLetter(letter, self._queue))
        try:
            answer = self._functions().invoke(
                FunctionName=function_name, InvocationType="Event", Payload=event.encode()
            )
        except (ClientError, BotoCoreError) as error:
            return SendResult(None, f"{error_code(error)}: {error}")
        if answer["StatusCode"] != ACCEPTED:
            return SendResult(None, f"Lambda must answer {ACCEPTED}, got {answer['StatusCode']}")
        return SendResult(answer["ResponseMetadata"]["RequestId"])


def delivered_letter(opened: OpenedLetter) -> DeadLetter:
    """Return a letter as its queue would have got it: of a raw subscription, without SNS's envelope."""
    letter, subscription = opened.letter, opened.subscription
    if opened.origin is not LetterOrigin.SUBSCRIPTION or subscription is None or not subscription.is_raw:
        return letter
    if opened.payload == letter.delivery.body:
        return letter
    found = json.loads(letter.delivery.body).get("MessageAttributes", {})
    attributes = {**letter.delivery.attributes, **{name: _attribute(each) for name, each in found.items()}}
    return replace(letter, delivery=replace(letter.delivery, body=opened.payload, attributes=attributes))


def _attribute(found: Mapping[str, str]) -> Attribute:
    is_binary = found["Type"].startswith("Binary")
    return Attribute(found["Type"], base64.b64decode(found["Value"]) if is_binary else found["Value"])


def invocation_event(opened: OpenedLetter) -> str:
    """Return the event of the invocation that failed, as JSON text."""
    if opened.origin is LetterOrigin.SUBSCRIPTION and opened.subscription is not None:
        return json.dumps(_sns_event(opened, opened.subscription), ensure_ascii=False)
    return opened.payload


def _sns_event(opened: OpenedLetter, subscription: Subscription) -> dict[str, Any]:
    """Return the event with which SNS invokes a function: the envelope, with two of its names in another form."""
    envelope = json.loads(opened.letter.delivery.body)
    notification = {_EVENT_NAMES.get(name, name): value for name, value in envelope.items()}
    record = {
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription.arn,
        "Sns": {"Subject": None, "MessageAttributes": {}, **notification},
    }
    return {"Records": [record]}
