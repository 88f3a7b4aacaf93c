"""`make bench-cost`: the list price of a million messages, requests and ticks by pattern, beside the plain design."""

# ruff: noqa: T201 - a report is printed

import sys
from collections.abc import Sequence
from dataclasses import asdict, fields
from textwrap import fill

from benchmarks.cost import receive_once
from benchmarks.cost.idle import PLAIN, STAGE, idle_month
from benchmarks.cost.load import Durations, Load
from benchmarks.cost.patterns import PATTERNS, Pattern, headline, ratio
from benchmarks.cost.usage import MILLION, Usage, million_usd, usd
from benchmarks.figures import Ratio, print_ratios
from benchmarks.paths import WORK_FOLDER
from tsunagu.costs.prices import list_prices
from tsunagu.local.cdk_command import synthesize

WIDTH = 100
ASSUMED = """
assumed
  us-east-1, arm64, DynamoDB on demand, queues with SQS's own key. Each message succeeds at its first attempt.
  The calls of functions are counted: the runtime's own code runs, with handlers of a few lines, and its calls are
  answered from memory. They wait for one call after another. The plain functions are counted in the same way.
  Calls between services (gateway, pipe, schedule, state machine, receives and deletes of Lambda) follow from the
  templates. Log lines are counted, with those that Lambda writes itself.
left out, because it is the same in both, or small
  The first send to the queue, data transfer, traces, free tiers, volume discounts; the storage of the items and of
  logs, but for the pipeline; the retries of messages that fail.
not measured
  Nothing was billed by AWS for these figures."""


def main(names: Sequence[str]) -> None:
    """Calculate, and print.

    Args:
        names: Patterns to print. Default: all, with a month without a message.
    """
    chosen = [pattern for pattern in PATTERNS if not names or pattern.name in names]
    if not chosen:
        sys.exit(f"a pattern must be one of {', '.join(each.name for each in PATTERNS)}, got {', '.join(names)}")
    for pattern in chosen:
        _print_pattern(pattern)
    if not names:
        _print_idle()
    _print_assumptions()
    _print_prices(chosen)
    print_ratios(ratios(chosen))


def ratios(patterns: Sequence[Pattern] = PATTERNS) -> Sequence[Ratio]:
    """Return the ratios of each pattern: of its first load, and of the others by their numbers."""
    return [
        Ratio(f"cost.{pattern.name}" + (f".{_slug(label)}" if load != headline(pattern) else ""), ratio(pattern, load))
        for pattern in patterns
        for label, load in pattern.loads.items()
    ]


def _slug(label: str) -> str:
    return label.replace(",", "").replace(" ", "-")


def _print_pattern(pattern: Pattern) -> None:
    load = headline(pattern)
    print(f"\n{pattern.name}: a million {pattern.unit} with {pattern.construct}, in USD")
    print(fill(f"plain: {pattern.plain_is}. {pattern.lacks}", WIDTH, subsequent_indent="  "))
    designs = {name: design(load) for name, design in pattern.designs.items()}
    print(f"\n{next(iter(pattern.loads)):<40}" + "".join(f"{name:>20}{'USD':>10}" for name in designs))
    for name in sorted({name for used in designs.values() for name in used}):
        print(f"  {name:<38}" + "".join(_part(used, name) for used in designs.values()))
    print(f"  {'together':<38}" + "".join(f"{million_usd(used):>30.2f}" for used in designs.values()))
    print(f"\n{'by load':<44}" + "".join(f"{name:>16}" for name in designs) + f"{'ours to plain':>16}")
    for label, each in pattern.loads.items():
        prices = "".join(f"{million_usd(design(each)):>16.2f}" for design in pattern.designs.values())
        print(f"  {label:<42}{prices}{ratio(pattern, each):>16.2f}")


def _part(used: Usage, name: str) -> str:
    units = used.get(name, 0.0) * MILLION
    return f"{units:>20,.6g}{usd({name: units}):>10.2f}" if units else f"{'-':>20}{'-':>10}"


def _print_idle() -> None:
    """Print a month without a message of the stacks of the sample: each has a queue or more, alarms and keys."""
    assembly = synthesize(STAGE, WORK_FOLDER / "bench" / "cost" / "cdk.out")
    print(f"\na month without a message, in USD, for the stacks of the sample on {STAGE}")
    for pattern in PATTERNS:
        used = idle_month(assembly, pattern.stack)
        parts = ", ".join(f"{name} {usd({name: units}):.2f}" for name, units in sorted(used.items()) if units)
        print(fill(f"  {pattern.stack:<18}{usd(used):>7.2f}   {parts}", WIDTH, subsequent_indent=" " * 30))
    print(f"  {'plain function':<18}{usd(PLAIN):>7.2f}   the polls of its queue: no alarm, no key of its own")
    names = sorted(receive_once.metered(Load())[1].metrics)
    print(
        f"besides, in a month with messages: the metrics that each function writes to its log, such as "
        f"{', '.join(names)}: {usd({'cloudwatch.metric': len(names)}):.2f}"
    )


def _print_assumptions() -> None:
    print(ASSUMED)
    print("\ninputs, where a load says nothing else")
    for each in fields(Load):
        if each.name != "durations":
            print(f"  {each.name:<24}{getattr(Load(), each.name)}")
    seconds = ", ".join(f"{name} {value}" for name, value in asdict(Durations()).items())
    print(f"  {'durations, seconds':<24}{seconds}")


def _print_prices(patterns: Sequence[Pattern]) -> None:
    used = {
        name
        for pattern in patterns
        for load in pattern.loads.values()
        for design in pattern.designs.values()
        for name in design(load)
    }
    print("\nlist prices in USD, and where they were seen")
    for name in sorted(used):
        price = list_prices()[name]
        print(f"  {name:<26}{price.usd:>12.10g} / {price.per:<10,} {price.unit}\n{'':<30}{price.seen}")


if __name__ == "__main__":
    main(sys.argv[1:])
