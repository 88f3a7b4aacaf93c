"""Reads Dockerfiles: their instructions and stages. No program of a Dockerfile is run.

https://docs.docker.com/reference/dockerfile/
"""

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

_CONTINUED = re.compile(r"\\[ \t]*$")
_HERE_DOCUMENT = re.compile(r"<<-?[\"']?(\w+)[\"']?")
_WITH_HERE_DOCUMENTS = frozenset({"ADD", "COPY", "RUN"})
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction.

    Attributes:
        word: Its name, in upper case.
        rest: What follows the name, with continued lines joined. The text of a here-document follows in lines of its
            own.
        line: Number of its first line, from 1.
    """

    word: str
    rest: str
    line: int

    @property
    def options(self) -> dict[str, str]:
        """Its options `--name=value`, by name."""
        words = (word for word in self.words() if word.startswith("--"))
        return {name: value for name, _, value in (word.removeprefix("--").partition("=") for word in words)}

    @property
    def arguments(self) -> list[str]:
        """Its words without options. An instruction in JSON form has the strings of its list."""
        arguments = [word for word in self.words() if not word.startswith("--")]
        return self.strings() or arguments

    def words(self) -> list[str]:
        """Return the words of its first line, without quotation marks."""
        first = self.rest.partition("\n")[0]
        try:
            return shlex.split(first)
        except ValueError:  # an unbalanced quotation mark, which Docker reads in its own way
            return first.split()

    def strings(self) -> list[str] | None:
        """Return the strings of its JSON form (`CMD ["a", "b"]`), or None when it has another form."""
        options = re.match(r"(--\S+\s+)*", self.rest)
        try:
            read = json.loads(self.rest[options.end() if options else 0 :])
        except ValueError:
            return None
        return read if isinstance(read, list) and all(isinstance(each, str) for each in read) else None


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: a `FROM` and what follows it.

    Attributes:
        name: Its name, or its number when it has none.
        base: The image, or the name of the stage, that it starts from. Variables are filled in.
        start: Its `FROM`.
        instructions: The instructions after it.
    """

    name: str
    base: str
    start: Instruction
    instructions: list[Instruction] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """The stages of a Dockerfile.

    Attributes:
        stages: The stages, in order. The last one makes the image.
        arguments: Values of the `ARG` before the first stage.
    """

    stages: list[Stage]
    arguments: dict[str, str]

    @classmethod
    def parse(cls, text: str, build_arguments: Mapping[str, str]) -> Self:
        """Read a Dockerfile.

        Args:
            text: Its text.
            build_arguments: Values for `ARG`, by name.
        """
        stages: list[Stage] = []
        arguments: dict[str, str] = {}
        for each in read_instructions(text):
            if each.word == "FROM":
                base, *alias = each.arguments or [""]
                named = len(alias) == 2 and alias[0].upper() == "AS"  # noqa: PLR2004 - `AS name`
                stages.append(Stage(alias[1] if named else str(len(stages)), fill(base, arguments), each))
            elif stages:
                stages[-1].instructions.append(each)
            elif each.word == "ARG":
                arguments |= argument_values(each, arguments, build_arguments)
        return cls(stages, arguments)

    def earlier(self, name: str, stage: Stage) -> Stage | None:
        """Return the stage that a name means in `stage`: one before it, by its name or number. None: an image."""
        for number, each in enumerate(self.stages):
            if each is stage:
                return None
            if name.lower() in {each.name.lower(), str(number)}:
                return each
        return None

    def line(self, stage: Stage) -> list[Stage]:
        """Return a stage and those that it starts from, the first one first."""
        line = [stage]
        while (base := self.earlier(line[0].base, line[0])) is not None:
            line.insert(0, base)
        return line

    def needed(self, stage: Stage) -> list[Stage]:
        """Return a stage and those that it starts or copies from, in order. Docker builds no others."""
        needed: list[Stage] = []
        ahead = [stage]
        while ahead:
            found = ahead.pop()
            if all(each is not found for each in needed):
                needed.append(found)
                origins = [each.options.get("from", "") for each in found.instructions if each.word == "COPY"]
                ahead += [each for name in (found.base, *origins) if (each := self.earlier(name, found))]
        return sorted(needed, key=lambda each: each.start.line)


def read_instructions(text: str) -> Iterator[Instruction]:
    """Yield the instructions of a Dockerfile."""
    lines = list(enumerate(text.splitlines(), start=1))
    while lines:
        number, line = lines.pop(0)
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        while _CONTINUED.search(line):
            line = _CONTINUED.sub(" ", line)
            while lines and (not lines[0][1].strip() or lines[0][1].lstrip().startswith("#")):
                lines.pop(0)  # comments and empty lines may stand between continued lines
            if not lines:
                break
            line += lines.pop(0)[1]
        word, _, rest = line.strip().partition(" ")
        here = _HERE_DOCUMENT.findall(rest) if word.upper() in _WITH_HERE_DOCUMENTS else []
        yield Instruction(word.upper(), "\n".join([rest.strip(), *_here_documents(lines, here)]), number)


def _here_documents(lines: list[tuple[int, str]], ends: Sequence[str]) -> Iterator[str]:
    """Yield, and remove, the lines up to the last end of the here-documents."""
    for end in ends:
        while lines and (line := lines.pop(0)[1]).strip() != end:
            yield line


def assignments(instruction: Instruction) -> dict[str, str]:
    """Return the variables that `ENV` or `ARG` sets. `ENV NAME value` is the older form."""
    rest = instruction.rest
    if instruction.word == "ENV" and "=" not in rest.partition(" ")[0]:
        name, _, value = rest.partition(" ")
        return {name: value.strip()}
    return {name: value for name, _, value in (word.partition("=") for word in instruction.words() if "=" in word)}


def argument_values(
    instruction: Instruction, outer: Mapping[str, str], build_arguments: Mapping[str, str]
) -> dict[str, str]:
    """Return the variables that an `ARG` sets: to a build argument, else to its default, else to the value outside.

    Args:
        instruction: The `ARG`.
        outer: Values of the `ARG` before it.
        build_arguments: Values for `ARG`, by name.
    """
    values = {name: outer[name] for name in instruction.words() if name in outer}
    values |= {name: fill(value, outer) for name, value in assignments(instruction).items()}
    names = {word.partition("=")[0] for word in instruction.words()}
    return values | {name: value for name, value in build_arguments.items() if name in names}


def fill(text: str, variables: Mapping[str, str], *, unset: str | None = None) -> str:
    """Return `text` with the values of variables.

    Args:
        text: A text with `$NAME`, `${NAME}` or `${NAME:-default}`.
        variables: Values by name.
        unset: What stands for a name without a value. Default: it is left as it is.
    """

    def value_of(match: re.Match[str]) -> str:
        default: str | None = match[2] if match[2] is not None else unset
        return variables.get(match[1] or match[3], match[0] if default is None else default)

    return _VARIABLE.sub(value_of, text)
