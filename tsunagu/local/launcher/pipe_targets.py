"""Delivers records of a pipe to SQS, SNS, Lambda, EventBridge and Step Functions, signed as the role of the pipe.

ministack delivers whole batches to SNS and Step Functions alone, and asks no role.
"""

import json
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import input_templates
from .integration_mappings import ServiceAnswer, ServiceRequest
from .service_calls import FUNCTION_ERROR, ServiceEndpoint
from .service_roles import ServiceRole

Pipe = dict[str, Any]
Record = dict[str, Any]

FAILED = 400
TIMEOUT_SECONDS = 300.0  # longest that a pipe waits for its target
FORM = "application/x-www-form-urlencoded"


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
        role: Its role.
        endpoint_url: Address of the emulator.
    """

    pipe: Pipe
    role: ServiceRole
    endpoint_url: str

    def deliver(self, records: list[Record]) -> None:
        """Send records to the target: one by one, or as one list to a function or a state machine.

        Raises:
            DeliveryError: The target did not take one of them.
            RoleDeniedError: The role does not trust the service.
        """
        target: str = self.pipe["Target"]
        service = target.split(":")[2]
        sends: dict[str, Callable[[str, Record], None]] = {
            "events": self._put_event,
            "sns": self._publish,
            "sqs": self._send_to_target,
        }
        texts = [self._text(record) for record in records]
        if service in sends:
            for count, (text, record) in enumerate(zip(texts, records, strict=True)):
                self._count(count, sends[service], text, record)
        elif service == "lambda":
            self._invoke(texts)
        elif service == "states":
            self._call("states", "StartExecution", {"stateMachineArn": target, "input": f"[{','.join(texts)}]"})
        else:
            msg = f"the embedded cloud has no pipe to {service}"
            raise DeliveryError(msg)

    def send_dead_letter(self, target: str, content: Any) -> None:
        """Send the description of a batch that was given up to a queue or a topic.

        Raises:
            DeliveryError: The target did not take it.
        """
        if target.split(":")[2] == "sns":
            self._publish_to(target, json.dumps(content))
        else:
            self._send(target, json.dumps(content), {})

    def _count(self, count: int, send: Callable[[str, Record], None], text: str, record: Record) -> None:
        try:
            send(text, record)
        except (DeliveryError, ValueError) as error:
            raise DeliveryError(str(error), count) from error

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

    def _send_to_target(self, text: str, record: Record) -> None:
        self._send(self.pipe["Target"], text, self._parameters("SqsQueueParameters", record))

    def _send(self, queue_arn: str, text: str, parameters: dict[str, Any]) -> None:
        account, name = queue_arn.split(":")[4:6]
        url = f"{self.endpoint_url}/{account}/{name}"
        self._call("sqs", "SendMessage", {"QueueUrl": url, "MessageBody": text, **parameters})

    def _publish(self, text: str, _record: Record) -> None:
        self._publish_to(self.pipe["Target"], text)

    def _publish_to(self, topic_arn: str, text: str) -> None:
        form = urllib.parse.urlencode(
            {"Action": "Publish", "Version": "2010-03-31", "TopicArn": topic_arn, "Message": text}
        )
        self._ask(self._endpoint("sns"), ServiceRequest(body=form, header={"Content-Type": FORM}))

    def _put_event(self, text: str, record: Record) -> None:
        event = {"Source": f"Pipe {self.pipe['Name']}", "DetailType": "Event from aws:dynamodb"}
        event |= self._parameters("EventBridgeEventBusParameters", record)
        entry = event | {"Detail": text, "EventBusName": self.pipe["Target"]}
        answer = json.loads(self._call("events", "PutEvents", {"Entries": [entry]}).body)
        if answer.get("FailedEntryCount"):
            raise DeliveryError(str(answer["Entries"]))

    def _invoke(self, texts: list[str]) -> None:
        parameters = self.pipe["TargetParameters"].get("LambdaFunctionParameters") or {}
        waits = parameters.get("InvocationType", "REQUEST_RESPONSE") == "REQUEST_RESPONSE"
        header = {"X-Amz-Invocation-Type": "RequestResponse" if waits else "Event"}
        endpoint = self._endpoint("lambda", path=f"2015-03-31/functions/{self.pipe['Target']}/invocations")
        answer = self._ask(endpoint, ServiceRequest(body=f"[{','.join(texts)}]", header=header))
        if FUNCTION_ERROR in answer.headers:
            raise DeliveryError(answer.failure or "the function failed")

    def _call(self, service: str, action: str, content: dict[str, Any]) -> ServiceAnswer:
        return self._ask(self._endpoint(service, action=action), ServiceRequest(body=json.dumps(content)))

    def _endpoint(self, service: str, *, action: str = "", path: str = "") -> ServiceEndpoint:
        region = self.pipe["Arn"].split(":")[3]
        return ServiceEndpoint(
            url=self.endpoint_url, region=region, service=service, method="POST", action=action, path=path
        )

    def _ask(self, endpoint: ServiceEndpoint, request: ServiceRequest) -> ServiceAnswer:
        try:
            answer = endpoint.call(request, self.role.credentials(self.pipe["Name"]), TIMEOUT_SECONDS)
        except OSError as error:
            raise DeliveryError(str(error)) from error
        if answer.status >= FAILED:
            raise DeliveryError(answer.text)
        return answer
