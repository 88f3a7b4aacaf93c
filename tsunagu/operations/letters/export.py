"""Exports dead letters as JSON lines, and reads them back. A line has all that a redrive needs."""

import base64
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tsunagu.contracts.messages import GROUP_PLACE_ATTRIBUTE
from tsunagu.errors import InvalidInputError, OperationError
from tsunagu.operations.letters.letter import DeadLetter
from tsunagu.runtime.receiving.delivery import Delivery
from tsunagu.runtime.sending.attribute import Attribute

VERSION = 1
WRITTEN_AT_ONCE = 100  # a wait for the disk each


class LetterExport:
    """A file that letters are written to. It must not exist, and only its owner may read it.

    Args:
        path: The file. Its folders are made.
        queue_url: The dead-letter queue, for whoever reads the file.
    """

    def __init__(self, path: Path, queue_url: str) -> None:
        self.path = path
        self.count = 0
        self._queue_url = queue_url

    def __enter__(self) -> Self:
        """Make the file.

        Raises:
            OperationError: It cannot be made, or it exists.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            msg = f"the export must be a new file that can be written, got {self.path} ({error.strerror})"
            raise OperationError(msg) from None
        self._file = os.fdopen(descriptor, "w", encoding="utf-8")
        _sync_folder(self.path.parent)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the file. After an error, a file without a letter is removed, so that the same line works again."""
        self._file.close()
        if error is not None and not self.count:
            self.path.unlink(missing_ok=True)

    def write(self, letters: Sequence[DeadLetter]) -> None:
        """Write letters. When this returns, they are on the disk."""
        for letter in letters:
            line = json.dumps(letter_line(letter, self._queue_url), ensure_ascii=False)
            self._file.write(line + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self.count += len(letters)

    def write_all(self, letters: Iterable[DeadLetter]) -> None:
        """Write letters as they come. If this is interrupted, those that had come are on the disk."""
        part: list[DeadLetter] = []
        try:
            for letter in letters:
                part.append(letter)
                if len(part) == WRITTEN_AT_ONCE:
                    self.write(part)
                    part = []
        finally:
            self.write(part)


def letter_line(letter: DeadLetter, queue_url: str) -> dict[str, Any]:
    """Return a letter as a JSON object that has all of it."""
    delivery = letter.delivery
    return {
        "tsunagu_letter": VERSION,
        "queue_url": queue_url,
        "id": letter.id,
        "sent_ms": letter.sent_ms,
        "moved_from": letter.moved_from,
        "group_id": delivery.group_id,
        "is_fifo": delivery.is_fifo,
        "trace_header": delivery.trace_header,
        "attributes": {name: _attribute_line(each) for name, each in delivery.attributes.items()},
        "body": delivery.body,
    }


def read_export(lines: Iterable[str]) -> Iterator[DeadLetter]:
    """Yield the letters of an export.

    Raises:
        InvalidInputError: A line is no letter; the message names the line.
    """
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _letter(number, line)


def _letter(number: int, line: str) -> DeadLetter:
    try:
        found = json.loads(line)
        _check_version(found["tsunagu_letter"])
        # Its place in a parked group may have been given up since. Without one it waits behind the others of its group.
        kept = {name: each for name, each in found["attributes"].items() if name != GROUP_PLACE_ATTRIBUTE}
        attributes = {name: _attribute(each) for name, each in kept.items()}
        delivery = Delivery(
            message_id=found["id"],
            receipt_handle="",
            body=found["body"],
            attributes=attributes,
            group_id=found["group_id"],
            is_fifo=found["is_fifo"],
            trace_header=found["trace_header"],
        )
        return DeadLetter(delivery, int(found["sent_ms"]), found["moved_from"])
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError):
        msg = f"line {number}: a letter that `tsunagu dlq export` wrote must be on each line, got another text"
        raise InvalidInputError(msg) from None


def _check_version(version: object) -> None:
    if version != VERSION:
        raise ValueError(version)


def _attribute_line(attribute: Attribute) -> dict[str, str]:
    value = attribute.value
    text = {"value": value} if isinstance(value, str) else {"base64": base64.b64encode(value).decode()}
    return {"type": attribute.data_type, **text}


def _attribute(line: dict[str, str]) -> Attribute:
    value = line["value"] if "value" in line else base64.b64decode(line["base64"], validate=True)
    return Attribute(line["type"], value)


def _sync_folder(folder: Path) -> None:
    """Let the name of a new file be on the disk too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
