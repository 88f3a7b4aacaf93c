"""What is explored of a scheduled job: ticks, what goes wrong, and the tick after the longest block."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tests.explorer.single_flight.actors import State
from tests.explorer.single_flight.plant import JobPlant
from tests.explorer.single_flight.setting import BOUND_MS, SKEW_MS, JobSetting, Tick
from tsunagu.testing.explorer.bounds import Bounds
from tsunagu.testing.explorer.schedule import Choices, Violation

ALONE, ONE_SWITCH = Bounds(), Bounds(switches=1)

FIRST, SECOND, LAST = (Tick(slot=f"2026-11-28T14:0{minute}:00Z") for minute in (0, 1, 9))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticks:
    """Ticks of a schedule, and a plant that has to deal with them.

    After all is quiet, and after the longest time for which a lease can be held, one more tick must start a run, and
    the run must succeed.

    Attributes:
        ticks: Ticks while things go wrong.
        bounds: What may go wrong beside one crash or one failed call.
    """

    name: str
    ticks: Sequence[Tick] = (FIRST,)
    setting: JobSetting
    bounds: Bounds = ALONE

    def run(self, choices: Choices) -> None:
        """Run to the end.

        Raises:
            Violation: An invariant did not hold.
        """
        plant = JobPlant(self.setting, self.bounds, choices)
        plant.tick(self.ticks)
        plant.run_until_quiet()
        runs = [execution.taken.run for execution in plant.executions if execution.taken]
        slots = [execution.tick.slot for execution in plant.executions if execution.taken]
        if len(set(slots)) < len(slots):
            raise Violation(f"a slot must be started once, got runs {runs} of {slots}")
        plant.allow(Bounds())
        plant.is_mended = True
        if plant.setting.loses_events or plant.journal.lost_release:
            plant.ms += BOUND_MS + 2 * SKEW_MS
        (execution,) = plant.tick([LAST])
        plant.run_until_quiet()
        if execution.state is not State.SUCCEEDED:
            raise Violation(f"the tick after the longest block must run the job, got {execution.state}")

    def within(self, bounds: Bounds) -> "Ticks":
        """The same, within other bounds."""
        return replace(self, bounds=bounds)


_WORKERS, _MACHINE = JobSetting(), JobSetting(troubled=frozenset({"machine"}))
_BOTH = JobSetting(troubled=frozenset({"machine", "workers"}))
_SKEWED = (replace(FIRST, skew_ms=SKEW_MS), replace(SECOND, skew_ms=-SKEW_MS))

_ALL = [
    Ticks(name="run", setting=_WORKERS, bounds=ONE_SWITCH),
    Ticks(name="long run", setting=replace(_WORKERS, steps=3)),
    Ticks(name="slices", setting=replace(_WORKERS, slices=3)),
    Ticks(name="always fails", setting=replace(_WORKERS, always_fails=True)),
    Ticks(name="machine", setting=_BOTH, bounds=ONE_SWITCH),
    Ticks(name="two ticks", ticks=[FIRST, SECOND], setting=_MACHINE, bounds=ONE_SWITCH),
    Ticks(name="one slot twice", ticks=[FIRST, FIRST], setting=_MACHINE, bounds=ONE_SWITCH),
    Ticks(name="aborted", setting=replace(_BOTH, aborts=True), bounds=ONE_SWITCH),
    Ticks(name="aborted, slices", setting=replace(_WORKERS, aborts=True, slices=2)),
    Ticks(name="aborted, next tick", ticks=[FIRST, SECOND], setting=replace(_WORKERS, aborts=True)),
    Ticks(name="events lost", setting=replace(_MACHINE, aborts=True, loses_events=True), bounds=ONE_SWITCH),
    Ticks(
        name="clocks differ",
        ticks=_SKEWED,
        setting=replace(_WORKERS, aborts=True, skew_ms=(SKEW_MS, -SKEW_MS)),
    ),
]

SCENARIOS = {f"job: {each.name}": replace(each, name=f"job: {each.name}") for each in _ALL}
