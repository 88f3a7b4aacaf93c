"""Goes through a dead-letter queue once: takes the letters that are selected, and gives the others back at the end."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from tsunagu.operations.letters.letter import DeadLetter, DeadLetterSource

# Receives in a row that bring nothing new, beyond those that show all letters that stay once more.
FRUITLESS_RECEIVES = 20


class Walk:
    """One way through a dead-letter queue.

    Letters that are not selected stay hidden until the end, so that the others are found.

    Args:
        source: The queue.
        selects: Which letters are taken.
    """

    def __init__(self, source: DeadLetterSource, selects: Callable[[DeadLetter], bool]) -> None:
        self._source = source
        self._selects = selects
        self._fruitless = 0
        self.staying: dict[str, DeadLetter] = {}

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Give back what stays, whatever has happened."""
        self._source.give_back([*self.staying.values()])

    def take(self, most: int) -> list[DeadLetter] | None:
        """Return the next letters that are selected, maybe none; or None at the end of the queue.

        Args:
            most: Most letters to return. What is selected beyond them is given back at once, and comes again.
        """
        letters = self._source.receive()
        if not letters:
            return None
        chosen = [each for each in letters if self._selects(each)]
        known = len(self.staying)
        self.staying |= {each.id: each for each in letters if each not in chosen}
        self._fruitless = 0 if chosen or len(self.staying) > known else self._fruitless + 1
        if self._fruitless > FRUITLESS_RECEIVES + len(self.staying):
            return None
        self._source.give_back(chosen[most:])  # they would not stay hidden until it is their turn
        return chosen[:most]

    @property
    def groups_in_the_way(self) -> set[str]:
        """FIFO groups of letters that stay: beyond the first ten of a group, what is behind them was not seen."""
        return {str(each.delivery.group_id) for each in self.staying.values() if each.delivery.is_fifo}
