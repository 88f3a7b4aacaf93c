"""The stage: what actors share, and the scheduler that runs them one step at a time.

Each call that an actor makes to the outside is a point. There, another actor may continue, time may pass, the process
may be killed before or after the call, and the answer may be lost. `Choices` decide which of these happens.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from tsunagu.contracts.items import Status
from tsunagu.testing.explorer.bounds import Bounds
from tsunagu.testing.explorer.fiber import Fiber
from tsunagu.testing.explorer.schedule import Choices, Violation
from tsunagu.testing.explorer.threads import Threads
from tsunagu.testing.fakes import START_MS, FakeItemStore, Killed

ResultT = TypeVar("ResultT")

STEPS_TO_QUIET = 400
LONGEST_PAUSE_MS = 60_000  # when nothing is awaited
OUTAGE_MS = 180_000
NOTHING: Mapping[str, Callable[[], Any]] = {}


class Actor:
    """Runs one thing at a time, in a process that may be killed.

    Attributes:
        owner: Token of what it runs.
        threads: What runs in threads of its own, if anything does.
    """

    def __init__(self, name: str, plant: "Stage") -> None:
        self.name = name
        self.plant = plant
        self.owner = name
        self.threads: Threads | None = None
        self._fiber: Fiber | None = None

    @property
    def skew_ms(self) -> int:
        """Return by how many milliseconds its clock is ahead of the plant's."""
        return 0

    @property
    def is_running(self) -> bool:
        """Whether it is in the middle of something."""
        return self._fiber is not None

    @property
    def label(self) -> str:
        """Its name, and the thread that runs."""
        thread = self.threads.running if self.threads else None
        return thread or self.name

    def other_threads(self) -> list[str]:
        """Names of the threads that could continue instead of the one that runs."""
        return self.threads.others() if self.threads else []

    def pick(self, options: Sequence[str]) -> str:
        """Let the schedule choose."""
        return self.plant.pick(options)

    def start(self, body: Callable[[], None]) -> None:
        """Begin `body`, which runs when it is resumed."""
        self._fiber = Fiber(body)

    def pause(self) -> None:
        """Stop here until it is resumed."""
        assert self._fiber is not None
        self._fiber.pause()

    def resume(self) -> None:
        """Continue until it pauses, ends or is killed."""
        fiber = self._fiber
        assert fiber is not None
        try:
            fiber.resume()
        except Killed:
            self.died()
        finally:
            if fiber.is_finished:
                self._fiber = None

    def died(self) -> None:
        """Its process was killed."""
        self.threads = None


class Watcher(Protocol):
    """Notes what happens on a stage."""

    def disturbed(self) -> None:
        """Note that something went wrong, or that somebody was made to wait."""
        ...

    def fault(self, actor: Actor) -> None:
        """Note that something went wrong for an actor."""
        ...

    def time_passed(self) -> None:
        """Note that the clock moved."""
        ...

    def watch(self, actor: Actor, item_ids: Sequence[str], write: Callable[[], ResultT]) -> ResultT:
        """Make a write to the table, and check what it changed."""
        ...


