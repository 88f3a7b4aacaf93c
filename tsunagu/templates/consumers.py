"""The functions of a template that a mapping gives messages of a queue, and what each message writes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

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


def idempotency_table(template: Template, function: Resource) -> Resource | None:
    """Return the idempotency table of a function; None without one, and where it is of another template."""
    return template.target(_variables(function).get(IDEMPOTENCY_TABLE))


def idempotency_writes(template: Template, function: Resource) -> int:
    """Return the write units of the idempotency table for a new message; 0 for a function without such a table."""
    if IDEMPOTENCY_TABLE not in _variables(function):
        return 0
    table = idempotency_table(template, function)
    return WRITES_PER_MESSAGE + (len(table.items("GlobalSecondaryIndexes")) if table is not None else 0)


def _variables(function: Resource) -> Mapping[str, Any]:
    variables = function.mapping("Environment").get("Variables", {})
    return variables if isinstance(variables, dict) else {}
