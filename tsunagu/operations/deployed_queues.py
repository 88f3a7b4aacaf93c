"""The queues of a deployed stack: what waits in them, who consumes them, and whose dead letters they keep."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from tsunagu.contracts.environment import ReceiverEnvironment
from tsunagu.contracts.flows import Kind, Part, letters_of
from tsunagu.contracts.messages import is_fifo
from tsunagu.operations.dead_letter_origins import Origin, origins_outside_queues, redrive_target
from tsunagu.operations.deployed_functions import Consumer, DeployedFunction, read_consumers, read_functions
from tsunagu.operations.inventory import StackInventory, StackResource
from tsunagu.operations.reader import Reader

QUEUE = "AWS::SQS::Queue"
_QUEUE_URL = ReceiverEnvironment.variable_name("queue_url")
_QUEUE_ARN = ReceiverEnvironment.variable_name("queue_arn")
_DEAD_LETTER_QUEUE_URL = ReceiverEnvironment.variable_name("dead_letter_queue_url")


class Depth(NamedTuple):
    """How many messages a queue holds, approximately, as SQS counts.

    Attributes:
        waiting: Messages that can be received.
        in_flight: Messages that a consumer has received, and not deleted yet.
        delayed: Messages that cannot be received yet.
    """

    waiting: int
    in_flight: int
    delayed: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.waiting + self.in_flight + self.delayed


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedQueue:
    """A queue of a deployed stack, or one that a function of the stack consumes.

    Attributes:
        name: What operators call it: the name of its first part, else its construct path or logical id; for a queue
            outside the stack, the name of the receiver that consumes it.
        url: Its URL.
        arn: Its ARN; made of its URL and the client's region where its attributes may not be read.
        stack_name: The stack.
        parts: What it is in flows; none for a queue that the library did not make.
        logical_id: Its id in the template; "" outside the stack.
        depth: What it holds; None where this may not be read.
        dead_letter_arn: Its dead-letter queue; "" without one, or where it may not be read.
        max_receive_count: Receives after which SQS moves a message there; None without a dead-letter queue.
        origins: Whose dead letters it keeps; none for a queue that is no dead-letter queue.
        consumers: Event source mappings that poll it.
        receivers: Functions of the stack that process its messages, by their environment or their mapping.
    """

    name: str
    url: str
    arn: str
    stack_name: str
    parts: Sequence[Part] = ()
    logical_id: str = ""
    depth: Depth | None = None
    dead_letter_arn: str = ""
    max_receive_count: int | None = None
    origins: Sequence[Origin] = ()
    consumers: Sequence[Consumer] = ()
    receivers: Sequence[DeployedFunction] = ()

    @property
    def is_fifo(self) -> bool:
        """Whether it is a FIFO queue."""
        return is_fifo(self.url)

    @property
    def is_dead_letter_queue(self) -> bool:
        """Whether it keeps dead letters."""
        return bool(self.origins) or any(part.kind == Kind.DEAD_LETTERS for part in self.parts)

    def is_named(self, name: str) -> bool:
        """Whether it is meant by `name`: of a part or its path, logical id, queue name, URL or ARN."""
        if name in {self.url, self.arn, self.logical_id, self.queue_name}:
            return True
        names = {self.name, *(each for part in self.parts for each in (part.name, part.path))}
        return letters_of(name) in {letters_of(each) for each in names if each}

    @property
    def queue_name(self) -> str:
        """Name that AWS has for it."""
        return self.url.rpartition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class StackQueues:
    """The queues of a stack with their functions.

    Attributes:
        queues: The queues, dead-letter queues included, in the order of the template.
        functions: The functions.
    """

    queues: Sequence[DeployedQueue]
    functions: Sequence[DeployedFunction]

    @property
    def channels(self) -> list[DeployedQueue]:
        """Queues that are no dead-letter queues."""
        return [queue for queue in self.queues if not queue.is_dead_letter_queue]

    @property
    def dead_letter_queues(self) -> list[DeployedQueue]:
        """Dead-letter queues: of queues, subscriptions, functions, schedules and rules."""
        return [queue for queue in self.queues if queue.is_dead_letter_queue]

    def with_arn(self, arn: str) -> DeployedQueue | None:
        """Return the queue with an ARN; None if the stack has none."""
        return next((queue for queue in self.queues if arn and queue.arn == arn), None)


def read_queues(reader: Reader, inventory: StackInventory) -> StackQueues:
    """Return the queues of a stack, and those outside it that its functions consume or dead-letter to.

    Works on stacks that this library did not make, too: redrive policies, event source mappings, subscriptions,
    destinations and dead-letter configurations say what belongs together.

    Args:
        reader: Reads from AWS, and notes what it may not read. That is left empty.
        inventory: The stack.
    """
    functions = read_functions(reader, inventory)
    made = [resource for resource in inventory.of_type(QUEUE) if resource.physical_id]
    found = reader.map(lambda resource: _queue(reader, resource), made)
    consumers = read_consumers(reader, inventory, [queue.arn for queue in found if queue.arn])
    known = {queue.url for queue in found}
    outside = [queue for queue in _outside(inventory.name, functions) if queue.url not in known]
    found += reader.map(lambda queue: _with_attributes(reader, queue), outside)
    origins = [*_origins_of_queues(found, functions), *origins_outside_queues(reader, inventory, functions)]
    return StackQueues(queues=_linked(found, origins, consumers, functions), functions=functions)


def _queue(reader: Reader, resource: StackResource) -> DeployedQueue:
    queue = DeployedQueue(
        name=resource.parts[0].name if resource.parts else resource.own_name,
        url=resource.physical_id,
        arn="",
        stack_name=resource.stack_name,
        parts=resource.parts,
        logical_id=resource.logical_id,
    )
    return _with_attributes(reader, queue)


def _with_attributes(reader: Reader, queue: DeployedQueue) -> DeployedQueue:
    nothing: dict[Any, str] = {}
    attributes: Mapping[Any, str] = reader.read(
        lambda: reader.aws.sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["All"]).get("Attributes", {}),
        nothing,
    )
    if not attributes:
        return replace(queue, arn=_arn_of(reader, queue.url))
    target, count = redrive_target(attributes.get("RedrivePolicy", ""))
    depth = Depth(
        waiting=int(attributes["ApproximateNumberOfMessages"]),
        in_flight=int(attributes["ApproximateNumberOfMessagesNotVisible"]),
        delayed=int(attributes["ApproximateNumberOfMessagesDelayed"]),
    )
    arn = attributes["QueueArn"]
    return replace(queue, arn=arn, depth=depth, dead_letter_arn=target, max_receive_count=count)


def _arn_of(reader: Reader, url: str) -> str:
    """Return the ARN of a queue by its URL, which ends with account and name."""
    account, name = ["", "", *url.split("/")][-2:]
    meta = reader.aws.sqs.meta
    return f"arn:{meta.partition}:sqs:{meta.region_name}:{account}:{name}"


def _outside(stack_name: str, functions: Iterable[DeployedFunction]) -> Iterator[DeployedQueue]:
    """Yield the queues that the environments of receivers name, each once: channel first, then its dead letters."""
    seen = set()
    # A sweeper has the URLs too, but not the ARN: it is no receiver.
    for function in (each for each in functions if _QUEUE_ARN in each.environment):
        for variable, kind in ((_QUEUE_URL, Kind.CHANNEL), (_DEAD_LETTER_QUEUE_URL, Kind.DEAD_LETTERS)):
            url = function.environment.get(variable, "")
            if url and url not in seen:
                seen.add(url)
                part = Part(kind=kind, name=function.label, path=function.label)
                yield DeployedQueue(name=function.label, url=url, arn="", stack_name=stack_name, parts=[part])


def _origins_of_queues(
    queues: Sequence[DeployedQueue], functions: Iterable[DeployedFunction]
) -> Iterator[tuple[str, Origin]]:
    """Yield ARN of a dead-letter queue and origin: for redrive policies, and for what a runtime dead-letters itself."""
    by_url = {queue.url: queue for queue in queues}
    seen = set()
    for queue in queues:
        if queue.dead_letter_arn:
            seen.add((queue.dead_letter_arn, queue.arn))
            yield queue.dead_letter_arn, Origin(kind="queue", name=queue.name, arn=queue.arn, url=queue.url)
    for function in functions:
        source = by_url.get(function.environment.get(_QUEUE_URL, ""))
        target = by_url.get(function.environment.get(_DEAD_LETTER_QUEUE_URL, ""))
        if source and target and source.url != target.url and (target.arn, source.arn) not in seen:
            seen.add((target.arn, source.arn))
            yield target.arn, Origin(kind="queue", name=source.name, arn=source.arn, url=source.url)


def _linked(
    queues: Iterable[DeployedQueue],
    origins: Iterable[tuple[str, Origin]],
    consumers: Sequence[Consumer],
    functions: Sequence[DeployedFunction],
) -> list[DeployedQueue]:
    by_target: dict[str, list[Origin]] = defaultdict(list)
    for target, origin in origins:
        by_target[target].append(origin)
    linked = []
    for queue in queues:
        polled = [each for each in consumers if queue.arn and each.source_arn == queue.arn]
        names = {each.function_name for each in polled}
        receivers = [each for each in functions if each.name in names or _is_receiver_of(each, queue)]
        linked.append(replace(queue, origins=by_target.get(queue.arn, []), consumers=polled, receivers=receivers))
    return linked


def _is_receiver_of(function: DeployedFunction, queue: DeployedQueue) -> bool:
    """Whether the environment of a function says that it processes the messages of a queue."""
    return (
        bool(queue.arn)
        and function.environment.get(_QUEUE_ARN) == queue.arn
        and function.part(Kind.RECEIVER) is not None
    )
