"""The session of the page has commands that exist, with options that they have. A slow test makes it anew."""

import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from tests.docs import session
from tsunagu.cli.command import app
from tsunagu.cli.global_options import hoisted

MOST_COMMANDS = 9


def commands(page: str) -> list[list[str]]:
    """Return the arguments of each command of the session."""
    lines = session.section_of(page).splitlines()
    shown = [line.removeprefix(session.PROMPT) for line in lines if line.startswith(session.PROMPT)]
    return [shlex.split(line)[1:] for line in shown]


def faults(arguments: list[str]) -> Iterator[str]:
    """Yield what the command would refuse of these arguments."""
    command: Any = typer.main.get_command(app)
    rest = hoisted(arguments)
    while hasattr(command, "commands"):
        name = rest.pop(0)
        if name not in command.commands:
            yield f"no verb {name}"
            return
        command = command.commands[name]
    options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    yield from (f"no option {each}" for each in rest if each.startswith("-") and each.partition("=")[0] not in options)


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
