"""What is recorded of one dead letter besides the letter: its item, its log lines, and its run in a pipeline."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from tsunagu.contracts.flows import Kind
from tsunagu.errors import OperationError
from tsunagu.operations.aws import Aws
from tsunagu.operations.inventory import StackInventory
from tsunagu.operations.letters.items import LetterItems
from tsunagu.operations.letters.origin import OpenedLetter
from tsunagu.operations.trace import RequestTrace, trace_deployed
from tsunagu.runtime.aws.sdk_errors import error_code
from tsunagu.runtime.idempotency.item import Item

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

LOG_LINES = 100  # the last ones
LOG_PAGES = 50  # CloudWatch answers with empty pages too, while it searches
BEFORE_MS = 24 * 3_600_000  # attempts lie before the time at which a letter came to its queue


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """A line of a log group.

    Attributes:
        time_ms: When it was written, in milliseconds since the epoch.
        log_group: The log group.
        text: The line.
    """

    time_ms: int
    log_group: str
    text: str


def item_of(aws: Aws, opened: OpenedLetter) -> Item | None:
    """Return the item of a letter; None where there is none, or it is not known which.

    A letter that does not say its item, because SQS itself moved it, is looked for by its request id: this reads the
    whole table.
    """
    letter = opened.letter
    found = LetterItems(lambda: aws.dynamodb, opened.queue.table_names)
    if letter.item_id:
        return found.read([letter.item_id]).get(letter.item_id)
    of_request = [*itertools.islice(found.of_request(opened.request_id), 2)]
    return of_request[0] if len(of_request) == 1 else None


def log_lines_of(aws: Aws, opened: OpenedLetter) -> list[LogLine]:
    """Return the last log lines of the consumers that name the letter's request or message, oldest first.

    A log group that may not be read, or does not exist, has none.
    """
    ids = sorted({opened.request_id, *opened.ids})
    groups = dict.fromkeys(each.log_group for each in opened.queue.consumers)
    since_ms = opened.letter.sent_ms - BEFORE_MS
    lines = {line for group in groups for each in ids for line in _lines(aws.logs, group, each, since_ms)}
    return sorted(lines, key=lambda line: line.time_ms)[-LOG_LINES:]


def run_of(aws: Aws, opened: OpenedLetter, inventory: StackInventory | None) -> RequestTrace | None:
    """Return the trace of the letter's request in the pipelines of its stack; None where it is of none."""
    for resource in inventory.of_kind(Kind.PIPELINE) if inventory is not None else []:
        try:
            return trace_deployed(aws.functions, aws.dynamodb, resource.physical_id, opened.request_id)
        except OperationError:  # the request is of no run here, or the table did not answer
            continue
    return None


def _lines(client: "CloudWatchLogsClient", group: str, letter_id: str, since_ms: int) -> Iterator[LogLine]:
    pages = client.get_paginator("filter_log_events").paginate(
        logGroupName=group, filterPattern=f'"{letter_id}"', startTime=since_ms
    )
    try:
        for page in itertools.islice(pages, LOG_PAGES):
            for event in page["events"]:
                yield LogLine(time_ms=event["timestamp"], log_group=group, text=event["message"].rstrip())
    except ClientError as error:
        if not error_code(error).endswith(("ResourceNotFoundException", "AccessDeniedException")):
            raise
