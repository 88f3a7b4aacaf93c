"""Letters of an export as a source of a redrive. A second file says which of them are done."""

import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from tsunagu.contracts.messages import SQS_ENTRIES_PER_BATCH
from tsunagu.operations.letters.export import read_export
from tsunagu.operations.letters.letter import DeadLetter

DONE_SUFFIX = ".done"


class ExportedLetters:
    """The letters of an export that were not redriven from it yet; see `DeadLetterSource`.

    Args:
        path: The export. Ids of letters that are done are appended to the file beside it, which ends with `.done`.

    Raises:
        InvalidInputError: A line of the export is no letter.
        OSError: The export cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._done_path = path.with_name(path.name + DONE_SUFFIX)
        done = set(self._done_path.read_text().split()) if self._done_path.exists() else set()
        with path.open(encoding="utf-8", newline="\n") as lines:
            self._letters = deque(letter for letter in read_export(lines) if letter.id not in done)

    def peek(self) -> list[DeadLetter]:
        """Return the letters that are left, without taking them."""
        return [*self._letters]

    def receive(self) -> list[DeadLetter]:
        """Return the next letters, ten at most. An empty list: none is left."""
        return [self._letters.popleft() for _ in range(min(SQS_ENTRIES_PER_BATCH, len(self._letters)))]

    def delete(self, letters: Sequence[DeadLetter]) -> list[str]:
        """Note that letters are done. When this returns, that is on the disk."""
        with self._done_path.open("a", encoding="utf-8") as done:
            done.writelines(f"{letter.id}\n" for letter in letters)
            done.flush()
            os.fsync(done.fileno())
        return []

    def give_back(self, letters: Sequence[DeadLetter]) -> None:
        """Let letters come again, before the others."""
        self._letters.extendleft(reversed(letters))
