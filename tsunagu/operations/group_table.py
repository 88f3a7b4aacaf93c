"""The parked groups of a queue, as an operator reads and changes them in the idempotency table."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from tsunagu.contracts.groups import group_item_id
from tsunagu.errors import OperationError
from tsunagu.operations.letters.letter import DeadLetter
from tsunagu.operations.parked_groups import give_up
from tsunagu.runtime.aws.dynamodb import DynamoDbItemStore
from tsunagu.runtime.aws.parked_groups import DynamoDbGroups
from tsunagu.runtime.clock import Clock
from tsunagu.runtime.errors import UnavailableError
from tsunagu.runtime.idempotency.item import Change
from tsunagu.runtime.idempotency.parked_groups import ParkedEntry, ParkedGroup
from tsunagu.runtime.idempotency.store import Outcome, Verdict

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

RecordT = TypeVar("RecordT")


class GroupTable:
    """The parked groups of one queue; see `operations.parked_groups.Groups`.

    It calls `dynamodb:BatchGetItem`, and `dynamodb:UpdateItem` to discard a message.

    Args:
        client: DynamoDB client.
        table_name: The idempotency table.
        queue_arn: The queue.
    """

    def __init__(self, client: "DynamoDBClient", table_name: str, queue_arn: str) -> None:
        self._store = DynamoDbItemStore(client, table_name)
        self._groups = DynamoDbGroups(self._store)
        self._queue_arn = queue_arn

    def read(self, group_id: str) -> ParkedGroup:
        """Return a group; one that was never parked is open.

        Raises:
            UnavailableError: DynamoDB did not answer, or another release wrote the item.
        """
        item_id = group_item_id(self._queue_arn, group_id)
        wanted = ParkedGroup(id=item_id, group_id=group_id, queue_arn=self._queue_arn)
        return _answered(self._groups.begin([wanted])()[0])

    def entries(self, group: ParkedGroup) -> list[ParkedEntry | None]:
        """Return the entries of the numbers that are not settled, in order. None: the entry has expired.

        Raises:
            UnavailableError: DynamoDB did not answer, or another release wrote an entry.
        """
        return [_answered(each) for each in self._groups.entries(group)]

    def change(self, change: Change) -> bool:
        """Apply a conditional change; return whether its condition held.

        Raises:
            UnavailableError: DynamoDB did not answer.
        """
        verdict = self._store.update_alone(change)
        is_answered = verdict.outcome in {Outcome.APPLIED, Outcome.REFUSED}
        return _answered(verdict.outcome is Outcome.APPLIED if is_answered else verdict)


class ParkedLetters:
    """The groups that dead letters are parked in, whichever queue and table they are of.

    Args:
        client: Gives the DynamoDB client.
        table_names: Tables in which their group items may be.
        clock: The time.
    """

    def __init__(self, client: "Callable[[], DynamoDBClient]", table_names: Sequence[str], clock: Clock) -> None:
        self._client = client
        self._table_names = table_names
        self._clock = clock

    def give_up(self, letters: Sequence[DeadLetter]) -> None:
        """Give up letters that are parked, or that others are parked behind, so that no group waits for them.

        Raises:
            OperationError: DynamoDB did not answer, or another release wrote a group. Nothing is to be deleted then.
        """
        parked: dict[tuple[str, str], list[DeadLetter]] = {}
        for letter in letters:
            group_id = letter.delivery.ordered_group_id
            if letter.delivery.group_place and group_id is not None:
                parked.setdefault((letter.source_queue_arn, group_id), []).append(letter)
        for (queue_arn, group_id), each in parked.items():
            places = [letter.delivery.group_place for letter in each]
            for table_name in self._table_names:
                try:
                    self._give_up(GroupTable(self._client(), table_name, queue_arn), group_id, places)
                except UnavailableError as error:
                    raise OperationError(str(error)) from error

    def _give_up(self, groups: GroupTable, group_id: str, places: Sequence[str]) -> None:
        group = groups.read(group_id)
        numbers = [number for place in places if (number := group.number_of(place)) is not None]
        give_up(groups, group_id, numbers, self._clock)


def _answered(answer: RecordT | Verdict) -> RecordT:
    if isinstance(answer, Verdict):
        msg = f"the group must be read from DynamoDB, got {answer.unreadable or answer.problem or 'no answer'}"
        raise UnavailableError(msg, call=answer.problem)
    return answer
