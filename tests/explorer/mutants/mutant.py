"""Rules that are broken on purpose, and where the explorer must see it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from tsunagu.testing.explorer.bounds import Bounds

Patch = pytest.MonkeyPatch
Break = Callable[[Patch], None]

NOTHING_MORE = Bounds()
ONE_SWITCH = Bounds(switches=1)
CRASH = Bounds(crashes=1, switches=1)
TWO_SWITCHES = Bounds(crashes=1, switches=2)
FAILED_CALL = Bounds(lost=1, switches=1)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A broken rule, and where it must be seen.

    Attributes:
        scenario: Name of the scenario.
        bounds: What may go wrong there.
        apply: Breaks the rule.
        start: Where the search begins; a search from the beginning finds the same, after half a minute.
    """

    scenario: str
    bounds: Bounds
    apply: Break
    start: Sequence[int] = ()


class Mutants(dict[str, Mutant]):
    """Mutants by their names."""

    def seen_in(
        self, scenario: str, bounds: Bounds = NOTHING_MORE, start: Sequence[int] = ()
    ) -> Callable[[Break], Break]:
        """Register a function that breaks a rule."""

        def register(apply: Break) -> Break:
            self[f"{apply.__name__}, {scenario}"] = Mutant(scenario, bounds, apply, start)
            return apply

        return register
