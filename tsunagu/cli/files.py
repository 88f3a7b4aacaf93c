"""Reads what a command is given: a file of text, a JSON document, or standard input."""

import os
import sys
from pathlib import Path
from typing import Any

from tsunagu.errors import CommandError
from tsunagu.operations.payloads import parse_object

STANDARD_INPUT = "-"


def read_text(option: str, file: str) -> str:
    """Return the text of a file, or of standard input where `file` is a hyphen.

    Args:
        option: Option of the command line that names the file, for the error.
        file: Path, or a hyphen.

    Raises:
        CommandError: The file cannot be read, or it is not UTF-8.
    """
    try:
        content = sys.stdin.buffer.read() if file == STANDARD_INPUT else Path(file).read_bytes()
        return content.decode()
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{option} must name a readable UTF-8 file, got {file} ({error})"
        raise CommandError(msg) from None


def write_private(path: Path, text: str) -> None:
    """Write a new file that only its owner may read. Its folders are made.

    Raises:
        CommandError: It cannot be made, or it exists.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        msg = f"a new file must be written, got {path} ({error.strerror})"
        raise CommandError(msg) from None


def read_document(option: str, file: str) -> dict[str, Any]:
    """Return the JSON object of a file, or of standard input where `file` is a hyphen.

    Args:
        option: Option of the command line that names the file, for the error.
        file: Path, or a hyphen.

    Raises:
        CommandError: The file cannot be read.
        InvalidInputError: The file does not hold one JSON object, or it holds what `read_json` refuses, such as NaN.
    """
    return parse_object(f"the text of {option}", read_text(option, file))
