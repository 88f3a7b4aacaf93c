"""Reads Dockerfiles: their instructions and stages. No program of a Dockerfile is run.

https://docs.docker.com/reference/dockerfile/
"""

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

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


def read_stages(instructions: Sequence[Instruction], build_arguments: Mapping[str, str]) -> list[Stage]:
    """Return the stages of a Dockerfile, in order.

    Args:
        instructions: What `read_instructions` yields.
        build_arguments: Values for `ARG`. A name that the Dockerfile does not declare before its first stage has no
            effect on a `FROM`.
    """
    declared: dict[str, str] = {}
    stages: list[Stage] = []
    for each in instructions:
        if each.word == "FROM":
            base, *alias = each.arguments or [""]
            named = len(alias) == 2 and alias[0].upper() == "AS"  # noqa: PLR2004 - `AS name`
            stages.append(Stage(alias[1] if named else str(len(stages)), fill(base, declared), each))
        elif stages:
            stages[-1].instructions.append(each)
        elif each.word == "ARG":
            given = {name: build_arguments[name] for name in each.rest.split() if name in build_arguments}
            declared |= given | {
                name: build_arguments.get(name, fill(value, declared)) for name, value in assignments(each).items()
            }
    return stages


def assignments(instruction: Instruction) -> dict[str, str]:
    """Return the variables that `ENV` or `ARG` sets. `ENV NAME value` is the older form."""
    rest = instruction.rest
    if instruction.word == "ENV" and "=" not in rest.partition(" ")[0]:
        name, _, value = rest.partition(" ")
        return {name: value.strip()}
    return {name: value for name, _, value in (word.partition("=") for word in instruction.words() if "=" in word)}


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
