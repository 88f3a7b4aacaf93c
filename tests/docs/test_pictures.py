"""The pictures of the documentation are those of the templates."""

import copy
from pathlib import Path

import pytest

from tests.docs import pictures
from tests.snapshots.stages import templates


@pytest.fixture(scope="module")
def page() -> str:
    return pictures.PAGE.read_text(encoding="utf-8")


def test_picture_is_that_of_the_template(page: str) -> None:
    assert pictures.page_with(page, pictures.picture(pictures.definition())) == page


def test_another_machine_has_another_picture(page: str) -> None:
    machine = copy.deepcopy(dict(pictures.definition()))

    machine["States"]["Send"]["Catch"][0]["Next"] = "Notify"

    assert pictures.page_with(page, pictures.picture(machine)) != page


def test_each_state_is_described_on_the_page(page: str) -> None:
    for name in pictures.definition()["States"]:
        assert f"`{name}`" in page, name


@pytest.mark.parametrize("stack", pictures.PICTURES)
def test_picture_of_a_flow_is_that_of_its_template(stack: str) -> None:
    drawn = pictures.PICTURES[stack].read_text(encoding="utf-8")

    assert drawn == pictures.flow(stack), "python -m tests.docs.pictures draws the pictures anew; look at them then"


@pytest.mark.parametrize("file", pictures.PICTURES.values(), ids=lambda file: file.stem)
def test_each_picture_is_shown_on_a_page(file: Path) -> None:
    pages = [*pictures.DOCS.glob("*.md"), pictures.DOCS.parent / "README.md"]

    assert any(f"pictures/{file.name})" in page.read_text(encoding="utf-8") for page in pages)


def test_each_stack_of_the_app_has_a_picture() -> None:
    assert {f"tsunagu-dev-{stack}" for stack in pictures.PICTURES} == set(templates("dev"))
