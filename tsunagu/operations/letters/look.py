"""Looks at dead-letter queues: receives the letters, and gives them back."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from tsunagu.operations.aws import Aws
from tsunagu.operations.dead_letters import HIDDEN_SECONDS, SqsDeadLetterSource, look_at
from tsunagu.operations.group_table import GroupTable
from tsunagu.operations.letters.items import LetterItems
from tsunagu.operations.letters.origin import OpenedLetter
from tsunagu.operations.letters.places import LetterQueue
from tsunagu.operations.letters.reasons import reason_kind

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# Letters that are received in a second, even over a slow connection.
RECEIVED_PER_SECOND = 50
LONGEST_HIDDEN_SECONDS = 900
# Letters that are looked at before all of a queue are redriven or purged: enough to say what it is about.
SAMPLE = 200


@dataclass(frozen=True, slots=True)
class LetterCounts:
    """How many letters a queue holds, approximately, as SQS counts.

    Attributes:
        waiting: Letters that can be received.
        in_flight: Letters that somebody has received, and not deleted yet.
    """

    waiting: int
    in_flight: int


def count_letters(client: "SQSClient", queue_url: str) -> LetterCounts:
    """Return how many letters a queue holds."""
    attributes = client.get_queue_attributes(
        QueueUrl=queue_url, AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    )["Attributes"]
    return LetterCounts(
        int(attributes["ApproximateNumberOfMessages"]), int(attributes["ApproximateNumberOfMessagesNotVisible"])
    )


def letter_source(aws: Aws, queue: LetterQueue, holds: int = 0) -> SqsDeadLetterSource:
    """Return a source of a queue's letters.

    Args:
        aws: Clients.
        queue: The queue.
        holds: Letters that are held until the last one is received, because they are looked at, or are to stay. They
            are hidden as long as that takes, and not much longer.
    """
    seconds = HIDDEN_SECONDS + holds // RECEIVED_PER_SECOND
    return SqsDeadLetterSource(lambda: aws.sqs, queue.url, hidden_seconds=min(seconds, LONGEST_HIDDEN_SECONDS))


def look_into(
    aws: Aws,
    queue: LetterQueue,
    counts: LetterCounts,
    *,
    matches: Callable[[OpenedLetter], bool] = lambda _opened: True,
    limit_count: int | None = None,
) -> list[OpenedLetter]:
    """Return the letters of a queue, and leave them there.

    Args:
        aws: Clients.
        queue: The queue.
        counts: How many letters it holds.
        matches: Which letters are returned. Default: all.
        limit_count: Most letters to return. Default: no limit.
    """
    return [*looking_into(aws, queue, counts, matches=matches, limit_count=limit_count)]


def looking_into(
    aws: Aws,
    queue: LetterQueue,
    counts: LetterCounts,
    *,
    matches: Callable[[OpenedLetter], bool],
    limit_count: int | None = None,
) -> Iterator[OpenedLetter]:
    """Yield the letters of a queue as they are received, and give them back at the end; else as `look_into`."""
    letters = look_at(letter_source(aws, queue, min(counts.waiting, limit_count or counts.waiting)))
    try:
        opened = (OpenedLetter(letter, queue) for letter in letters)
        yield from itertools.islice((each for each in opened if matches(each)), limit_count)
    finally:
        letters.close()


def parked_groups_of(aws: Aws, queue: LetterQueue) -> dict[str, GroupTable]:
    """Return the groups of each queue whose receiver parks them, by the queue's ARN."""
    return {
        each.queue_arn: GroupTable(aws.dynamodb, each.table_name, each.queue_arn)
        for each in queue.consumers
        if each.parks_groups
    }


def reasons_by_items(aws: Aws, queue: LetterQueue, seen: list[OpenedLetter]) -> list[str]:
    """Return count and reason of letters that were not seen, by the items that are DEAD in the consumers' tables.

    An item stays DEAD when its letter was discarded. So these may be more than there are. It reads the whole tables.
    """
    known = {letter_id for each in seen for letter_id in each.ids}
    arns = {source.arn for source in queue.queues}
    kinds: Counter[str] = Counter()
    try:
        for item in LetterItems(lambda: aws.dynamodb, queue.table_names).dead():
            if item.receiver in arns | {""} and not known & {*item.message_ids}:
                kinds[reason_kind(item.published_reason or item.reason)] += len(item.message_ids)
    except ClientError:
        return []
    return [f"{count:,} by their items: {kind}" for kind, count in kinds.most_common()]
