"""Random lives of a plant: workers that die, clocks that jump, duplicates, redrives and expiry, until all is quiet."""

from collections.abc import Sequence

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.explorer.business import misbehaving, refuse, transactional
from tests.explorer.journal import Fate, Sent
from tests.explorer.plant import Bounds, Plant
from tests.explorer.schedule import Choices
from tests.explorer.worker import Setting

LONGEST_CLOCK_STEP_MS = 120_000
PAYMENTS = st.sampled_from(["p1", "p2", "p3", "bad"])


class WishedChoices(Choices):
    """Choices by a list of wishes; where there is none, or no such option, nothing goes wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.wishes: list[int] = []

    def pick(self, options: Sequence[str]) -> str:
        """Return the option that is wished for."""
        index = self.wishes.pop() if self.wishes and len(options) > 1 else 0
        return options[index if index < len(options) else 0]


class ReceiverLife(RuleBasedStateMachine):
    """A standard queue, its workers and its table; the payment `bad` is refused until it is mended."""

    def __init__(self) -> None:
        super().__init__()
        self.choices = WishedChoices()
        process = misbehaving(transactional, "bad", refuse)
        setting = Setting(process=process, max_attempts=100, window_seconds=10**6, longest_wait_ms=10**9)
        bounds = Bounds(crashes=10, lost=10, switches=20, redeliveries=5)
        self.plant = Plant(setting, bounds, self.choices)
        self.number = 0

    @rule(payment_id=PAYMENTS)
    def send(self, payment_id: str) -> None:
        self.number += 1
        fate = Fate.DEAD if payment_id == "bad" and not self.plant.is_mended else Fate.DONE
        self.plant.send([Sent(id=f"m{self.number}", payment_id=payment_id, fate=fate)])

    @rule(wishes=st.lists(st.integers(0, 12), min_size=1, max_size=12), steps=st.integers(1, 6))
    def work(self, wishes: list[int], steps: int) -> None:
        self.choices.wishes = wishes
        for _ in range(steps):
            self.plant.step()
        self.choices.wishes = []

    @rule(worker=st.integers(0, 1), step_ms=st.integers(-LONGEST_CLOCK_STEP_MS, LONGEST_CLOCK_STEP_MS))
    def step_clock(self, worker: int, step_ms: int) -> None:
        self.plant.workers[worker].clock.skew_ms = step_ms

    @rule(milliseconds=st.integers(1, 70_000))
    def wait(self, milliseconds: int) -> None:
        self.plant.wait(milliseconds)

    @rule()
    def redrive_mended(self) -> None:
        self.plant.run_until_quiet()
        self.plant.is_mended = True
        self.plant.redrive()

    @rule()
    def expire(self) -> None:
        self.plant.run_until_quiet()
        self.plant.forget()

    @invariant()
    def nothing_takes_effect_twice(self) -> None:
        for sent in self.plant.journal.sent.values():
            assert len(self.plant.journal.effects(sent.payment_id)) <= 1

    def teardown(self) -> None:
        self.plant.run_until_quiet()


ReceiverLife.TestCase.settings = settings(
    max_examples=150, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
TestReceiverLife = ReceiverLife.TestCase
