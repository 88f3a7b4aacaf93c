"""Each exported construct has a page; what the pages say of props, templates and permissions is that of the code."""

import dataclasses
import inspect
import re
from collections import Counter
from pathlib import Path

import pytest
from constructs import Construct

import tsunagu.cdk
from tests.docs.reference import pages
from tests.docs.reference.props import described, own_fields, props_table, split_default
from tests.docs.reference.stacks import synthesized

ANEW = "make docs-pages writes these sections anew; read the difference then"
EXPORTED = [value for name in tsunagu.cdk.__all__ if inspect.isclass(value := getattr(tsunagu.cdk, name))]
# Parts of a job, which its page describes; and what the build of an asset returns.
WITHOUT_PAGE = {"JobAlarms", "JobMetrics"}
NO_PROPS = {"HandlerAsset", "ImageAsset"}
CONSTRUCTS = sorted({kind.__name__ for kind in EXPORTED if issubclass(kind, Construct)} - WITHOUT_PAGE)
PROPS = sorted({kind.__name__ for kind in EXPORTED if dataclasses.is_dataclass(kind)} - NO_PROPS)
HEADINGS = ("## What fails", "## What it costs", "## Alarms", "## Permissions", "## All props")


def made(kind: str) -> Counter[str]:
    """Count the sections of a kind by what they are of."""
    texts = (page.read_text(encoding="utf-8") for page in pages.pages())
    return Counter(name for text in texts for found, name, _ in pages.sections(text) if found == kind)


@pytest.mark.parametrize("kind", pages.FROM_TEMPLATES)
def test_each_construct_has_a_section_of_each_kind(kind: str) -> None:
    assert made(kind) == Counter(CONSTRUCTS)


def test_each_class_of_props_has_one_table() -> None:
    assert made("props") == Counter(PROPS)


@pytest.mark.parametrize("page", pages.pages(), ids=lambda page: page.stem)
def test_pages_of_constructs_have_one_form(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    assert [heading for heading in HEADINGS if f"\n{heading}" not in text] == []
    assert sorted(HEADINGS, key=lambda heading: text.index(f"\n{heading}")) == [*HEADINGS]


@pytest.mark.parametrize("name", sorted({*CONSTRUCTS} - {*pages.WITHOUT_PICTURE}))
def test_construct_has_a_picture_on_its_page(name: str) -> None:
    texts = [page.read_text(encoding="utf-8") for page in pages.pages()]

    assert pages.picture_file(name).is_file()
    assert sum(f"(../pictures/constructs/{pages.picture_file(name).name})" in text for text in texts) == 1


@pytest.mark.parametrize("page", pages.pages(), ids=lambda page: page.stem)
def test_props_of_the_page_are_those_of_the_code(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    assert pages.with_sections(text, {"props": pages.props_of}) == text, ANEW


@pytest.mark.parametrize("name", PROPS)
def test_docstring_describes_each_prop(name: str) -> None:
    props = getattr(tsunagu.cdk, name)

    assert [field.name for field in own_fields(props) if not described(props).get(field.name)] == []


@pytest.mark.parametrize("name", PROPS)
def test_plain_default_of_a_docstring_is_that_of_the_code(name: str) -> None:
    props = getattr(tsunagu.cdk, name)
    said = {field: split_default(described(props)[field.name])[2] for field in own_fields(props)}

    assert [field.name for field, text in said.items() if not agrees(text, field.default)] == []


def agrees(text: str, default: object) -> bool:
    """Return whether a docstring's default can be that of the code: numbers and quoted values must be equal."""
    quoted = re.fullmatch(r"`([^`]+)`", text)
    if quoted and isinstance(default, str):
        return quoted[1] == default
    number = re.fullmatch(r"[\d,]+", text)
    return not number or int(text.replace(",", "")) == default


def test_other_default_than_that_of_the_code_is_found() -> None:
    assert agrees("10", 10)
    assert agrees("`Tsunagu`", "Tsunagu")
    assert agrees("as many as fit", None)
    assert not agrees("10", 20)
    assert not agrees("`Tsunagu`", "Other")


@pytest.mark.slow
@pytest.mark.parametrize("page", pages.pages(), ids=lambda page: page.stem)
def test_page_says_what_the_templates_have(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    assert pages.with_sections(text, pages.kinds_from_templates(synthesized())) == text, ANEW


@pytest.mark.slow
def test_pictures_are_those_of_the_templates() -> None:
    drawn = pages.pictures(synthesized())

    assert [file.name for file, svg in drawn.items() if file.read_text(encoding="utf-8") != svg] == [], ANEW


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """Settings of a base.

    Attributes:
        name: Its name.
    """

    name: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Example(Base):
    """Settings of an example.

    Attributes:
        size: Number of things, 1 to 9: one | two. Default: as many as fit. With a window, more.
        speed: How fast it is.
        label: What it is called, or
            nothing. Default, and least: no name.
    """

    size: int | None = None
    speed: int = 5
    label: str | None = None

    @property
    def not_a_prop(self) -> int:
        return 1


def test_table_has_the_props_of_the_class_itself() -> None:
    assert props_table(Example, "link to {}".format).splitlines() == [
        "`Example` has the props of link to Base, and these:",
        "",
        "| prop | type | default | what it is |",
        "|---|---|---|---|",
        r"| `size` | `int` | as many as fit | Number of things, 1 to 9: one \| two. With a window, more. |",
        "| `speed` | `int` | `5` | How fast it is. |",
        "| `label` | `str` | no name (and least) | What it is called, or nothing. |",
    ]


def test_section_is_written_between_its_marks_and_the_others_stay() -> None:
    begin, end = "<!-- made by make docs-pages: {} of Base -->\n", "<!-- end -->"
    page = "a\n{}old\n{}\nb\n{}{}\n".format(begin.format("props"), end, begin.format("alarms"), end)

    assert pages.with_sections(page, {"props": lambda name: f"new of {name}"}) == page.replace("old", "new of Base")
