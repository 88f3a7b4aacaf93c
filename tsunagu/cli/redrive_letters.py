"""Finds the letters that `tsunagu dlq redrive` means, in a queue or a file, and says which of them cannot go back."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tsunagu.cli.output import tell
from tsunagu.errors import InvalidInputError
from tsunagu.operations.aws import Aws
from tsunagu.operations.letters.exported_letters import ExportedLetters
from tsunagu.operations.letters.look import SAMPLE, count_letters, look_into
from tsunagu.operations.letters.origin import OpenedLetter
from tsunagu.operations.letters.places import LetterQueue, function_name
from tsunagu.operations.letters.selection import Selection
from tsunagu.operations.letters.targets import LetterRouter


@dataclass(frozen=True, slots=True, kw_only=True)
class MeantLetters:
    """The letters that a redrive means.

    Attributes:
        letters: Those that were looked at and can go back; of a whole queue, the first ones.
        is_all: Whether the whole queue is meant.
        is_more: Whether there may be more than `total`.
        total: How many are meant, as far as it is known.
        waiting: How many the queue holds, as SQS counts.
        targets: Where they go, as a person reads it.
    """

    letters: Sequence[OpenedLetter]
    is_all: bool
    is_more: bool
    total: int
    waiting: int
    targets: str


def look_for(
    aws: Aws,
    queue: LetterQueue,
    router: LetterRouter,
    selection: Selection,
    *,
    limit: int | None,
    file_letters: ExportedLetters | None,
) -> MeantLetters:
    """Look at the letters that are meant, and say on standard error which of them cannot go back.

    Args:
        aws: Clients.
        queue: The queue.
        router: Knows where letters go back to.
        selection: Which letters.
        limit: Most letters; None for no limit.
        file_letters: Letters of an export; None for those of the queue.
    """
    counts = count_letters(aws.sqs, queue.url)
    if file_letters is None:
        sample = SAMPLE if selection.is_all else None
        found = look_into(aws, queue, counts, matches=selection.matches, limit_count=limit or sample)
        if counts.in_flight:
            tell(f"{counts.in_flight:,} letters in flight, not shown: somebody else has received them")
    else:
        opened = (OpenedLetter(each, queue) for each in file_letters.peek())
        found = [each for each in opened if selection.matches(each)][:limit]
    letters = [each for each in found if not router.problem_of(each.letter)]
    _tell_unroutable(found, router)
    is_all = selection.is_all and limit is None and file_letters is None
    return MeantLetters(
        letters=letters,
        is_all=is_all,
        is_more=queue.is_fifo and limit is None and not is_all,
        total=max(counts.waiting, len(letters)) if is_all else len(letters),
        waiting=counts.waiting,
        targets=_targets(letters, router),
    )


def exported(path: Path) -> ExportedLetters:
    """Return the letters of an export.

    Raises:
        InvalidInputError: The file cannot be read, or is no export.
    """
    try:
        return ExportedLetters(path)
    except (OSError, UnicodeDecodeError) as error:
        msg = f"--from-file must name a file that `tsunagu dlq export` wrote, got {path} ({error})"
        raise InvalidInputError(msg) from None


def _tell_unroutable(found: Sequence[OpenedLetter], router: LetterRouter) -> None:
    problems = Counter(problem for each in found if (problem := router.problem_of(each.letter)))
    for problem, count in problems.most_common():
        tell(f"{count:,} letters cannot go back: {problem}")


def _targets(letters: Sequence[OpenedLetter], router: LetterRouter) -> str:
    targets = {router.target_of(each.letter): None for each in letters}
    names = [
        f"the queue {each.rpartition('/')[2]}" if each.startswith("http") else f"the function {function_name(each)}"
        for each in targets
    ]
    return ", ".join(names)
