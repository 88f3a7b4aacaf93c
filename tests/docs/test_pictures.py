"""The picture of the state machine in the documentation is that of the template."""

import copy

import pytest

from tests.docs import pictures


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
