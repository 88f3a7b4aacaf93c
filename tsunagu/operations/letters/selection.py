"""Selects dead letters: by id, reason, business key, message group, time, or a JMESPath expression."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jmespath  # type: ignore[import-untyped]  # boto3 brings it
from jmespath.exceptions import JMESPathError  # type: ignore[import-untyped]

from tsunagu.errors import InvalidInputError
from tsunagu.operations.letters.document import letter_document
from tsunagu.operations.letters.origin import OpenedLetter
from tsunagu.operations.times import age_seconds
from tsunagu.runtime.idempotency.keys import item_id

ID_CHARACTERS = 6  # of the start of an id, as short as it may be


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which letters are meant. Each part that is given must hold; without any, all letters are.

    Attributes:
        letter_id: Message id in the dead-letter queue or before, request id, or the start of one of them.
        reason: Text in the reason, or in its kind. Capital letters make no difference.
        key: Business key. It is compared by the id of the letter's item; a letter that does not say it has none.
        group: Message group.
        since_ms: Sent at this time or later, in milliseconds since the epoch.
        until_ms: Sent before this time.
        expression: JMESPath over the letter as a document, which selects a letter where the result is true.
    """

    letter_id: str | None = None
    reason: str | None = None
    key: str | None = None
    group: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    expression: str | None = None

    def __post_init__(self) -> None:
        """Check the expression.

        Raises:
            InvalidInputError: The expression is not JMESPath, or the id is too short.
        """
        if self.letter_id is not None and len(self.letter_id) < ID_CHARACTERS:
            msg = f"LETTER must be an id, or at least {ID_CHARACTERS} characters of one, got {self.letter_id!r}"
            raise InvalidInputError(msg)
        if self.expression is not None:
            _compiled(self.expression)

    @property
    def is_all(self) -> bool:
        """Whether it selects every letter."""
        return self == Selection()

    def matches(self, opened: OpenedLetter) -> bool:
        """Return whether a letter is selected."""
        letter = opened.letter
        return (
            (self.letter_id is None or self._has_id(opened))
            and (self.reason is None or _contains(self.reason, opened))
            and (self.key is None or has_key(letter.item_id, self.key))
            and (self.group is None or letter.delivery.group_id == self.group)
            and (self.since_ms is None or letter.sent_ms >= self.since_ms)
            and (self.until_ms is None or letter.sent_ms < self.until_ms)
            and (self.expression is None or self._holds(letter_document(opened)))
        )

    def _has_id(self, opened: OpenedLetter) -> bool:
        ids = opened.ids | {opened.request_id}
        return any(each.startswith(str(self.letter_id)) for each in ids)

    def _holds(self, document: dict[str, Any]) -> bool:
        try:
            found = _compiled(str(self.expression)).search(document)
        except JMESPathError:  # a function that does not take the type of this letter's value
            return False
        return found is not None and found is not False and found not in ("", [], {})


def moment_ms(option: str, text: str, now_ms: int) -> int:
    """Return a moment: a time such as `2026-03-01T04:00:00Z`, or an age such as `90m`, `2h` or `3d`.

    Args:
        option: Option of the command line, for the error.
        text: Time or age. A time without a zone is UTC.
        now_ms: The time now, in milliseconds since the epoch.

    Raises:
        InvalidInputError: It is neither.
    """
    age = age_seconds(text.strip())
    if age is not None:
        return now_ms - age * 1_000
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        msg = f"{option} must be a time such as 2026-03-01T04:00:00Z, or an age such as 90m, 2h or 3d, got {text!r}"
        raise InvalidInputError(msg) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1_000)


def _compiled(expression: str) -> Any:
    try:
        return jmespath.compile(expression)
    except JMESPathError as error:
        msg = f"--filter must be a JMESPath expression, got {expression!r} ({' '.join(str(error).split())})"
        raise InvalidInputError(msg) from None


def _contains(text: str, opened: OpenedLetter) -> bool:
    wanted = text.casefold()
    return wanted in opened.reason.casefold() or wanted in opened.reason_kind.casefold()


def has_key(letter_item_id: str, key: str) -> bool:
    """Return whether a letter with an item of this id has a business key: the text, or the whole number."""
    keys: list[str | int] = [key]
    if re.fullmatch(r"-?(0|[1-9]\d*)", key):
        keys.append(int(key))
    return any(_is_of(letter_item_id, item_id("", each)) for each in keys)


def _is_of(letter_item_id: str, suffix: str) -> bool:
    space, _, rest = letter_item_id.partition("#")
    return bool(space) and (f"#{rest}" == suffix or f"#{rest}".startswith(f"{suffix}#"))


Matches = Callable[[OpenedLetter], bool]
