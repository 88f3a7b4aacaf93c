import io
import sys
from pathlib import Path

import pytest

from tsunagu.cli.files import read_document
from tsunagu.errors import CommandError, InvalidInputError


def test_a_document_is_read_from_a_file_with_every_character_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "order.json"
    path.write_text('{"ключ 繋ぐ": "\u2028"}', encoding="utf-8")

    assert read_document("--file", str(path)) == {"ключ 繋ぐ": "\u2028"}


def test_a_hyphen_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"{}")))

    assert read_document("--file", "-") == {}


@pytest.mark.parametrize(
    ("content", "got"),
    [
        ("", r"text that is not JSON \(Expecting value"),
        ("{", r"text that is not JSON \(Expecting property name"),
        ("{} {}", r"text that is not JSON \(Extra data"),
        ("[1]", r"\[1\]"),
        ("null", "null"),
        ('{"a": NaN}', r"text that is not JSON \(NaN is not a JSON number\)"),
        ('{"a": 1, "a": 2}', r"text that is not JSON \(an object has a key twice\)"),
        ("[" * 100_000, "text that is nested too deep"),
    ],
)
def test_what_is_no_json_object_is_refused(tmp_path: Path, content: str, got: str) -> None:
    path = tmp_path / "order.json"
    path.write_text(content)

    with pytest.raises(InvalidInputError, match=f"^--payload must hold one JSON object, got {got}"):
        read_document("--payload", str(path))


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "order.json"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(CommandError, match=f"^--file must name a readable UTF-8 file, got {path} "):
        read_document("--file", str(path))
