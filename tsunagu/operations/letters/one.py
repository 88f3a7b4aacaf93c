"""Finds one dead letter by an id."""

from tsunagu.errors import AmbiguousNameError, NotFoundError
from tsunagu.operations.aws import Aws
from tsunagu.operations.letters.look import count_letters, look_into
from tsunagu.operations.letters.origin import OpenedLetter
from tsunagu.operations.letters.places import LetterQueue
from tsunagu.operations.letters.selection import Selection

IDS_SHOWN = 5


def find_letter(aws: Aws, queue: LetterQueue, letter_id: str) -> OpenedLetter:
    """Return the one letter that an id, or the start of one, means. It stays in the queue.

    Raises:
        NotFoundError: No letter that can be seen has such an id; the message says how many cannot be seen.
        AmbiguousNameError: Several letters have it; the message lists them.
    """
    selection = Selection(letter_id=letter_id)
    counts = count_letters(aws.sqs, queue.url)
    found = look_into(aws, queue, counts, matches=selection.matches)
    exact = [each for each in found if each.letter.id == letter_id]
    if len(exact or found) == 1:
        return (exact or found)[0]
    if found:
        ids = ", ".join(each.letter.id for each in found[:IDS_SHOWN])
        msg = f"the letter {letter_id} must be one, got {len(found)}: {ids}"
        raise AmbiguousNameError(msg)
    hidden = f", and {counts.in_flight} more in flight" if counts.in_flight else ""
    behind = "; a FIFO queue shows the first ten letters of a group only" if queue.is_fifo else ""
    msg = f"{queue.name} must have the letter {letter_id}, got none among {counts.waiting} letters{hidden}{behind}"
    raise NotFoundError(msg)
