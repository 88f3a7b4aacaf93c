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
    ("content", "refusal"),
    [
        ("", "must be JSON, got an error at line 1, column 1: Expecting value"),
        ("{", "must be JSON, got an error at line 1, column 2: Expecting property name"),
        ("{} {}", "must be JSON, got an error at line 1, column 4: Extra data"),
        ("[1]", "must be a JSON object, got a list$"),
        ("null", "must be a JSON object, got null$"),
        ("1.5", "must be a JSON object, got a number$"),
        ("true", "must be a JSON object, got true or false$"),
        ('{"a": NaN}', "must be JSON, got NaN, which is not a JSON number"),
        ('{"a": 1, "a": 2}', "must hold each key once, got a key twice in one object"),
        ("[" * 100_000, "must be JSON of moderate depth, got one nested too deep"),
    ],
)
def test_what_is_no_json_object_is_refused(tmp_path: Path, content: str, refusal: str) -> None:
    path = tmp_path / "order.json"
    path.write_text(content)

    with pytest.raises(InvalidInputError, match=f"^the text of --payload {refusal}"):
        read_document("--payload", str(path))


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "order.json"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(CommandError, match=f"^--file must name a readable UTF-8 file, got {path} "):
        read_document("--file", str(path))
