"""Command lines of the documents, parsed by the real command and compared with the real Makefile."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import typer

from tsunagu.cli.command import app
from tsunagu.cli.global_options import hoisted

PROJECT = Path(__file__).resolve().parents[2]
PROMPT = "$ "
# What else a reader is told to run. Nothing checks their arguments.
OTHERS = frozenset(
    (
        "aws",
        "cd",
        "cdk",
        "curl",
        "echo",
        "eval",
        "export",
        "git",
        "mkdir",
        "mypy",
        "npm",
        "npx",
        "pip",
        "pipx",
        "pytest",
        "python",
        "python3",
        "ruff",
        "uv",
        ".",
    )
)
# Typer has click's classes inside; this is the base of what its parser raises.
USAGE_ERROR: Any = typer.BadParameter.__base__
_ENDS = ("&&", "|", ";", "||")
_PLACEHOLDER = re.compile(r"<[^>]+>")
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*=")


def faults_of_lines(text: str) -> Iterator[str]:
    """Yield what is wrong with the commands of a block: of lines behind a prompt, or else of all lines."""
    for line in command_lines(text):
        try:
            words = shlex.split(_PLACEHOLDER.sub("X", line), comments=True)
        except ValueError as error:
            yield f"{error}: {line}"
            continue
        for command in _commands(words):
            yield from (f"{fault}: {line}" for fault in faults_of_words(command))


def command_lines(text: str) -> list[str]:
    """Return the command lines of a block, with continued lines as one."""
    lines = text.replace("\\\n", " ").splitlines()
    shown = [line.removeprefix(PROMPT) for line in lines if line.startswith(PROMPT)]
    return shown or [line for line in lines if line.strip()]


def faults_of_words(words: list[str]) -> Iterator[str]:
    """Yield what is wrong with one command."""
    while words and _VARIABLE.match(words[0]):
        words = words[1:]
    name = words[0].removeprefix(".venv/bin/") if words else ""
    if name == "tsunagu":
        yield from faults(words[1:])
    elif name == "make":
        targets = [word for word in words[1:] if "=" not in word and not word.startswith("-")]
        yield from (f"no target {target}" for target in targets if target not in make_targets())
    elif name and name not in OTHERS:
        yield f"no command that a reader has: {name}"


def faults(arguments: list[str]) -> Iterator[str]:
    """Yield what the command `tsunagu` would refuse of these arguments."""
    command = _application()
    rest = hoisted(arguments)
    while hasattr(command, "commands"):
        options = _options(command)
        while rest and rest[0].partition("=")[0] in options:
            rest = rest[1 if "=" in rest[0] or options[rest[0]] else 2 :]
        if not rest or rest[0] in ("--help", "--version"):
            return
        name = rest.pop(0)
        if name not in command.commands:
            yield f"no verb {name}"
            return
        command = command.commands[name]
    yield from _faults_of_verb(command, rest)


@cache
def _application() -> Any:
    return typer.main.get_command(app)


def _faults_of_verb(command: Any, rest: list[str]) -> Iterator[str]:
    if "--help" in rest:
        return
    options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    wrong = [each for each in rest if each.startswith("--") and each.partition("=")[0] not in options]
    yield from (f"no option {each}" for each in wrong)
    if wrong:
        return
    try:
        _, left, _ = command.make_parser(typer.Context(command)).parse_args(rest)
    except USAGE_ERROR as error:
        yield error.format_message()
        return
    if left:
        yield f"unexpected {' '.join(left)}"


def _options(command: Any) -> dict[str, bool]:
    """Return the options of a group, and whether each is a flag."""
    return {option: bool(parameter.is_flag) for parameter in command.params for option in parameter.opts}


@cache
def make_targets() -> frozenset[str]:
    """Return the targets of the Makefile, and of those that a reader's repository begins with."""
    others = [file for folder in ("tsunagu", "examples") for file in (PROJECT / folder).rglob("Makefile*")]
    texts = [file.read_text(encoding="utf-8") for file in (PROJECT / "Makefile", *others)]
    named = [line for text in texts for line in re.findall(r"^([a-z][\w -]*):(?!=)", text, re.MULTILINE)]
    return frozenset(target for line in named for target in line.split())


def _commands(words: list[str]) -> Iterator[list[str]]:
    command: list[str] = []
    for word in words:
        if word in _ENDS:
            yield command
            command = []
        elif word == ">":
            break
        else:
            command.append(word)
    yield command
