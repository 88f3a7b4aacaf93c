"""Random lives of a plant: kills, clocks that jump, duplicates, redrives and expiry, until all is quiet."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from tests.explorer.business import MakeProcess, forwarding, misbehaving, plain, refuse, transactional
from tests.explorer.plant import Plant
from tests.explorer.promises import Promises
from tests.explorer.scenarios import SPENT
from tests.explorer.sent import Fate, Sent
from tests.explorer.setting import Setting
from tsunagu.testing.explorer.bounds import Bounds
from tsunagu.testing.explorer.schedule import Choices, Violation

LONGEST_CLOCK_STEP_MS = 120_000
PAYMENTS = st.sampled_from(["p1", "p2", "bad", "unsendable"])
LIVES = settings(
    max_examples=30, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
MANY_LIVES = settings(LIVES, max_examples=200)


class ListedChoices(Choices):
    """Choices from a list; where the list is empty, or has no such option, nothing goes wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.listed: list[int] = []

    def pick(self, options: Sequence[str]) -> str:
        """Return the option that the list names."""
        index = self.listed.pop() if self.listed and len(options) > 1 else 0
        return options[index if index < len(options) else 0]


@dataclass(frozen=True, slots=True)
class Mode:
    """Kind of receiver.

    Attributes:
        queue: `standard`, `fifo`, or `together`: a standard queue whose messages run two at a time.
        effect: `transaction` or `plain`.
        sends_on: Whether each payment sends a message on.
    """

    queue: str
    effect: str
    sends_on: bool

    def __str__(self) -> str:
        return f"{self.queue}, {self.effect}{', outbox' if self.sends_on else ''}"

    @property
    def process(self) -> MakeProcess:
        make = transactional if self.effect == "transaction" else plain
        return misbehaving(forwarding(make) if self.sends_on else make, "bad", refuse)

    @property
    def setting(self) -> Setting:
        return Setting(
            process=self.process,
            max_attempts=100,
            window_seconds=10**6,
            longest_wait_ms=10**9,
            concurrency=2 if self.queue == "together" else 1,
            refusals={"unsendable/1": SPENT},
        )

    @property
    def bounds(self) -> Bounds:
        return Bounds(crashes=10, lost=10, switches=20, redeliveries=0 if self.queue == "fifo" else 5)

    @property
    def fates(self) -> Mapping[str, Fate]:
        """How payments end that cannot be processed until the plant is mended."""
        return {"bad": Fate.DEAD} | ({"unsendable": Fate.UNSENT} if self.sends_on else {})


class ReceiverLife(RuleBasedStateMachine):
    """A queue, its workers, its table and its dead-letter queue."""

    def __init__(self, mode: Mode) -> None:
        super().__init__()
        self.mode = mode
        self.choices = ListedChoices()
        self.plant = Plant(mode.setting, mode.bounds, self.choices)
        self.number = 0

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Make a broken promise an error that hypothesis makes shorter."""
        try:
            yield
        except Violation as violation:
            raise AssertionError("\n  ".join([str(violation), *self.choices.trace])) from None

    @rule(payment_id=PAYMENTS)
    def send(self, payment_id: str) -> None:
        self.number += 1
        fate = Fate.DONE if self.plant.is_mended else self.mode.fates.get(payment_id, Fate.DONE)
        group = "a" if self.mode.queue == "fifo" else None
        sent = Sent(id=f"m{self.number}", payment_id=payment_id, fate=fate, group=group, forwards=self.mode.sends_on)
        self.plant.send([sent])

    @rule(listed=st.lists(st.integers(0, 12), min_size=1, max_size=12), steps=st.integers(1, 6))
    def work(self, listed: list[int], steps: int) -> None:
        self.choices.listed = listed
        for _ in range(steps):
            with self.watched():
                self.plant.step()
        self.choices.listed = []

    @precondition(lambda self: self.mode.effect == "transaction")  # without one, skew can double an effect
    @rule(worker=st.integers(0, 1), step_ms=st.integers(-LONGEST_CLOCK_STEP_MS, LONGEST_CLOCK_STEP_MS))
    def step_clock(self, worker: int, step_ms: int) -> None:
        self.plant.workers[worker].clock.skew_ms = step_ms

    @rule(milliseconds=st.integers(1, 70_000))
    def wait(self, milliseconds: int) -> None:
        self.plant.wait(milliseconds)

    @rule(is_mended=st.sampled_from([False, False, True]))
    def redrive(self, *, is_mended: bool) -> None:
        self.settle()
        self.plant.is_mended |= is_mended
        self.plant.redrive()

    @rule()
    def expire(self) -> None:
        self.settle()
        self.plant.forget()

    @invariant()
    def nothing_takes_effect_more_often_than_it_may(self) -> None:
        with self.watched():
            Promises(self.plant).check_effects()

    def settle(self) -> None:
        with self.watched():
            self.plant.run_until_quiet()

    def teardown(self) -> None:
        self.redrive(is_mended=True)
        self.settle()


MODES = [Mode(*each) for each in product(["standard", "fifo", "together"], ["transaction", "plain"], [False, True])]


@pytest.mark.parametrize("lives", [LIVES, pytest.param(MANY_LIVES, marks=pytest.mark.slow)], ids=["few", "many"])
@pytest.mark.parametrize("mode", MODES, ids=str)
def test_no_life_of_a_receiver_breaks_a_promise(mode: Mode, lives: settings) -> None:
    class Life(ReceiverLife):
        def __init__(self) -> None:
            super().__init__(mode)

    run_state_machine_as_test(Life, settings=lives)
