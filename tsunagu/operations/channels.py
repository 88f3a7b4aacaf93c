"""Where the command sends: queues of deployed stacks, found by the stacks' outputs."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from tsunagu.operations.deployed_stacks import find_stack, stack_name

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient


class QueueKind(StrEnum):
    """Kind of a queue, as the command line names it."""

    FIFO = "fifo"
    STANDARD = "standard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service that takes messages.

    Attributes:
        stack: Its part of the stack's name.
        group_field: Field of the payload that is the message group on a FIFO queue.
    """

    stack: str
    group_field: str

    def stack_name(self, stage: str) -> str:
        """Return the name of the service's stack in `stage`."""
        return stack_name(stage, self.stack)


class ServiceName(StrEnum):
    """Services that the command knows."""

    PAYMENTS = "payments"


SERVICES = {ServiceName.PAYMENTS: Service(stack="payments", group_field="account")}
QUEUE_URL_OUTPUTS = {QueueKind.FIFO: "FifoQueueUrl", QueueKind.STANDARD: "StandardQueueUrl"}


def find_queue_url(client: "CloudFormationClient", name: str, kind: QueueKind) -> str:
    """Return the address of a deployed stack's queue.

    Raises:
        CommandError: There is no such stack, or it has no such queue.
    """
    return find_stack(client, name).output(QUEUE_URL_OUTPUTS[kind])
