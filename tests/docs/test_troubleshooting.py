"""Each message of docs/troubleshooting.md is one that the library raises or logs."""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache

import pytest

from tests.docs.test_links import PROJECT

PAGE = PROJECT / "docs" / "troubleshooting.md"
ANYTHING = "…"
PART_CHARACTERS = 12  # a longer part may go over two lines of the code
_CONSTANT = re.compile(r'^([A-Z_]+) = "([^"]*)"$', re.MULTILINE)
_MESSAGE = re.compile(r"^### `(.*)`$", re.MULTILINE)


def messages() -> list[str]:
    return _MESSAGE.findall(PAGE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("message", messages())
def test_message_of_the_page_is_in_the_code(message: str) -> None:
    assert is_said(message, texts_of_the_library()), message


def test_each_heading_of_the_third_level_is_a_message() -> None:
    assert len(messages()) == len(re.findall(r"^### ", PAGE.read_text(encoding="utf-8"), re.MULTILINE)) > 20


@pytest.mark.parametrize(
    ("message", "is_found"),
    [
        ("the queue must be empty, got … letters", True),
        ("the queue must be empty…", True),
        ("must be empty, got … letters", True),
        ("the queue must be full, got … letters", False),
        ("… must be known, got …", True),
        ("… must be gone, got …", False),
        ("version must be …, got …", True),
    ],
)
def test_other_words_than_those_of_the_code_are_found(message: str, is_found: bool) -> None:
    code = (
        'msg = (f"the queue must be empty, "\n    f"got {count} letters"), '
        'f"{name} must be known, got {value}", f"{KEY} must be 1, got {value}"'
    )

    assert is_said(message, [*texts_of(ast.parse(code), {"KEY": "version"})]) is is_found


def is_said(message: str, texts: list[str]) -> bool:
    """Return whether a text of the code has a message in it; `…` stands for whatever comes there."""
    pattern = re.compile(".*".join(re.escape(part) for part in message.split(ANYTHING)), re.DOTALL)
    return any(pattern.search(text) for text in texts)


@cache
def texts_of_the_library() -> list[str]:
    """Return the texts of the files that have a part of a message in them."""
    codes = [file.read_text(encoding="utf-8") for file in sorted((PROJECT / "tsunagu").rglob("*.py"))]
    constants = {name: value for code in codes for name, value in _CONSTANT.findall(code)}
    parts = [max(message.split(ANYTHING), key=len)[:PART_CHARACTERS] for message in messages()]
    said = [code for code in codes if any(part in code for part in parts)]
    return [text for code in said for text in texts_of(ast.parse(code), constants)]


def texts_of(tree: ast.Module, constants: Mapping[str, str]) -> Iterator[str]:
    """Yield the texts of some code, with `…` for what a formatted text puts in; docstrings are no messages."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(_shown(part, constants) for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def _shown(part: ast.expr, constants: Mapping[str, str]) -> str:
    match part:
        case ast.Constant(value=value):
            return str(value)
        case ast.FormattedValue(value=ast.Name(id=name)):
            return constants.get(name, ANYTHING)
        case _:
            return ANYTHING
