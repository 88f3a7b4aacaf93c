"""What a command reads: a file of text, a document of JSON, or standard input."""

import json
import sys
from pathlib import Path
from typing import Any, NoReturn

from cdk_app.errors import CommandError

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
    text = read_text(option, file)
    try:
        document = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        reason = (
            "text that is nested too deep" if isinstance(error, RecursionError) else f"text that is not JSON ({error})"
        )
        msg = f"{option} must hold one JSON object, got {reason}"
        raise CommandError(msg) from None
    if not isinstance(document, dict):
        msg = f"{option} must hold one JSON object, got {json.dumps(document)[:80]}"
        raise CommandError(msg)
    return document


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        msg = "a key stands twice in one object"
        raise ValueError(msg)
    return document


def _refuse_constant(name: str) -> NoReturn:
    msg = f"{name} is no JSON number"
    raise ValueError(msg)
