"""Reads payloads strictly: JSON objects, one document or one on each line."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

from tsunagu.errors import InvalidInputError
from tsunagu.runtime.json_text import exact_number


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """A line of the input with a JSON object.

    Attributes:
        line: Number of the line, from 1.
        text: The line without the white space around it. It is sent as it is.
        fields: The object.
    """

    line: int
    text: str
    fields: dict[str, Any]

    def text_field(self, name: str) -> str:
        """Return the text in the field `name`.

        Raises:
            InvalidInputError: The field is missing, empty or no text; the message names the line.
        """
        value = self.fields.get(name)
        if isinstance(value, str) and value:
            return value
        msg = f"line {self.line}: {name} must be a text that is not empty, got {json.dumps(value)}"
        raise InvalidInputError(msg)


def read_payloads(lines: Iterable[str]) -> list[Payload]:
    """Read JSON lines. Empty lines are left out.

    Raises:
        InvalidInputError: A line is not a JSON object; the message names the line. Or there is no line at all.
    """
    payloads = [_payload(number, text) for number, line in enumerate(lines, start=1) if (text := line.strip())]
    if not payloads:
        msg = "the input must hold at least one JSON object, got no line"
        raise InvalidInputError(msg)
    return payloads


def parse_object(expectation: str, text: str) -> dict[str, Any]:
    """Return the JSON object that a text holds.

    Args:
        expectation: What must hold, for the error: "--file must hold one JSON object".
        text: The text.

    Raises:
        InvalidInputError: The text is not a JSON object, or it holds NaN, a key twice, or a number that is
            too large.
    """
    try:
        found = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant, parse_float=exact_number)
    except RecursionError:
        msg = f"{expectation}, got text that is nested too deep"
        raise InvalidInputError(msg) from None
    except ValueError as error:
        msg = f"{expectation}, got text that is not JSON ({error})"
        raise InvalidInputError(msg) from None
    if not isinstance(found, dict):
        msg = f"{expectation}, got {json.dumps(found)[:80]}"
        raise InvalidInputError(msg)
    return found


def _payload(number: int, text: str) -> Payload:
    fields = parse_object(f"line {number}: a JSON object must be on each line", text)
    return Payload(line=number, text=text, fields=fields)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        msg = "an object has a key twice"
        raise ValueError(msg)
    return document


def _refuse_constant(name: str) -> NoReturn:
    msg = f"{name} is not a JSON number"
    raise ValueError(msg)
