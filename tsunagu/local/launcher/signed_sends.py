"""Sends messages, events and invocations to resources of the account, signed as the role of a service."""

import json
import urllib.parse
from dataclasses import dataclass
from typing import Any

from .integration_mappings import ServiceAnswer, ServiceRequest
from .service_calls import FUNCTION_ERROR, ServiceEndpoint
from .service_roles import RoleDeniedError, ServiceRole

FAILED = 400
FORM = "application/x-www-form-urlencoded"
TIMEOUT_SECONDS = 300.0  # longest that a service waits for what it sends to


class SendError(Exception):
    """The resource did not take what was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedSender:
    """Sends as one role. Each method raises `SendError` when the call fails or is denied.

    Attributes:
        role: Role whose permissions count.
        session_name: Name of its session.
        region: Region of the resources.
        endpoint_url: Address of the emulator.
    """

    role: ServiceRole
    session_name: str
    region: str
    endpoint_url: str

    def send_message(self, queue_arn: str, body: str, **parameters: Any) -> None:
        """Send a message to a queue, with more parameters of SendMessage."""
        account, name = queue_arn.split(":")[4:6]
        url = f"{self.endpoint_url}/{account}/{name}"
        self._act("sqs", "SendMessage", {"QueueUrl": url, "MessageBody": body, **parameters})

    def publish(self, topic_arn: str, message: str) -> None:
        """Publish a message to a topic."""
        parameters = {"Action": "Publish", "Version": "2010-03-31", "TopicArn": topic_arn, "Message": message}
        form = urllib.parse.urlencode(parameters)
        self._ask(self._endpoint("sns"), ServiceRequest(body=form, header={"Content-Type": FORM}))

    def put_event(self, bus_arn: str, **entry: Any) -> None:
        """Put an event on a bus: `Source`, `DetailType`, `Detail` and others of PutEvents."""
        answer = json.loads(self._act("events", "PutEvents", {"Entries": [{"EventBusName": bus_arn, **entry}]}).body)
        if answer.get("FailedEntryCount"):
            raise SendError(str(answer["Entries"]))

    def start_execution(self, state_machine_arn: str, text: str) -> None:
        """Start an execution with an input."""
        self._act("states", "StartExecution", {"stateMachineArn": state_machine_arn, "input": text})

    def invoke(self, function_arn: str, payload: str, *, waits: bool) -> None:
        """Invoke a function; with `waits`, its failure is an error."""
        header = {"X-Amz-Invocation-Type": "RequestResponse" if waits else "Event"}
        endpoint = self._endpoint("lambda", path=f"2015-03-31/functions/{function_arn}/invocations")
        answer = self._ask(endpoint, ServiceRequest(body=payload, header=header))
        if FUNCTION_ERROR in answer.headers:
            raise SendError(answer.failure or "the function failed")

    def _act(self, service: str, action: str, content: dict[str, Any]) -> ServiceAnswer:
        return self._ask(self._endpoint(service, action=action), ServiceRequest(body=json.dumps(content)))

    def _endpoint(self, service: str, *, action: str = "", path: str = "") -> ServiceEndpoint:
        return ServiceEndpoint(
            url=self.endpoint_url, region=self.region, service=service, method="POST", action=action, path=path
        )

    def _ask(self, endpoint: ServiceEndpoint, request: ServiceRequest) -> ServiceAnswer:
        try:
            answer = endpoint.call(request, self.role.credentials(self.session_name), TIMEOUT_SECONDS)
        except (OSError, RoleDeniedError) as error:
            raise SendError(str(error)) from error
        if answer.status >= FAILED:
            raise SendError(answer.text)
        return answer
