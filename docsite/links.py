"""Where a file of the repository is on the site, and links that lead there.

The pages of `docs/` are written for the plain view of the repository: they link to code, tests and other files. On the
site each linked file has a page too, so that a reader needs no repository.
"""

import posixpath
import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath

# Pages that are not below docs/, by their place on the site.
OUTSIDE = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
EXAMPLE = re.compile(r"examples/([\w-]+)/README\.md")
SOURCES = "source"

_FENCE = re.compile(r"^( *)(```+).*?^\1\2`*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<=\]\()([^)\s]+)(?=\))")
_ELSEWHERE = re.compile(r"[a-z]+:|#")
_ITEM = re.compile(r"(?: *(?:[-*]|\d+\.) +\S)|\|")


def place_on_site(path: str) -> str:
    """Return the source name on the site of a file or folder, given by its path in the repository."""
    if path in OUTSIDE:
        return OUTSIDE[path]
    example = EXAMPLE.fullmatch(path)
    if example:
        return f"examples/{example[1]}.md"
    if PurePosixPath(path).is_relative_to("docs"):
        return posixpath.relpath(path, "docs")
    return f"{SOURCES}/{path}.md"


def linked_paths(text: str, page: str) -> list[str]:
    """Return the paths in the repository to which a page leads.

    Args:
        text: The page.
        page: Its path in the repository.
    """
    return [_path(target, page) for target in _LINK.findall(_FENCE.sub("", text)) if not _ELSEWHERE.match(target)]


def with_links_of_site(text: str, page: str, root: Path) -> str:
    """Return a page whose links lead to places on the site.

    Args:
        text: The page.
        page: Its path in the repository.
        root: The repository.
    """
    here = posixpath.dirname(place_on_site(page))

    def moved(found: re.Match[str]) -> str:
        target = found[1]
        if _ELSEWHERE.match(target):
            return target
        place = place_on_site(_page_of(_path(target, page), root))
        _, mark, section = target.partition("#")
        return posixpath.relpath(place, here or ".") + mark + section

    return _outside_fences(text, lambda part: _LINK.sub(moved, part))


def with_space_before_lists(text: str) -> str:
    """Return a page with an empty line before each list and table: Python-Markdown needs one, GitHub does not."""
    return _outside_fences(text, _spaced)


def _spaced(part: str) -> str:
    lines: list[str] = []
    for line in part.split("\n"):
        before = lines[-1] if lines else ""
        if _ITEM.match(line) and before.strip() and not _ITEM.match(before) and not before.startswith(" "):
            lines.append("")
        lines.append(line)
    return "\n".join(lines)


def _page_of(path: str, root: Path) -> str:
    """Return the page that shows a folder: its README where that is a page of the site."""
    readme = f"{path}/README.md"
    is_page = (root / readme).is_file() and not place_on_site(readme).startswith(SOURCES)
    return readme if is_page else path


def _path(target: str, page: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), target.partition("#")[0]))


def _outside_fences(text: str, change: Callable[[str], str]) -> str:
    parts, end = [], 0
    for fence in _FENCE.finditer(text):
        parts += [change(text[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*parts, change(text[end:])])
