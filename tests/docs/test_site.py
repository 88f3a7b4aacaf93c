"""The site has each page once, leads each link to a page, and asks no other server. `make docs` builds it."""

import re
from pathlib import Path
from typing import Any

import pytest

from docsite.links import linked_paths, place_on_site, with_links_of_site, with_space_before_lists
from docsite.llms import first_sentence, llms_text
from docsite.navigation import pages_of, paths_of_pages, read_config
from docsite.sources import source_page
from tests.docs.test_links import PROJECT

_SCRIPTS = re.compile(r"^docsite/|^assets/")


@pytest.fixture(scope="module")
def config() -> Any:
    return read_config(PROJECT)


def test_each_page_is_in_the_navigation_once(config: Any) -> None:
    assert sorted(pages_of(config["nav"])) == sorted(map(place_on_site, paths_of_pages(PROJECT)))


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


def test_index_for_programs_is_that_of_the_pages() -> None:
    index = (PROJECT / "docs" / "llms.txt").read_text(encoding="utf-8")

    assert llms_text(PROJECT) == index, "make docs-pages writes it anew"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("# A\nIt is [short](b.md). It ends.\n", "It is short."),
        ("# A\n\n**Context.** The wheel\nheld two. More.\n", "The wheel held two."),
        ("# A\nThese are it:\n- a\n", "These are it"),
        ("# A\n一つ目です。二つ目です。\n", "一つ目です。"),
        ("# A\n```\ncode\n```\n", ""),
        ("# A\n<!-- made -->\n| a |\n|---|\n", ""),
    ],
)
def test_first_sentence_of_a_page(text: str, sentence: str) -> None:
    assert first_sentence(text) == sentence
