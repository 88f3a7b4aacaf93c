"""What is known of letters without an item: the queues that they went to, and the dead-letter queue."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from tsunagu.operations.dead_letters import look_at
from tsunagu.operations.letters.letter import DeadLetter, DeadLetterSource
from tsunagu.operations.letters.places import LetterQueue
from tsunagu.operations.queues import count_messages

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class QueueSurroundings:
    """Counts the messages of the queues that letters go to, and reads the dead-letter queue; see `Surroundings`.

    Args:
        client: SQS client.
        queue: The dead-letter queue.
        source: Reads the dead-letter queue.
        targets: Returns where letters have gone so far: URLs of queues, names of functions.
    """

    def __init__(
        self,
        client: "SQSClient",
        queue: LetterQueue,
        source: DeadLetterSource,
        targets: Callable[[], Sequence[str]],
    ) -> None:
        self._client = client
        self._queue = queue
        self._source = source
        self._targets = targets

    def is_drained(self) -> bool | None:
        """Return whether the queues are empty; None if a letter went to a function, which does not say it."""
        targets = self._targets()
        if any(not target.startswith("http") for target in targets):
            return None
        return not any(count_messages(self._client, url) for url in targets)

    def look_at_letters(self) -> tuple[Iterable[DeadLetter], bool]:
        """Return the letters that can be seen in the dead-letter queue, and whether these are all."""
        letters = [*look_at(self._source)]
        return letters, len(letters) >= count_messages(self._client, self._queue.url)
