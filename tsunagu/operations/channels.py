"""Finds the queues that a deployed stack offers to senders."""

import re
from dataclasses import dataclass

from tsunagu.contracts.flows import letters_of
from tsunagu.contracts.messages import is_fifo
from tsunagu.operations.deployed_queues import DeployedQueue, read_queues
from tsunagu.operations.deployed_stacks import DeployedStack
from tsunagu.operations.inventory import StackInventory
from tsunagu.operations.reader import Reader
from tsunagu.operations.scope import StackScope, find_named

QUEUE_URL = "QueueUrl"
DEAD_LETTER_QUEUE_URL = "DeadLetterQueueUrl"
_NEXT_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A queue to which messages can be sent.

    Attributes:
        name: What operators call it: `Fifo` for the `QueueChannel` `FifoChannel`.
        queue_url: The queue.
        stack_name: Its stack.
        aliases: Other names: those of its receiver, its ids, and of the output `<Name>QueueUrl` of its stack.
        log_group: Log group of the function that consumes it; "" where none is known.
    """

    name: str
    queue_url: str
    stack_name: str = ""
    aliases: frozenset[str] = frozenset()
    log_group: str = ""

    @property
    def is_fifo(self) -> bool:
        """Whether it is a FIFO queue. SQS says so in the URL."""
        return is_fifo(self.queue_url)

    def is_named(self, name: str) -> bool:
        """Whether it is meant by a name, however its words are joined: `order-events` is `OrderEvents`."""
        names = {self.name, self.queue_url, *self.aliases}
        return bool(letters_of(name)) and letters_of(name) in {letters_of(each) for each in names}


def channels_of(stack: DeployedStack) -> list[Channel]:
    """Return the queues that a stack names in outputs `<Name>QueueUrl`, sorted by name, without dead-letter queues."""
    names = {
        output: output.removesuffix(QUEUE_URL)
        for output in stack.outputs
        if output.endswith(QUEUE_URL) and not output.endswith(DEAD_LETTER_QUEUE_URL)
    }
    channels = [
        Channel(name=_NEXT_WORD.sub("-", name).lower(), queue_url=stack.outputs[output], stack_name=stack.name)
        for output, name in names.items()
        if name
    ]
    return sorted(channels, key=lambda channel: channel.name)


def read_channels(reader: Reader, inventory: StackInventory) -> list[Channel]:
    """Return the queues of a stack that are no dead-letter queues, sorted by name.

    Args:
        reader: Reads from AWS.
        inventory: The stack.
    """
    in_outputs = channels_of(inventory.stack)
    found = [_channel(queue, in_outputs) for queue in read_queues(reader, inventory).channels]
    known = {channel.queue_url for channel in found}
    found += [channel for channel in in_outputs if channel.queue_url not in known]
    return sorted(found, key=lambda channel: channel.name)


def find_channel(reader: Reader, inventory: StackInventory, name: str) -> Channel:
    """Return a queue of a stack by its name.

    Args:
        reader: Reads from AWS.
        inventory: The stack.
        name: Its name, or another one; case, hyphens and slashes do not count.

    Raises:
        NotFoundError: The stack has no such queue; the message lists those that it has.
        AmbiguousNameError: It has several; the message lists other names.
    """
    scope = StackScope(stack=inventory.name)
    return find_named(read_channels(reader, inventory), name, what="queue", scope=scope)


def _channel(queue: DeployedQueue, in_outputs: list[Channel]) -> Channel:
    aliases = {queue.logical_id, queue.arn, queue.queue_name, *(part.path for part in queue.parts)}
    aliases |= {receiver.label for receiver in queue.receivers}
    aliases |= {channel.name for channel in in_outputs if channel.queue_url == queue.url}
    return Channel(
        name=queue.name,
        queue_url=queue.url,
        stack_name=queue.stack_name,
        aliases=frozenset(aliases - {""}),
        log_group=next((receiver.log_group for receiver in queue.receivers), ""),
    )
