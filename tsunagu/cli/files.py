"""What a command reads: a file of text, a document of JSON, or standard input."""

import json
import sys
from pathlib import Path
from typing import Any, NoReturn

from tsunagu.errors import CommandError

STANDARD_INPUT = "-"


def read_text(option: str, file: str) -> str:
    """Return the text of a file, or of standard input where `file` is a hyphen.

    Args:
        option: What names the file on the command line, for the error.
        file: Path, or a hyphen.

    Raises:
        CommandError: There is no such file, or it is no UTF-8.
    """
    try:
        content = sys.stdin.buffer.read() if file == STANDARD_INPUT else Path(file).read_bytes()
        return content.decode()
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{option} must name a readable UTF-8 file, got {file} ({error})"
        raise CommandError(msg) from None


def read_document(option: str, file: str) -> dict[str, Any]:
    """Return the JSON object of a file, or of standard input where `file` is a hyphen.

    Args:
        option: What names the file on the command line, for the error.
        file: Path, or a hyphen.

    Raises:
        CommandError: The file cannot be read, or holds no JSON object, NaN, or a key twice.
    """
    return parse_object(f"{option} must hold one JSON object", read_text(option, file))


def parse_object(expectation: str, text: str) -> dict[str, Any]:
    """Return the JSON object of a text.

    Args:
        expectation: What must hold, for the error.
        text: The text.

    Raises:
        CommandError: It is no JSON object, holds NaN, or a key twice.
    """
    try:
        found = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except RecursionError:
        msg = f"{expectation}, got text that is nested too deep"
        raise CommandError(msg) from None
    except ValueError as error:
        msg = f"{expectation}, got text that is not JSON ({error})"
        raise CommandError(msg) from None
    if not isinstance(found, dict):
        msg = f"{expectation}, got {json.dumps(found)[:80]}"
        raise CommandError(msg)
    return found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        msg = "a key stands twice in one object"
        raise ValueError(msg)
    return document


def _refuse_constant(name: str) -> NoReturn:
    msg = f"{name} is no JSON number"
    raise ValueError(msg)
