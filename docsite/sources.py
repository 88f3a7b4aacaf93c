"""Pages that show a file or a folder of the repository."""

from pathlib import Path, PurePosixPath

LANGUAGES = {
    ".py": "python",
    ".json": "json",
    ".toml": "toml",
    ".yml": "yaml",
    ".yaml": "yaml",
    ".vtl": "text",
}
# They are found by the pages that lead to them. In the search they would hide these pages.
_HEAD = "---\nsearch:\n  exclude: true\nhide:\n  - toc\n---\n"


def source_page(path: str, root: Path) -> str:
    """Return the page of a file or folder, given by its path in the repository."""
    place = root / path
    return _folder_page(path, root) if place.is_dir() else _file_page(path, place.read_text(encoding="utf-8"))


def _file_page(path: str, text: str) -> str:
    fence = "`" * 6
    language = LANGUAGES.get(PurePosixPath(path).suffix, "text")
    return f"{_HEAD}# {PurePosixPath(path).name}\n\n`{path}`\n\n{fence}{language}\n{text.rstrip()}\n{fence}\n"


def _folder_page(path: str, root: Path) -> str:
    rows = "\n".join(f"- `{name}`" for name in _files_below(path, root))
    return f"{_HEAD}# {PurePosixPath(path).name}/\n\nThe files of `{path}/` in the repository:\n\n{rows}\n"


def _files_below(path: str, root: Path) -> list[str]:
    files = (each.relative_to(root).as_posix() for each in (root / path).rglob("*") if each.is_file())
    return sorted(each for each in files if "__pycache__" not in each)
