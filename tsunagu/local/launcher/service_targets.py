"""Sends what a schedule or a rule of EventBridge sends to its target, signed as the role of the target."""

from dataclasses import dataclass
from typing import Any

from .service_roles import ServiceRole
from .settings import LauncherSettings
from .signed_sends import SendError, SignedSender

Target = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSender:
    """Sends to one target.

    Attributes:
        target: The target, as the API of the service describes it.
        principal: Principal of the service, which the role must trust.
        source_arn: ARN of what the service acts for.
        region: Region of the target.
        settings: Settings of the launcher.
    """

    target: Target
    principal: str
    source_arn: str
    region: str
    settings: LauncherSettings

    def send(self, text: str) -> None:
        """Send `text` to the target.

        Raises:
            SendError: The target did not take it, or the role does not allow it.
        """
        arn = self.target["Arn"]
        service = arn.split(":")[2]
        if service == "states":
            self._sender.start_execution(arn, text)
        elif service == "sqs":
            group = (self.target.get("SqsParameters") or {}).get("MessageGroupId")
            self._sender.send_message(arn, text, **({"MessageGroupId": group} if group else {}))
        elif service == "lambda":
            self._sender.invoke(arn, text, waits=False)
        elif service == "sns":
            self._sender.publish(arn, text)
        else:
            msg = f"the embedded cloud sends nothing to {service} here"
            raise SendError(msg)

    def send_dead_letter(self, text: str, attributes: dict[str, str]) -> None:
        """Send what the target did not take to its dead-letter queue, if it has one.

        Raises:
            SendError: The queue did not take it, or the role does not allow it.
        """
        queue_arn = (self.target.get("DeadLetterConfig") or {}).get("Arn")
        if queue_arn:
            described = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
            self._sender.send_message(queue_arn, text, MessageAttributes=described)

    @property
    def _sender(self) -> SignedSender:
        role = ServiceRole(
            arn=self.target["RoleArn"],
            service=self.principal,
            source_arn=self.source_arn,
            enforced=self.settings.enforce_iam,
        )
        session_name = self.principal.partition(".")[0]
        return SignedSender(
            role=role, session_name=session_name, region=self.region, endpoint_url=self.settings.endpoint_url
        )
