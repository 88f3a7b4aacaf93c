"""Finds the queues that a deployed stack offers to senders, by the outputs of the stack."""

import re
from dataclasses import dataclass

from tsunagu.contracts.messages import is_fifo
from tsunagu.errors import NotFoundError
from tsunagu.operations.deployed_stacks import DeployedStack

QUEUE_URL = "QueueUrl"
DEAD_LETTER_QUEUE_URL = "DeadLetterQueueUrl"
_NEXT_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A queue that a stack names in an output `<Name>QueueUrl`.

    Attributes:
        name: Name as the command line has it: `OrderEventsQueueUrl` is `order-events`.
        queue_url: The queue.
    """

    name: str
    queue_url: str

    @property
    def is_fifo(self) -> bool:
        """Whether it is a FIFO queue. SQS says so in the URL."""
        return is_fifo(self.queue_url)


def channels_of(stack: DeployedStack) -> list[Channel]:
    """Return the queues that a stack offers to senders, sorted by name. Dead-letter queues are left out."""
    names = {
        output: output.removesuffix(QUEUE_URL)
        for output in stack.outputs
        if output.endswith(QUEUE_URL) and not output.endswith(DEAD_LETTER_QUEUE_URL)
    }
    channels = [
        Channel(name=_NEXT_WORD.sub("-", name).lower(), queue_url=stack.outputs[output])
        for output, name in names.items()
        if name
    ]
    return sorted(channels, key=lambda channel: channel.name)


def find_channel(stack: DeployedStack, name: str) -> Channel:
    """Return a queue of a stack.

    Args:
        stack: The stack.
        name: `fifo` for the output `FifoQueueUrl`, `order-events` or `OrderEvents` for `OrderEventsQueueUrl`.

    Raises:
        NotFoundError: The stack has no such queue; the message lists those that it has.
    """
    channels = channels_of(stack)
    for channel in channels:
        if _letters(channel.name) == _letters(name):
            return channel
    names = ", ".join(channel.name for channel in channels) or "none"
    msg = f"the stack {stack.name} must have the queue {name}, got {names}"
    raise NotFoundError(msg)


def _letters(name: str) -> str:
    return name.replace("-", "").replace("_", "").lower()
