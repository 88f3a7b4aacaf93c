"""Lets a person change a text in the editor of their choice."""

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from tsunagu.errors import CommandError


def edited_by_hand(text: str) -> str:
    """Return a text as a person leaves it in the editor that VISUAL or EDITOR names, or in vi.

    Args:
        text: JSON.

    Raises:
        CommandError: The editor cannot be started, or failed.
    """
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "payload.json")
        file.write_text(text, encoding="utf-8")
        try:
            subprocess.run([*shlex.split(editor), str(file)], check=True)  # noqa: S603 - the caller's own editor
        except (OSError, subprocess.CalledProcessError) as error:
            msg = f"the editor {editor} must end without an error, got {error}; --file takes a file instead"
            raise CommandError(msg) from None
        return file.read_text(encoding="utf-8")
