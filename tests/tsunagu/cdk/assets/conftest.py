"""A cache of its own for each test, and handler packages to build."""

import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

PackageMaker = Callable[..., Path]

HANDLER = "def handler(event, context):\n    return event\n"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    directory = tmp_path / "cache"
    monkeypatch.setenv("TSUNAGU_CACHE_DIR", str(directory))
    return directory


@pytest.fixture
def make_package(tmp_path: Path) -> PackageMaker:
    """Write a handler package; `files` are added to, or replace, its handler.py."""

    def make(place: str = "invoices", files: Mapping[str, str] | None = None) -> Path:
        folder = tmp_path / "projects" / place
        for name, text in {"handler.py": HANDLER, **(files or {})}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))
        return folder

    return make
