"""The session of the page has commands that exist, with options that they have. A slow test makes it anew."""

import shlex

import pytest

from tests.docs import session
from tests.docs.commands import faults

MOST_COMMANDS = 9


def commands(page: str) -> list[list[str]]:
    """Return the arguments of each command of the session."""
    lines = session.section_of(page).splitlines()
    shown = [line.removeprefix(session.PROMPT) for line in lines if line.startswith(session.PROMPT)]
    return [shlex.split(line)[1:] for line in shown]


@pytest.fixture(scope="module")
def page() -> str:
    return session.PAGE.read_text(encoding="utf-8")


def test_each_command_of_the_page_exists_with_its_options(page: str) -> None:
    assert [fault for arguments in commands(page) for fault in faults(arguments)] == []


def test_four_faults_are_repaired_in_under_ten_commands(page: str) -> None:
    assert 0 < len(commands(page)) <= MOST_COMMANDS


@pytest.mark.parametrize(
    ("line", "fault"),
    [("statsu shop", "no verb statsu"), ("dlq lits", "no verb lits"), ("dlq list --stak shop", "no option --stak")],
)
def test_planted_command_that_does_not_exist_is_found(line: str, fault: str) -> None:
    assert [*faults(line.split())] == [fault]


def test_other_numbers_and_widths_are_the_same_session() -> None:
    assert session.comparable("a   12 s   -\n────── x") == session.comparable("─── x\na 7 min 3")
    assert session.comparable("now: done") != session.comparable("now: dead")
