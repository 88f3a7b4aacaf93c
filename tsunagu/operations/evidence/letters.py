"""Finds the dead letters of an id: the message id that they have now, the one that they had before, a request id."""

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from tsunagu.operations.dead_letters import look_at
from tsunagu.operations.deployed_queues import DeployedQueue
from tsunagu.operations.evidence.item_search import FoundItem, ids_in_index, read_items
from tsunagu.operations.evidence.model import Advice, Finding, Moment
from tsunagu.operations.evidence.places import StackPlaces
from tsunagu.operations.letters.document import letter_document
from tsunagu.operations.letters.look import letter_source
from tsunagu.operations.letters.lookup import letter_queue_in
from tsunagu.operations.letters.origin import OpenedLetter
from tsunagu.operations.letters.places import LetterQueue
from tsunagu.operations.letters.selection import ID_CHARACTERS, has_key
from tsunagu.operations.reader import Reader

# Letters of a queue that are received: a few seconds. They are hidden from others meanwhile.
LOOKED_AT = 1_000
LETTERS_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundLetters:
    """What a look into dead-letter queues found.

    Attributes:
        letters: Letters of the ids, each with its stack; at most five of a queue.
        unseen: Queues with letters that were not looked at, each with its stack.
    """

    letters: Sequence[tuple[OpenedLetter, StackPlaces]] = ()
    unseen: Sequence[tuple[DeployedQueue, StackPlaces]] = ()

    @property
    def ids(self) -> list[str]:
        """Ids under which more is recorded of the letters: of the messages that they were, requests and items."""
        return [*dict.fromkeys(each for opened, _ in self.letters for each in sorted(_ids(opened)))]


def find_letters(reader: Reader, places: Iterable[StackPlaces], id_: str, others: Iterable[str] = ()) -> FoundLetters:
    """Look into the dead-letter queues of stacks, and leave the letters there.

    Args:
        reader: Reads from AWS, and notes what it may not read.
        places: The stacks.
        id_: An id of a letter, of its item or its request, its business key, or the start of its message id.
        others: Other ids of it: whole ones.
    """
    wanted = frozenset({id_, *others})
    queues = [(queue, each) for each in places for queue in each.known.dead_letter_queues if queue.arn]
    filled = [(queue, each) for queue, each in queues if queue.depth is None or queue.depth.total]
    looks = reader.map(lambda pair: _look(reader, letter_queue_in(reader, pair[0], pair[1].known), id_, wanted), filled)
    found = [(pair, letters, count) for pair, (letters, count) in zip(filled, looks, strict=True)]
    return FoundLetters(
        letters=[(opened, stack) for (_, stack), letters, _ in found for opened in letters],
        unseen=[
            pair for pair, letters, count in found if not letters and pair[0].depth and count < pair[0].depth.total
        ],
    )


def items_of_letters(reader: Reader, found: FoundLetters) -> Iterator[tuple[FoundItem, StackPlaces]]:
    """Yield the items that letters name; for a letter that names none, those of its request in a pipeline."""
    for opened, stack in found.letters:
        named = opened.letter.item_id
        ids = [named] if named else ids_in_index(reader, stack.tables, opened.request_id)
        yield from ((item, stack) for item in read_items(reader, stack.tables, ids))


def finding_of_letter(opened: OpenedLetter, places: StackPlaces, *, has_advice: bool) -> Finding:
    """Return what a dead letter means.

    Args:
        opened: The letter.
        places: Its stack.
        has_advice: Whether it says what can be done. It need not where its item says it.
    """
    letter, queue = opened.letter, opened.queue
    times = f", redriven {letter.redriven_count} times before" if letter.redriven_count else ""
    document = letter_document(opened)
    hidden = ("body", "attributes")  # they may hold personal data
    return Finding(
        what=f"dead letter of {queue.name}",
        stack_name=places.inventory.name,
        now=f"in the dead-letter queue {queue.url.rpartition('/')[2]}{times}",
        reason=opened.reason,
        moments=[Moment(time_ms=letter.sent_ms, where=queue.name, what=_sent(opened))],
        advice=[*_advice(letter.id, queue.name, places)] if has_advice else (),
        details={"letter": {name: value for name, value in document.items() if name not in hidden}},
    )


def unseen_advice(found: FoundLetters, id_: str) -> list[Advice]:
    """Return the commands that look for an id in the queues whose letters were not all looked at."""
    return [
        Advice(
            what=f"{queue.name} of {stack.inventory.name} has letters that were not looked at. To look at all",
            command=_command("show", id_, queue.name, stack),
        )
        for queue, stack in found.unseen
    ]


def _look(reader: Reader, queue: LetterQueue, id_: str, wanted: frozenset[str]) -> tuple[list[OpenedLetter], int]:
    """Return the letters that are meant, and how many letters were looked at."""
    seen = 0
    exact: list[OpenedLetter] = []
    alike: list[OpenedLetter] = []

    def read() -> None:
        nonlocal seen
        letters = look_at(letter_source(reader.aws, queue, LOOKED_AT))
        try:
            for letter in islice(letters, LOOKED_AT):
                seen += 1
                opened = OpenedLetter(letter, queue)
                if _ids(opened) & wanted or has_key(letter.item_id, id_):
                    exact.append(opened)
                elif len(id_) >= ID_CHARACTERS and letter.id.startswith(id_):
                    alike.append(opened)
        finally:
            letters.close()

    reader.read(read, None)
    return (exact or alike)[:LETTERS_SHOWN], seen


def _ids(opened: OpenedLetter) -> frozenset[str]:
    return opened.ids | ({opened.request_id, opened.letter.item_id} - {""})


def _sent(opened: OpenedLetter) -> str:
    # SQS leaves the time of a message as it was when it moves it from a standard queue.
    if opened.letter.moved_from and not opened.letter.delivery.is_fifo:
        return "sent to its queue, from which SQS moved it later"
    return "dead-lettered"


def _advice(letter_id: str, name: str, places: StackPlaces) -> Iterator[Advice]:
    yield Advice(what="see the dead letter whole", command=_command("show", letter_id, name, places))
    redrive = f"tsunagu dlq redrive {shlex.quote(name)} --id {letter_id} --stack {shlex.quote(places.inventory.name)}"
    yield Advice(what="after the repair, send it back", command=redrive)


def _command(verb: str, letter_id: str, name: str, places: StackPlaces) -> str:
    stack = shlex.quote(places.inventory.name)
    return f"tsunagu dlq {verb} {shlex.quote(letter_id)} {shlex.quote(name)} --stack {stack}"
