"""The functions of a template that a mapping gives messages of a queue, and what each message writes."""

from collections.abc import Iterator
from dataclasses import dataclass

from tsunagu.templates.template import Resource, Template

DEFAULT_BATCH = 10
# The claim of a new item, and its completion; `docs/performance.md`. Each index of the table has a write more.
WRITES_PER_MESSAGE = 2
IDEMPOTENCY_TABLE = "IDEMPOTENCY_TABLE_NAME"
_QUEUE = "AWS::SQS::Queue"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueConsumer:
    """A function and its queue.

    Attributes:
        mapping: The event source mapping.
        queue: The queue.
        function: The function; None where it is of another template.
    """

    mapping: Resource
    queue: Resource
    function: Resource | None

    @property
    def batch_size(self) -> int:
        """Messages of an invocation, at most."""
        return self.mapping.number("BatchSize", DEFAULT_BATCH) or DEFAULT_BATCH


def queue_consumers(template: Template) -> Iterator[QueueConsumer]:
    """Iterate over the consumers of queues of the template, in the order of the templates."""
    for mapping in template.of_type("AWS::Lambda::EventSourceMapping"):
        queue = template.target(mapping.properties.get("EventSourceArn"))
        if queue is not None and queue.type == _QUEUE:
            function = template.target(mapping.properties.get("FunctionName"))
            yield QueueConsumer(mapping=mapping, queue=queue, function=function)


def idempotency_writes(template: Template, function: Resource) -> int:
    """Return the write units of the idempotency table for a new message; 0 for a function without such a table."""
    variables = function.mapping("Environment").get("Variables", {})
    if not isinstance(variables, dict) or IDEMPOTENCY_TABLE not in variables:
        return 0
    table = template.target(variables[IDEMPOTENCY_TABLE])
    return WRITES_PER_MESSAGE + (len(table.items("GlobalSecondaryIndexes")) if table is not None else 0)
