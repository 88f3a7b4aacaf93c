"""`make bench-pipeline-cost`: the price of a million requests inline and by claim check, where it turns, the ratios."""

# ruff: noqa: T201 - a report is printed

from collections.abc import Sequence
from dataclasses import asdict, replace

from benchmarks.figures import Ratio, print_ratios
from benchmarks.pipeline_cost.cost import component_usd, in_s3, ratio, request_turn_bytes, result_turn_bytes, sized, usd
from benchmarks.pipeline_cost.flow import Flow
from benchmarks.pipeline_cost.prices import PRICES, Component, Purpose
from benchmarks.pipeline_cost.usage import sweep_usage, usage

BATCHES = (1, 2, 5, 10)
REQUEST_BYTES = (256, 1_024, 2_048, 4_096, 16_384, 65_536)
WITH_JOURNAL = (Purpose.TRANSPORT, Purpose.JOURNAL)

ASSUMED = """
assumed
  Each message succeeds at its first delivery. The preprocessor is invoked directly, once a request.
  A service reads the request and all results before it. Its batch is claimed, sent on and completed in one call each.
  Services of a step end one after another, each the last one equally often, so that a publish carries its share of a
  batch. Each but the last finds the others claimed; each but the first finds others completed.
  An X-Ray header comes with each message.
  Queues have SQS's own key. Filters are on attributes. The completion topic's subscribers are queues. All three
  are free.
left out, because it is the same in both flows
  Keys (1 USD a month each), polling of empty queues, alarms, logs, metrics, traces, what the business itself keeps."""


def main() -> None:
    """Calculate, and print."""
    flow = Flow()
    print("List price of a million requests through the order pipeline, inline and with every payload in S3.")
    print("Calls and sizes follow from the runtime's code; nothing is measured.")
    _print_components(flow)
    _print_sweep(flow)
    _print_table("transport", flow, Purpose.TRANSPORT)
    _print_table("transport and journal", flow, *WITH_JOURNAL)
    _print_turn(flow)
    _print_inputs(flow)
    print_ratios(_ratios(flow))


def _ratios(flow: Flow) -> Sequence[Ratio]:
    return (
        Ratio("pipeline.usd", ratio(flow, Purpose.TRANSPORT), "<= 0.1"),
        Ratio("pipeline.usd.batches_of_one", ratio(replace(flow, batch=1), Purpose.TRANSPORT)),
        Ratio("pipeline.usd.with_journal", ratio(flow, *WITH_JOURNAL)),
        Ratio("pipeline.usd.whole_flow", ratio(flow)),
    )


def _print_components(flow: Flow) -> None:
    units, units_in_s3 = usage(flow), usage(in_s3(flow))
    for purpose in Purpose:
        print(f"\n{purpose:<34}{'inline':>12}{'USD':>10}{'in S3':>12}{'USD':>10}")
        for component in units:
            if PRICES[component].purpose is purpose:
                _print_component(component, units[component], units_in_s3[component])
        print(f"  {'together':<44}{usd(flow, purpose):>10.2f}{usd(in_s3(flow), purpose):>22.2f}")
    print(f"\n{'whole flow':<46}{usd(flow):>10.2f}{usd(in_s3(flow)):>22.2f}")


def _print_sweep(flow: Flow) -> None:
    sweep = sum(component_usd(component, units) for component, units in sweep_usage(flow).items())
    print(f"besides, in both: {sweep:.2f} USD to see that the runs are done, and a function each five minutes")


def _print_component(component: Component, units: float, units_in_s3: float) -> None:
    price, price_in_s3 = component_usd(component, units), component_usd(component, units_in_s3)
    print(f"  {component:<32}{units:>12.3g}{price:>10.2f}{units_in_s3:>12.3g}{price_in_s3:>10.2f}")


def _print_table(title: str, flow: Flow, *purposes: Purpose) -> None:
    print(f"\nratio of {title}, by bytes of a request (results: a quarter) and messages of a batch")
    print(" " * 14 + "".join(f"{batch:>10}" for batch in BATCHES))
    for size in REQUEST_BYTES:
        row = (ratio(replace(sized(flow, size), batch=batch), *purposes) for batch in BATCHES)
        print(f"{size:>14,}" + "".join(f"{value:>10.3f}" for value in row))


def _print_turn(flow: Flow) -> None:
    print("\ninline is the cheaper way, with transport and journal counted, for")
    print(f"  requests up to {request_turn_bytes(flow, *WITH_JOURNAL):,} bytes, beside small results")
    print(f"  results up to {result_turn_bytes(flow, *WITH_JOURNAL):,} bytes, beside small requests")


def _print_inputs(flow: Flow) -> None:
    steps = " -> ".join(f"{step.name} ({', '.join(step.services)})" for step in flow.steps)
    seconds = ", ".join(f"{name} {value}" for name, value in asdict(flow.durations).items())
    print("\ninputs")
    for name, value in {**asdict(flow), "steps": steps, "durations": f"{seconds} (seconds)"}.items():
        print(f"  {name:<16}{value}")
    print(ASSUMED)
    print("\nprices in us-east-1, USD, without free tiers and volume discounts, and where they were seen")
    for component, price in PRICES.items():
        print(f"  {component:<32}{price.usd:>14.10g} / {price.per:<12,}{price.seen}")


if __name__ == "__main__":
    main()
