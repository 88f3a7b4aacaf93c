"""Schedules: what was chosen at each point of a run, the search through all or some of them, and the replay of one."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

EVENTS_PER_RUN = 3  # of those that are drawn at random


class Violation(SystemExit):
    """A schedule broke an invariant; the text says which, and how to see it again.

    It is a `SystemExit`, because the explored code must not take it for an error of a message.

    Attributes:
        schedule: What `replay` needs, once it is known.
    """

    schedule: Sequence[int] = ()


class Choices:
    """The choices of one run: those of a prefix, and then always the first option, on which nothing goes wrong.

    Attributes:
        taken: Index of the option that was chosen at each point with more than one, and the number of options there.
        trace: What happened, in words.
    """

    def __init__(self, prefix: Sequence[int] = ()) -> None:
        self._prefix = prefix
        self.taken: list[tuple[int, int]] = []
        self.trace: list[str] = []

    def pick(self, options: Sequence[str]) -> str:
        """Choose one of `options`."""
        if len(options) == 1:
            return options[0]
        position = len(self.taken)
        index = self._prefix[position] if position < len(self._prefix) else 0
        self.taken.append((index, len(options)))
        return options[index]

    @property
    def schedule(self) -> list[int]:
        """The shortest prefix that leads to the same run."""
        indexes = [index for index, _ in self.taken]
        while indexes and indexes[-1] == 0:
            indexes.pop()
        return indexes

    def next_prefix(self) -> list[int] | None:
        """The prefix of the next run in depth-first order; None after the last."""
        for position in range(len(self.taken) - 1, -1, -1):
            index, size = self.taken[position]
            if index + 1 < size:
                return [each for each, _ in self.taken[:position]] + [index + 1]
        return None


class RandomChoices(Choices):
    """Choices drawn at random: at most points nothing goes wrong.

    Args:
        rng: Where they are drawn from.
        chance: How likely something else than the first option is chosen, from 0 to 1.
    """

    def __init__(self, rng: random.Random, chance: float) -> None:
        super().__init__()
        self._rng = rng
        self._chance = chance

    def pick(self, options: Sequence[str]) -> str:
        """Choose one of `options`."""
        if len(options) == 1:
            return options[0]
        index = self._rng.randrange(1, len(options)) if self._rng.random() < self._chance else 0
        self.taken.append((index, len(options)))
        return options[index]


class Scenario(Protocol):
    """What is run again and again, by other choices each time."""

    @property
    def name(self) -> str:
        """What reports call it."""
        ...

    def run(self, choices: Choices) -> None:
        """What reports call it."""
        """Run to the end.

        Raises:
            Violation: An invariant did not hold.
        """
        ...


@dataclass(slots=True)
class Explored:
    """What a search covered.

    Attributes:
        schedules: Number of runs.
        deepest: Most points with a choice in one run.
        is_complete: Whether no schedule within the scenario's bounds was left out.
    """

    schedules: int = 0
    deepest: int = 0
    is_complete: bool = False


@dataclass(slots=True)
class _Search:
    scenario: Scenario
    limit: int | None
    start: Sequence[int]
    explored: Explored = field(default_factory=Explored)

    def runs(self) -> Iterator[Choices]:
        prefix: list[int] | None = [*self.start]
        while prefix is not None and (self.limit is None or self.explored.schedules < self.limit):
            choices = Choices(prefix)
            self.explored.schedules += 1
            yield choices
            self.explored.deepest = max(self.explored.deepest, len(choices.taken))
            prefix = choices.next_prefix()
        self.explored.is_complete = prefix is None and not self.start


def explore(scenario: Scenario, *, limit: int | None = None, start: Sequence[int] = ()) -> Explored:
    """Run every schedule of `scenario`, depth first.

    Args:
        scenario: What to run.
        limit: Most schedules. Default: all.
        start: Schedule to begin with; those before it, in depth-first order, are left out.

    Raises:
        Violation: The first schedule that broke an invariant, with the call that replays it.
    """
    search = _Search(scenario, limit, start)
    for choices in search.runs():
        _run(scenario, choices)
    return search.explored


def survey(scenario: Scenario, *, limit: int) -> Explored:
    """Run every schedule of `scenario`, or, when there are too many, some of them.

    A search that is cut short has seen only what goes wrong late in a run. So it is given half of `limit`; if that is
    not enough for all schedules, the other half is drawn at random.

    Args:
        scenario: What to run.
        limit: Most schedules.

    Raises:
        Violation: The first schedule that broke an invariant, with the call that replays it.
    """
    explored = explore(scenario, limit=limit // 2)
    rng = random.Random(limit)
    while not explored.is_complete and explored.schedules < limit:
        choices = RandomChoices(rng, EVENTS_PER_RUN / explored.deepest)
        _run(scenario, choices)
        explored.schedules += 1
    return explored


def replay(scenario: Scenario, schedule: Sequence[int]) -> list[str]:
    """Run one schedule again; return what happened, in words."""
    choices = Choices(schedule)
    _run(scenario, choices)
    return choices.trace


def _run(scenario: Scenario, choices: Choices) -> None:
    try:
        scenario.run(choices)
    except Violation as violation:
        reported = Violation(_report(scenario, choices, violation))
        reported.schedule = choices.schedule
        raise reported from None


def _report(scenario: Scenario, choices: Choices, violation: Violation) -> str:
    lines = [str(violation), f"replay(SCENARIOS[{scenario.name!r}], {choices.schedule})", *choices.trace]
    return "\n  ".join(lines)
