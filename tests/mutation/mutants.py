"""Mutants: what mutmut changed in the code, and what became of it, read from the files that it leaves."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import unified_diff
from enum import Enum
from pathlib import Path

_NAME = re.compile(r"(?P<module>.+)\.(?P<function>x.+)__mutmut_\d+")
_CLASS_MARK = "ǁ"
_LINES_OF_A_FILE = ("---", "+++", "@@")


class Fate(Enum):
    """What became of a mutant."""

    CAUGHT = "caught"  # a test failed, or none of them ended
    REFUSED = "refused by mypy"
    SURVIVED = "survived"
    UNREACHED = "run by no test"
    LEFT_OUT = "not tried"


# mutmut's exit codes: those of pytest, and some of its own. Any other means that a test failed, or did not end.
_FATES = {
    None: Fate.LEFT_OUT,
    0: Fate.SURVIVED,
    2: Fate.LEFT_OUT,  # interrupted
    5: Fate.UNREACHED,
    33: Fate.UNREACHED,
    37: Fate.REFUSED,
    255: Fate.LEFT_OUT,  # the process could not run the tests
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one function.

    Attributes:
        function: Its dotted name, with that of its class.
        change: The lines that differ: those without the change begin with `- `, those with it with `+ `.
        fate: What became of it.
        name: mutmut's name for it.
    """

    function: str
    change: str
    fate: Fate
    name: str = field(default="", compare=False)

    @property
    def identity(self) -> tuple[str, str]:
        """What stays the same while other lines of the function change."""
        return self.function, self.change

    @property
    def is_left(self) -> bool:
        """Whether it was tried, and nothing saw it."""
        return self.fate in {Fate.SURVIVED, Fate.UNREACHED}


def mutants_below(folder: Path) -> Iterator[Mutant]:
    """Read the mutants of every file below mutmut's folder."""
    for results in sorted(folder.rglob("*.py.meta")):
        source = results.with_suffix("")
        fates: dict[str, int | None] = json.loads(results.read_text())["exit_code_by_key"]
        if fates:
            lines, spans = (
                source.read_text().split("\n"),
                json.loads(source.with_suffix(".py.spans").read_text())["spans"],
            )
            for name, exit_code in fates.items():
                yield _mutant(name, exit_code, lines, spans)


def _mutant(name: str, exit_code: int | None, lines: list[str], spans: dict[str, tuple[int, int]]) -> Mutant:
    found = _NAME.fullmatch(name)
    assert found is not None, name
    copies = (f"{found['function']}__mutmut_orig", name.removeprefix(f"{found['module']}."))
    before, after = (
        [line.strip() for line in lines[first - 1 : last]] for first, last in map(spans.__getitem__, copies)
    )
    function = found["function"].removeprefix("x").strip(_CLASS_MARK).replace(_CLASS_MARK, ".")
    function = function if _CLASS_MARK in found["function"] else function.removeprefix("_")
    return Mutant(f"{found['module']}.{function}", _change(before, after), _FATES.get(exit_code, Fate.CAUGHT), name)


def _change(before: list[str], after: list[str]) -> str:
    changed = [line for line in unified_diff(before, after, n=0, lineterm="") if not line.startswith(_LINES_OF_A_FILE)]
    return "\n".join(f"{line[0]} {line[1:]}" for line in changed if "__mutmut_" not in line)
