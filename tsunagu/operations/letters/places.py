"""A dead-letter queue, and what sends letters to it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tsunagu.contracts.environment import ParkingEnvironment, ReceiverEnvironment
from tsunagu.contracts.flows import letters_of
from tsunagu.contracts.messages import is_fifo


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceQueue:
    """A queue whose messages end in a dead-letter queue.

    Attributes:
        arn: The queue.
        url: Its URL.
        max_receive_count: Deliveries after which SQS itself moves a message. None: not known.
    """

    arn: str
    url: str
    max_receive_count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A subscription of a topic, whose undelivered messages end in a dead-letter queue.

    Attributes:
        arn: The subscription.
        topic_arn: The topic.
        protocol: `sqs`, `lambda` and so on.
        endpoint: ARN of the queue or function, or an address.
        is_raw: Whether the endpoint gets the message without SNS's envelope.
    """

    arn: str
    topic_arn: str
    protocol: str
    endpoint: str
    is_raw: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterConsumer:
    """A function that processes what ended in a dead-letter queue.

    Attributes:
        function_name: The function.
        log_group: Its log group.
        table_name: Its idempotency table; empty for a function without this library.
        queue_arn: The queue that it consumes; empty for a function without this library.
        parks_groups: Whether it parks the messages behind a dead one of a FIFO group.
    """

    function_name: str
    log_group: str
    table_name: str = ""
    queue_arn: str = ""
    parks_groups: bool = False

    @classmethod
    def of_function(cls, name: str, log_group: str, environment: Mapping[str, str]) -> "LetterConsumer":
        """Return a consumer, as the environment of its function says."""
        return cls(
            function_name=name,
            log_group=log_group,
            table_name=environment.get(ReceiverEnvironment.variable_name("idempotency_table_name"), ""),
            queue_arn=environment.get(ReceiverEnvironment.variable_name("queue_arn"), ""),
            parks_groups=environment.get(ParkingEnvironment.variable_name("parks_groups"), "").lower() == "true",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterQueue:
    """A dead-letter queue, and what sends letters to it.

    Attributes:
        name: Name as a person reads it.
        url: The queue.
        arn: The queue.
        stack_name: Its stack; empty for a queue that was named by its URL.
        queues: Queues whose messages end here.
        subscriptions: Subscriptions whose undelivered messages end here.
        functions: Names or ARNs of functions with this queue as `DeadLetterConfig`.
        consumers: Functions that process what ended here, as far as they are known.
        others: What else sends letters here, as a person reads it: a schedule, a rule.
        other_names: Names by which it can be found, besides its own, its URL and its ARN.
    """

    name: str
    url: str
    arn: str
    stack_name: str = ""
    queues: tuple[SourceQueue, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()
    functions: tuple[str, ...] = ()
    consumers: tuple[LetterConsumer, ...] = ()
    others: tuple[str, ...] = ()
    other_names: frozenset[str] = frozenset()

    def is_named(self, name: str) -> bool:
        """Return whether it is meant by a name. Case, hyphens and slashes make no difference."""
        known = {self.name, self.url, self.arn, self.url.rpartition("/")[2], *self.other_names}
        return name in known or letters_of(name) in {letters_of(each) for each in known}

    @property
    def is_fifo(self) -> bool:
        """Whether it is a FIFO queue."""
        return is_fifo(self.url)

    @property
    def table_names(self) -> tuple[str, ...]:
        """Idempotency tables of its consumers, each once."""
        return tuple({each.table_name: None for each in self.consumers if each.table_name})

    def sources(self) -> Iterator[str]:
        """Yield what sends letters here, as a person reads it. A function that names itself in a letter is missing."""
        yield from (f"queue {last_part(queue.arn)}" for queue in self.queues)
        for each in self.subscriptions:
            yield f"subscription of {last_part(each.topic_arn)} for {last_part(each.endpoint)}"
        yield from (f"function {function_name(arn)}" for arn in self.functions)
        yield from self.others


def last_part(arn: str) -> str:
    """Return the name at the end of an ARN."""
    return arn.rpartition(":")[2]


def function_name(arn: str) -> str:
    """Return the name in the ARN of a function, without its version or alias."""
    return arn.split(":function:", 1)[-1].partition(":")[0]
