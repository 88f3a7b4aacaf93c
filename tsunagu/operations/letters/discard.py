"""Deletes dead letters, each after it was exported."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tsunagu.contracts.messages import SQS_ENTRIES_PER_BATCH
from tsunagu.operations.letters.export import LetterExport
from tsunagu.operations.letters.letter import DeadLetter, DeadLetterSource
from tsunagu.operations.letters.walk import Walk


@dataclass(slots=True)
class DiscardReport:
    """Result of a discard.

    Attributes:
        discarded: Letters that are exported and deleted.
        problems: Message id and error of each letter that is exported, and may still be in the queue.
    """

    discarded: int = 0
    problems: list[str] = field(default_factory=list)


def discard(
    source: DeadLetterSource,
    export: LetterExport,
    *,
    selects: Callable[[DeadLetter], bool] = lambda _letter: True,
    limit_count: int | None = None,
    give_up: Callable[[Sequence[DeadLetter]], None] = lambda _letters: None,
    progress: Callable[[int], None] = lambda _discarded: None,
    report: DiscardReport | None = None,
) -> DiscardReport:
    """Export letters and delete them, and stop after a failure. A letter is on the disk before it is deleted.

    Args:
        source: Dead-letter queue.
        export: Where they are written to.
        selects: Which letters. Default: all.
        limit_count: Most letters. Default: no limit.
        give_up: Called with letters before they are deleted, so that no parked group waits for them. Default: nothing
            is called.
        progress: Called with the number of letters discarded so far. Default: nothing is called.
        report: Is filled, so that it says at an interruption what was done. Default: a new one.

    Returns:
        `report`.
    """
    report = report or DiscardReport()
    with Walk(source, selects) as walk:
        while (most := _most(report, limit_count)) and (letters := walk.take(most)) is not None:
            export.write(letters)
            give_up(letters)
            problems = source.delete(letters)
            if problems:  # such as a permission that is missing: nobody should wait for them to come back
                source.give_back(letters)
            report.problems += problems
            report.discarded += len(letters) - len(report.problems)
            progress(report.discarded)
    return report


def _most(report: DiscardReport, limit_count: int | None) -> int:
    """Return how many letters to discard next; 0 to end."""
    if report.problems:
        return 0
    return SQS_ENTRIES_PER_BATCH if limit_count is None else min(SQS_ENTRIES_PER_BATCH, limit_count - report.discarded)
