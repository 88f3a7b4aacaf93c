"""A text that a person changes in an editor."""

from pathlib import Path

import pytest

from tsunagu.cli.editor import edited_by_hand
from tsunagu.errors import CommandError


@pytest.fixture
def editor(tmp_path: Path) -> Path:
    script = tmp_path / "an editor"
    script.write_text('#!/bin/sh\nsed -i "s/7/8/" "$2"\n')
    script.chmod(0o755)
    return script


def test_text_is_what_the_editor_leaves(monkeypatch: pytest.MonkeyPatch, editor: Path) -> None:
    monkeypatch.setenv("VISUAL", f"'{editor}' --wait")

    assert edited_by_hand('{"amount": 7, "name": "Zoë"}') == '{"amount": 8, "name": "Zoë"}'


@pytest.mark.parametrize("command", ["false", "no-such-editor"])
def test_editor_that_fails_is_named(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", command)

    with pytest.raises(CommandError, match=f"the editor {command} must end without an error"):
        edited_by_hand("{}")
