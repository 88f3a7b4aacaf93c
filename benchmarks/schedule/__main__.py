"""`make bench-schedule`: a month of ticks, run and skipped, by the state machine and by a Lambda guard."""

# ruff: noqa: T201 - a report is printed

from collections.abc import Mapping, Sequence

from benchmarks.cost.one_at_a_time import LIMITS
from benchmarks.cost.usage import MILLION, Usage, times, total, usd
from benchmarks.figures import Ratio, print_ratios
from benchmarks.schedule.ticks import (
    EVENT_BYTES,
    RUN_PATH,
    SKIPPED_PATH,
    Guard,
    guard_tick,
    machine_tick,
)
from tsunagu.cdk.patterns.single_flight_definition import run_definition

TICKS = 30 * 24 * 60  # one a minute
EVERY = (1, 2, 5, 60)  # minutes of a run: one tick of so many runs, and the others are skipped
FIXED = {"cloudwatch.alarm": 7, "cloudwatch.metric": 2}

ASSUMED = f"""
assumed
  A tick a minute, 30 days. No tick fails or is tried again. A refused condition costs a write.
  An execution has a transition more than it enters states: the start.
  The log of the machine has {EVENT_BYTES} bytes an event, without data.
  The guard is a function of 256 MiB that is warm and takes 50 ms; its worker releases the lease with a write.
  The month of the machine has {FIXED["cloudwatch.alarm"]} alarms and {FIXED["cloudwatch.metric"]} metrics of the log;
  that of the guard has none of them.
left out, because it is the same in both
  The worker: its invocations, its items, its queue. The table's storage. Keys, and the alarms of queue and function.
what the guard does not have
  Its function must be watched, too. It does not wait for the outcome, so nothing says that a run takes too long or
  failed, and nobody releases the lease of a worker that died but its expiry. Each tick is a line of a log, and no
  execution that says who held the lease."""


def main() -> None:
    """Calculate, and print."""
    definition, guard = run_definition("job", LIMITS), Guard()
    machine = {"run": machine_tick(definition, RUN_PATH), "skipped": machine_tick(definition, SKIPPED_PATH)}
    guarded = {"run": guard_tick(guard, runs=True), "skipped": guard_tick(guard, runs=False)}
    print("List price of ticks, in USD for a million.")
    for kind in ("run", "skipped"):
        _print_parts(f"{kind}, by the machine", machine[kind])
        _print_parts(f"{kind}, by a guard", guarded[kind])
    print("\nList price of a month with a tick a minute, in USD\n")
    print(f"{'minutes of a run':<22}{'runs':>8}{'skipped':>10}{'machine':>10}{'guard':>10}")
    for minutes in EVERY:
        runs = TICKS // minutes
        ours, theirs = (_month(costs, runs) for costs in (machine, guarded))
        print(f"{minutes:<22}{runs:>8,}{TICKS - runs:>10,}{ours:>10.2f}{theirs:>10.2f}")
    print(f"\nalarms and metrics of the machine: {usd(FIXED):.2f} more")
    print(ASSUMED)
    print_ratios(_ratios(machine, guarded))


def _ratios(machine: Mapping[str, Usage], guarded: Mapping[str, Usage]) -> Sequence[Ratio]:
    return [
        *(Ratio(f"schedule.usd.{kind}", usd(machine[kind]) / usd(guarded[kind])) for kind in machine),
        Ratio("schedule.usd.month_of_runs_of_five_minutes", _month(machine, TICKS // 5) / _month(guarded, TICKS // 5)),
    ]


def _month(ticks: Mapping[str, Usage], runs: int) -> float:
    return usd(total(times(ticks["run"], runs), times(ticks["skipped"], TICKS - runs)))


def _print_parts(title: str, tick: Usage) -> None:
    print(f"\n{title:<34}{usd(tick) * MILLION:>10.2f}")
    for name, units in tick.items():
        print(f"  {name:<32}{usd({name: units}) * MILLION:>10.2f}")


if __name__ == "__main__":
    main()
