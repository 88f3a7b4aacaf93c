"""The site has each page once, leads each link to a page, and asks no other server. `make docs` builds it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from docsite.links import OUTSIDE, linked_paths, place_on_site, with_links_of_site, with_space_before_lists
from docsite.sources import source_page
from tests.docs.test_links import PROJECT

_SCRIPTS = re.compile(r"^docsite/|^assets/")


class Config(yaml.SafeLoader):
    """Reads mkdocs.yml without the packages that its tags name."""


Config.add_multi_constructor("tag:yaml.org,2002:python/", lambda _loader, name, _node: name)


@pytest.fixture(scope="module")
def config() -> Any:
    return yaml.load((PROJECT / "mkdocs.yml").read_text(encoding="utf-8"), Config)  # noqa: S506 - a SafeLoader


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


def pages_of_the_repository() -> set[str]:
    files = [*(PROJECT / "docs").rglob("*.md"), *PROJECT.glob("examples/*/README.md")]
    return {place_on_site(file.relative_to(PROJECT).as_posix()) for file in files} | set(OUTSIDE.values())


def test_each_page_is_in_the_navigation_once(config: Any) -> None:
    assert sorted(pages_of(config["nav"])) == sorted(pages_of_the_repository())


def test_what_a_browser_loads_comes_from_the_site(config: Any) -> None:
    loaded = [*config["extra"]["polyfills"], *config["extra_css"], *config["extra_javascript"]]

    assert loaded
    assert all(_SCRIPTS.match(each) for each in loaded)
    assert config["theme"]["font"] is False


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("docs/semantics.md", "semantics.md"),
        ("docs/adr/README.md", "adr/README.md"),
        ("README.md", "index.md"),
        ("examples/clinic/README.md", "examples/clinic.md"),
        ("tsunagu/errors.py", "source/tsunagu/errors.py.md"),
    ],
)
def test_each_file_has_its_place(path: str, place: str) -> None:
    assert place_on_site(path) == place


@pytest.mark.parametrize(
    ("page", "text", "on_the_site"),
    [
        ("README.md", "[a](docs/models.md#numbers)", "[a](models.md#numbers)"),
        ("README.md", "[a](docs/adr)", "[a](adr/README.md)"),
        ("docs/adr/README.md", "[a](../../README.md)", "[a](../index.md)"),
        ("docs/models.md", "[`a`](../tsunagu/errors.py)", "[`a`](source/tsunagu/errors.py.md)"),
        ("docs/models.md", "![a](pictures/pipeline.svg)", "![a](pictures/pipeline.svg)"),
        ("docs/models.md", "[a](../examples/clinic)", "[a](examples/clinic.md)"),
        ("docs/models.md", "[a](https://example.com/a), [b](#numbers)", "[a](https://example.com/a), [b](#numbers)"),
        ("docs/models.md", "```\n[a](../README.md)\n```", "```\n[a](../README.md)\n```"),
    ],
)
def test_link_leads_to_the_place_on_the_site(page: str, text: str, on_the_site: str) -> None:
    assert with_links_of_site(text, page, PROJECT) == on_the_site


def test_only_links_to_files_are_linked_paths() -> None:
    text = "[a](../tsunagu/errors.py#L3), [b](https://example.com), [c](#c)\n```\n[d](d.py)\n```"

    assert linked_paths(text, "docs/models.md") == ["tsunagu/errors.py"]


@pytest.mark.parametrize(
    ("text", "spaced"),
    [
        ("It says:\n- a\n- b", "It says:\n\n- a\n- b"),
        ("It says:\n1. a", "It says:\n\n1. a"),
        ("It says:\n| a |\n|---|", "It says:\n\n| a |\n|---|"),
        ("- a\n  more\n- b", "- a\n  more\n- b"),
        ("It says:\n```\n- a\n```", "It says:\n```\n- a\n```"),
    ],
)
def test_list_or_table_begins_after_an_empty_line(text: str, spaced: str) -> None:
    assert with_space_before_lists(text) == spaced


def test_page_of_a_file_shows_it_and_that_of_a_folder_lists_it(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "a.py").write_text("x = 1\n")

    assert "``````python\nx = 1\n``````" in source_page("part/a.py", tmp_path)
    assert "- `part/a.py`" in source_page("part", tmp_path)
