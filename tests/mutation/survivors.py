"""Survivors: mutants that no test sees, each in a list with the reason."""

import ast
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.mutants import Fate, Mutant

LIST = Path(__file__).with_name("survivors.toml")


@dataclass(frozen=True, slots=True)
class Survivor:
    """A mutant that is known to survive.

    Attributes:
        function: Dotted name of the function.
        change: The lines that differ, as `Mutant` has them.
        reason: Why no test can, or needs to, see it.
    """

    function: str
    change: str
    reason: str

    @property
    def identity(self) -> tuple[str, str]:
        """What it shares with its mutant."""
        return self.function, self.change


def known(path: Path = LIST) -> list[Survivor]:
    """Read the list."""
    entries = tomllib.loads(path.read_text())["survivor"]
    return [Survivor(each["function"], each["change"].strip(), each["reason"]) for each in entries]


def surprising(mutants: Iterable[Mutant], listed: Iterable[Survivor]) -> list[str]:
    """Return mutmut's names of the mutants that are left and not in the list."""
    names = {survivor.identity for survivor in listed}
    return [mutant.name for mutant in mutants if mutant.is_left and mutant.identity not in names]


def report(mutants: Sequence[Mutant], listed: Iterable[Survivor]) -> tuple[list[str], bool]:
    """Return the lines of the report, and whether all is well: each mutant was tried, and each survivor is listed."""
    tried = [mutant for mutant in mutants if mutant.fate is not Fate.LEFT_OUT]
    names = {survivor.identity for survivor in listed}
    unlisted = {mutant.identity for mutant in tried if mutant.is_left and mutant.identity not in names}
    seen = {mutant.identity for mutant in tried if not mutant.is_left}
    lines = [as_entry(*identity) for identity in sorted(unlisted)]
    lines += [f"no survivor any more, take it off the list: {name}\n{change}" for name, change in sorted(names & seen)]
    lines += [f"{fate.value}: {sum(mutant.fate is fate for mutant in mutants)}" for fate in Fate]
    caught = sum(not mutant.is_left for mutant in tried)
    lines.append(f"ratio mutation.score = {caught / max(1, len(tried)):.3f}")
    return lines, len(tried) == len(mutants) > 0 and not unlisted


def as_entry(function: str, change: str) -> str:
    """Return a survivor as the list has it, without its reason."""
    return f"[[survivor]]\nfunction = \"{function}\"\nchange = '''\n{change}\n'''\nreason = \"\"\n"


def source_of(function: str, root: Path) -> str | None:
    """Return the source of a function by its dotted name, each line without its indent; None when there is none."""
    module = next((path for path in _modules(function, root) if path.is_file()), None)
    if module is None:
        return None
    names = function.removeprefix(".".join(module.relative_to(root).with_suffix("").parts)).strip(".").split(".")
    text = module.read_text()
    node: ast.AST = ast.parse(text)
    for name in names:
        found = next((child for child in ast.iter_child_nodes(node) if getattr(child, "name", None) == name), None)
        if found is None:
            return None
        node = found
    segment = ast.get_source_segment(text, node) or ""
    return "\n".join(line.strip() for line in segment.split("\n"))


def _modules(function: str, root: Path) -> Iterable[Path]:
    parts = function.split(".")
    return (root.joinpath(*parts[:number]).with_suffix(".py") for number in range(len(parts) - 1, 0, -1))
