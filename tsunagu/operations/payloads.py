"""Reads payloads strictly: JSON objects, one document or one on each line."""

from collections.abc import Iterable
from dataclasses import dataclass

from tsunagu.errors import InvalidInputError
from tsunagu.runtime.errors import InvalidMessageError
from tsunagu.runtime.json_text import JsonObject, read_json


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
    fields: JsonObject

    def text_field(self, name: str) -> str:
        """Return the text in the field `name`.

        Raises:
            InvalidInputError: The field is missing, empty or no text; the message names the line.
        """
        value = self.fields.get(name)
        if isinstance(value, str) and value:
            return value
        got = "an empty one" if value == "" else _kind(value) if name in self.fields else "none"
        msg = f"line {self.line}: {name} must be a text that is not empty, got {got}"
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


def parse_object(name: str, text: str) -> JsonObject:
    """Return the JSON object that a text holds, read as strictly as a message of a queue.

    Args:
        name: What the text is, for the error: "--file".
        text: The text.

    Raises:
        InvalidInputError: The text is refused by `read_json`, or is no object. The error has no value of it.
    """
    try:
        found = read_json(name, text)
    except InvalidMessageError as error:
        raise InvalidInputError(str(error)) from None
    if not isinstance(found, dict):
        msg = f"{name} must be a JSON object, got {_kind(found)}"
        raise InvalidInputError(msg)
    return found


def _payload(number: int, text: str) -> Payload:
    return Payload(line=number, text=text, fields=parse_object(f"the message of line {number}", text))


def _kind(value: object) -> str:
    """Return what a JSON value is, without the value."""
    if value is None:
        return "null"
    kinds = {bool: "true or false", str: "a text", int: "a number", dict: "an object", list: "a list"}
    return kinds.get(type(value), "a number")
