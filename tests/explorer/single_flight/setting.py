"""The setting of a plant with one scheduled job: who ticks, what the job does, and the numbers that follow."""

from dataclasses import dataclass

JOB = "sync"

LEASE_SECONDS = 4
WORK_MS = 1_500  # of each step, so that two steps without a heartbeat lose the lease
MAX_ATTEMPTS = 5  # two kills, and two pauses longer than a lease, leave one
SKEW_MS = 120_000

HEARTBEAT_MS = 420_000  # longer than the wait in the queue, and a visibility time-out for each attempt
RUN_MS = 900_000
MACHINE_MS = RUN_MS + 60_000
BOUND_MS = MACHINE_MS + 60_000  # the longest time for which a lease is held


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A tick of the schedule: an execution.

    Attributes:
        slot: Its scheduled time.
        skew_ms: Milliseconds by which the clock of its calls is ahead of the plant's.
    """

    slot: str
    skew_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSetting:
    """What does not change in a plant.

    Attributes:
        slices: Slices of a run.
        steps: Steps of a slice, with a heartbeat after each.
        always_fails: Whether the job fails each time, until the plant is mended.
        aborts: Whether somebody aborts an execution that waits.
        loses_events: Whether the events of ended executions are lost.
        troubled: Who meets faults and is left in the middle: `machine`, `workers`, or both. All goes well for others.
        skew_ms: Milliseconds by which each worker's clock is ahead of the plant's.
    """

    slices: int = 1
    steps: int = 1
    always_fails: bool = False
    aborts: bool = False
    loses_events: bool = False
    troubled: frozenset[str] = frozenset({"workers"})
    skew_ms: tuple[int, int] = (0, 0)