class Stage(ABC):
    """A table, a clock, and actors.

    Attributes:
        journal: What notes what happens.
    """

    journal: Watcher

    def __init__(self, bounds: Bounds, choices: Choices) -> None:
        self.ms = START_MS
        self.store = FakeItemStore()
        self._choices = choices
        self._left: Counter[str] = Counter()
        self.allow(bounds)
        self._outage_end_ms = 0
        self._wanted: Actor | None = None
        self._is_stopped = False

    def allow(self, bounds: Bounds) -> None:
        """Let so much go wrong from now on."""
        self._left = Counter(crash=bounds.crashes, lost=bounds.lost, switch=bounds.switches)
        self._left.update(redeliver=bounds.redeliveries, outage=bounds.outages)

    def run_until_quiet(self) -> None:
        """Run until nobody runs and nothing is left to be done, and check what must hold then."""
        try:
            for _ in range(STEPS_TO_QUIET):
                if not any(actor.is_running for actor in self.actors) and not self.left_over():
                    self.check()
                    return
                self.step()
        finally:
            self._stop()
        raise Violation(f"all must become quiet, got {self.left_over()} going round")

    # --- what a stage has to do ----------------------------------------------------------------

    @property
    @abstractmethod
    def actors(self) -> Sequence[Actor]:
        """Who acts, in the order in which a schedule names them."""

    @abstractmethod
    def check(self) -> None:
        """Check what must hold when all is quiet.

        Raises:
            Violation: It does not.
        """

    @abstractmethod
    def left_over(self) -> list[str]:
        """Name what is left to be done, beside what runs."""

    @abstractmethod
    def idle(self) -> Iterable[Actor]:
        """Return the actors that do nothing, and could begin something now."""

    @abstractmethod
    def begin(self, actor: Actor) -> None:
        """Let an actor begin what there is for it to do, if there is anything."""

    @abstractmethod
    def moments(self) -> Iterable[int]:
        """Return when something can happen that cannot yet, besides the end of a lease."""

    @abstractmethod
    def redeliver(self) -> None:
        """Deliver something a second time."""

    # --- one step ------------------------------------------------------------------------------

    def step(self) -> None:
        """Let the next thing happen: an actor begins or goes on, or, when none can, time passes."""
        able = self._able()
        if not able:
            self.pass_time()
            return
        wanted, self._wanted = self._wanted, None
        if wanted is None:
            options = [actor.name for actor in able]
            if any(actor.is_running for actor in self.actors) and self._left["switch"]:
                options.append("time passes")
            choice = self.pick(options)
            if choice == "time passes":
                self._spend("switch", choice)
                self.pass_time()
                self.journal.disturbed()
                return
            wanted = next(actor for actor in able if actor.name == choice)
        if not wanted.is_running:
            self.begin(wanted)
        if wanted.is_running:
            wanted.resume()

    def pick(self, options: Sequence[str]) -> str:
        """Let the schedule choose."""
        return self._choices.pick(options)

    def say(self, event: str) -> None:
        """Note an event, for whoever reads the schedule."""
        self._choices.trace.append(f"{(self.ms - START_MS) / 1_000:7.2f} s  {event}")

    def pass_time(self) -> None:
        """Move the clock to the next moment at which a lease ends, or something else can happen."""
        leases = [item.lease for item in self.store.items.values() if item.status is Status.INPROGRESS]
        later = [moment for moment in (*self.moments(), *leases) if moment > self.ms]
        self.ms = min(later, default=self.ms + LONGEST_PAUSE_MS) + 1
        self.journal.time_passed()

    def _able(self) -> list[Actor]:
        return [*(actor for actor in self.actors if actor.is_running), *self.idle()]

    def _stop(self) -> None:
        self._is_stopped = True
        for actor in self.actors:
            if actor.is_running:
                actor.resume()
        self._is_stopped = False  # what begins after the quiet goes on

    # --- what happens at a point ---------------------------------------------------------------

    def store_point(
        self,
        actor: Actor,
        call: str,
        apply: Callable[[], ResultT],
        failures: Mapping[str, Callable[[], ResultT]],
    ) -> ResultT:
        """Make a call to the table, which may be gone for a while."""
        if self.ms < self._outage_end_ms:
            self.journal.fault(actor)
            return failures["unavailable"]()
        return self.point(actor, call, apply, failures={**failures, "outage": failures["unavailable"]})

    def point(
        self,
        actor: Actor,
        call: str,
        apply: Callable[[], ResultT],
        *,
        faults: Sequence[str] = ("die before", "die after"),
        failures: Mapping[str, Callable[[], ResultT]] = NOTHING,
    ) -> ResultT:
        """Make a call to the outside, as the choices want it.

        Args:
            actor: Who calls.
            call: What is called, in words.
            apply: Makes the call.
            faults: How the process may be killed before or after it.
            failures: How the call itself may fail, and what it then gives.
        """
        may_switch = True
        while True:
            options = ["go", *self._moves(actor, may_switch=may_switch)]
            options += faults if self._left["crash"] else ()
            options += [failure for failure in failures if self._left[_budget(failure)]]
            choice = self.pick(options)
            if choice == "go":
                self.say(f"{actor.label} {call}")
                return apply()
            if choice in failures:
                self._spend(_budget(choice), f"{actor.label} {call}: {choice}")
                self.journal.fault(actor)
                if choice == "outage":
                    self._outage_end_ms = self.ms + OUTAGE_MS
                return failures[choice]()
            if choice in faults:
                self._spend("crash", f"{actor.label} {call}: {choice}")
                if choice == "die after":
                    apply()
                self.journal.fault(actor)
                raise Killed
            may_switch = self._move(actor, choice)

    def _moves(self, actor: Actor, *, may_switch: bool) -> list[str]:
        moves = []
        if self._left["switch"]:
            if may_switch:
                moves += [other.name for other in self._able() if other is not actor]
                moves += actor.other_threads()
            moves.append("time passes")
        if self._left["redeliver"]:
            moves.append("redelivery")
        return moves

    def _move(self, actor: Actor, choice: str) -> bool:
        """Let something else happen first; return whether the actor may be left again before its call."""
        if choice == "redelivery":
            self._spend("redeliver", "SQS delivers again")
            self.redeliver()
            self.journal.disturbed()
            return True
        self._spend("switch", f"{actor.label} waits: {choice}")
        if choice == "time passes":
            self.pass_time()
            self.journal.disturbed()
            return True
        if actor.threads is not None and choice in actor.other_threads():
            actor.threads.switch(choice)
            return False
        self._wanted = next(other for other in self.actors if other.name == choice)
        actor.pause()
        if self._is_stopped:
            raise Killed
        return False

    def _spend(self, budget: str, event: str) -> None:
        self._left[budget] -= 1
        self.say(f"* {event}")


def _budget(failure: str) -> str:
    return "outage" if failure == "outage" else "lost"
