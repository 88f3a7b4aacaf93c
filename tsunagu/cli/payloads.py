"""Messages from JSON lines: one object a line."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tsunagu.cli.files import parse_object
from tsunagu.errors import CommandError


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """One line of the input.

    Attributes:
        line: Its number, from 1.
        text: The line as it was, without the white space around it: the body to send.
        fields: The object that it holds.
    """

    line: int
    text: str
    fields: dict[str, Any]

    def text_field(self, name: str) -> str:
        """Return the text under `name`.

        Raises:
            CommandError: There is none; the message names the line.
        """
        value = self.fields.get(name)
        if isinstance(value, str) and value:
            return value
        msg = f"line {self.line}: {name} must be a text that is not empty, got {json.dumps(value)}"
        raise CommandError(msg)


def read_payloads(lines: Iterable[str]) -> list[Payload]:
    """Read JSON lines; empty ones are left out.

    Raises:
        CommandError: A line is not a JSON object; the message names the line. Or there is no line at all.
    """
    payloads = [_payload(number, text) for number, line in enumerate(lines, start=1) if (text := line.strip())]
    if not payloads:
        msg = "the input must hold at least one JSON object, got no line"
        raise CommandError(msg)
    return payloads


def _payload(number: int, text: str) -> Payload:
    fields = parse_object(f"line {number}: a JSON object must be on each line", text)
    return Payload(line=number, text=text, fields=fields)
