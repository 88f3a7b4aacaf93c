"""The navigation of mkdocs.yml, read without the packages that build the site."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from docsite.links import EXAMPLE, OUTSIDE, place_on_site


class Config(yaml.SafeLoader):
    """Reads mkdocs.yml without the packages that its tags name."""


Config.add_multi_constructor("tag:yaml.org,2002:python/", lambda _loader, name, _node: name)


def read_config(root: Path) -> Any:
    """Return mkdocs.yml as a mapping."""
    return yaml.load((root / "mkdocs.yml").read_text(encoding="utf-8"), Config)  # noqa: S506 - a SafeLoader


def parts_of(nav: Any) -> Iterator[tuple[str, list[str]]]:
    """Yield the parts of a navigation, each with its pages in order."""
    for part in nav:
        for title, pages in part.items():
            yield title, [*pages_of(pages)]


def pages_of(nav: Any) -> Iterator[str]:
    """Yield the pages of a navigation, or of a part of it."""
    match nav:
        case str():
            yield nav
        case list():
            for each in nav:
                yield from pages_of(each)
        case dict():
            for each in nav.values():
                yield from pages_of(each)


def paths_of_pages(root: Path) -> list[str]:
    """Return the path in the repository of each page of the site, but for pages that show a file."""
    examples = sorted(file.relative_to(root).as_posix() for file in root.glob("examples/*/README.md"))
    below = sorted(file.relative_to(root).as_posix() for file in root.glob("docs/**/*.md"))
    return [*OUTSIDE, *(path for path in examples if EXAMPLE.fullmatch(path)), *below]


def paths_by_place(root: Path) -> dict[str, str]:
    """Return the path in the repository of each page of the site, by its place there."""
    return {place_on_site(path): path for path in paths_of_pages(root)}
