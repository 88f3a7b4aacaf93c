"""Replaces the payload of a dead letter, so that it is redriven with another one.

An item that is DEAD takes any payload under its key. One that is COMMITTED or COMPLETED takes only its own: what is
done stays done. One that SQS's own dead letter left RELEASED, or INPROGRESS with a lease that is over, is closed first.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tsunagu.contracts.items import Status
from tsunagu.errors import InvalidInputError, OperationError
from tsunagu.operations.letters.items import LetterItems
from tsunagu.operations.letters.letter import DeadLetter
from tsunagu.operations.letters.origin import LetterOrigin, OpenedLetter
from tsunagu.operations.redrive import LetterTarget
from tsunagu.runtime.errors import InvalidMessageError
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.json_text import has_exact_numbers, json_text, read_json
from tsunagu.runtime.sending.publish import SendResult

EDITION_CHARACTERS = 16
NO_JSON = object()


class EditedTarget:
    """Sends letters back with another payload; see `LetterTarget`.

    Args:
        target: Sends letters back.
        edited: The letter with its new payload.
    """

    def __init__(self, target: LetterTarget, edited: DeadLetter) -> None:
        self._target = target
        self._edited = edited

    def send(self, letters: Sequence[DeadLetter]) -> list[SendResult]:
        """Send the edited letter in place of each of `letters`, which are one."""
        return self._target.send([self._edited for _ in letters])


def edited_letter(opened: OpenedLetter, payload: str) -> DeadLetter:
    """Return a letter with another payload, in the envelope that it had.

    Args:
        opened: The letter.
        payload: The payload as text.

    Raises:
        InvalidInputError: The payload is empty, or it must be JSON, as the old one was, and is not.
    """
    if not payload.strip():
        msg = "the payload must be text that is not empty, got nothing"
        raise InvalidInputError(msg)
    if _json(opened.payload) is not NO_JSON:
        read_payload(payload)
    body = _body(opened, payload)
    letter = opened.letter
    edition = hashlib.sha256(body.encode()).hexdigest()[:EDITION_CHARACTERS]
    return replace(letter, delivery=replace(letter.delivery, body=body), edition=f"-{edition}")


def prepare_item(found: LetterItems, item: Item | None, letter: DeadLetter, now_ms: int) -> None:
    """Let the item of a letter take another payload.

    Args:
        found: The tables.
        item: The item; None where there is none, or it is not known.
        letter: The letter.
        now_ms: The time, in milliseconds since the epoch.

    Raises:
        OperationError: The item is COMMITTED or COMPLETED, so that an edited message with its key would be refused; or
            a worker has it.
    """
    if item is None or item.status is Status.DEAD:
        return
    if item.status in {Status.COMMITTED, Status.COMPLETED}:
        msg = f"the item of the letter must not be done, got {item.status}: redrive the letter as it is"
        raise OperationError(msg)
    if item.is_held(now_ms) or not found.close(item, letter.id, now_ms):
        msg = f"nobody may work on the item {item.id}, got {item.status}: try again later"
        raise OperationError(msg)


def editable_text(payload: str) -> str:
    """Return a payload as a person edits it: JSON in lines, and another text as it is."""
    value = _json(payload)
    if value is NO_JSON or has_exact_numbers(value):  # the writer of the standard library would round these
        return payload
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def payload_of(edited: str, payload: str) -> str:
    """Return the payload of a text that was edited: JSON that was put into lines is made short again.

    Args:
        edited: The text as the person left it.
        payload: The payload before, whose `editable_text` was edited.

    Raises:
        InvalidInputError: It must be JSON, as the payload before was, and is not.
    """
    if editable_text(payload) == payload:
        return edited.rstrip("\n")
    return json_text(read_payload(edited))


def read_payload(payload: str) -> Any:
    """Return the value of a payload that is JSON.

    Raises:
        InvalidInputError: It is not; the message says where.
    """
    try:
        return read_json("the payload", payload)
    except InvalidMessageError as error:
        raise InvalidInputError(str(error)) from None


def _body(opened: OpenedLetter, payload: str) -> str:
    if opened.origin is LetterOrigin.SUBSCRIPTION and payload_is_wrapped(opened):
        return json.dumps({**json.loads(opened.letter.delivery.body), "Message": payload}, ensure_ascii=False)
    if opened.origin is LetterOrigin.DESTINATION:
        envelope = json.loads(opened.letter.delivery.body)
        return json_text({**envelope, "requestPayload": read_payload(payload)})
    return payload


def payload_is_wrapped(opened: OpenedLetter) -> bool:
    """Return whether the payload is in an envelope of SNS or Lambda."""
    return opened.payload != opened.letter.delivery.body


def _json(payload: str) -> Any:
    try:
        return read_json("the payload", payload)
    except InvalidMessageError:
        return NO_JSON
