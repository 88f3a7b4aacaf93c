"""Delivers records of a pipe to SQS, SNS, Lambda, EventBridge and Step Functions, signed as the role of the pipe.

ministack delivers whole batches to SNS and Step Functions alone, and asks no role.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import input_templates
from .signed_sends import SendError, SignedSender

Pipe = dict[str, Any]
Record = dict[str, Any]


class DeliveryError(Exception):
    """The target did not take a record.

    Attributes:
        delivered_count: Records before it that the target took.
    """

    def __init__(self, reason: str, delivered_count: int = 0) -> None:
        super().__init__(reason)
        self.delivered_count = delivered_count


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliverer:
    """Sends what a pipe sends.

    Attributes:
        pipe: The pipe.
        sender: Sends as its role.
    """

    pipe: Pipe
    sender: SignedSender

    def deliver(self, records: list[Record]) -> None:
        """Send records to the target: one by one, or as one list to a function or a state machine.

        Raises:
            DeliveryError: The target did not take one of them.
        """
        service = self.pipe["Target"].split(":")[2]
        if service in ("lambda", "states"):
            self._try(self._send_list, [self._text(record) for record in records])
            return
        for count, record in enumerate(records):
            self._try(self._send, record, delivered_count=count)

    def send_dead_letter(self, target: str, content: Any) -> None:
        """Send the description of a batch that was given up to a queue or a topic.

        Raises:
            SendError: The target did not take it.
        """
        if target.split(":")[2] == "sns":
            self.sender.publish(target, json.dumps(content))
        else:
            self.sender.send_message(target, json.dumps(content))

    def _try(self, send: Callable[[Any], None], what: Any, *, delivered_count: int = 0) -> None:
        try:
            send(what)
        except (SendError, ValueError) as error:
            raise DeliveryError(str(error), delivered_count) from error

    def _send_list(self, texts: list[str]) -> None:
        target, content = self.pipe["Target"], f"[{','.join(texts)}]"
        if target.split(":")[2] == "states":
            self.sender.start_execution(target, content)
            return
        parameters = self.pipe["TargetParameters"].get("LambdaFunctionParameters") or {}
        waits = parameters.get("InvocationType", "REQUEST_RESPONSE") == "REQUEST_RESPONSE"
        self.sender.invoke(target, content, waits=waits)

    def _send(self, record: Record) -> None:
        target, text = self.pipe["Target"], self._text(record)
        service = target.split(":")[2]
        if service == "sqs":
            self.sender.send_message(target, text, **self._parameters("SqsQueueParameters", record))
        elif service == "sns":
            self.sender.publish(target, text)
        elif service == "events":
            defaults = {"Source": f"Pipe {self.pipe['Name']}", "DetailType": "Event from aws:dynamodb"}
            event = defaults | self._parameters("EventBridgeEventBusParameters", record)
            self.sender.put_event(target, Detail=text, **event)
        else:
            msg = f"the embedded cloud has no pipe to {service}"
            raise SendError(msg)

    def _text(self, record: Record) -> str:
        pipe = self.pipe
        reserved = {
            "aws.pipes.pipe-arn": pipe["Arn"],
            "aws.pipes.pipe-name": pipe["Name"],
            "aws.pipes.source-arn": pipe["Source"],
            "aws.pipes.target-arn": pipe["Target"],
        }
        return input_templates.fill(pipe["TargetParameters"].get("InputTemplate"), record, reserved)

    def _parameters(self, name: str, record: Record) -> dict[str, Any]:
        found = self.pipe["TargetParameters"].get(name) or {}
        return {key: input_templates.resolve(source, record) for key, source in found.items()}
