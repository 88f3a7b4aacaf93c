"""`make bench-accept`: the time until a 202 beside a synchronous function, and the price beside a plain invocation."""

# ruff: noqa: T201 - a report is printed

import json
import statistics
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

from benchmarks.accept.synchronous import STACK_NAME, template
from benchmarks.accept.usage import MILLION, PRICES, Load, accept_usage, plain_usage, usd
from benchmarks.figures import Ratio, print_ratios
from benchmarks.paths import WORK_FOLDER
from cdk_app.demo.signed_api import SignedApi
from tsunagu.local.embedded_cloud import EmbeddedCloud, synthesize

REPORTS_STACK = "tsunagu-embedded-reports"
ROUNDS, CALLS, WARM_UP_CALLS = 9, 100, 20
ACCEPTED = 202
POLLS = 2

ASSUMED = """
assumed
  Each request succeeds at its first attempt; nothing is sent again. The work costs the same in both.
  The stream has one shard, which Pipes polls as often as Lambda would.
  The caller of the plain API learns nothing: no status, no end, no result. What fails there three times is gone.
left out, because it is the same in both
  Logs, metrics, alarms, data transfer, the storage of results."""


def main() -> None:
    """Calculate, measure, and print."""
    ratios = [*_print_costs(), *_print_latencies()]
    print_ratios(ratios)


def _print_costs() -> Sequence[Ratio]:
    load = Load()
    ours, plain = accept_usage(load), plain_usage(load)
    print("List price of a million requests: ours, and a REST API that invokes the function asynchronously.\n")
    print(f"{'':<36}{'ours':>12}{'USD':>10}{'plain':>12}{'USD':>10}")
    for component, price in PRICES.items():
        units = [usage.get(component, 0) for usage in (ours, plain)]
        print(
            f"  {component:<34}" + "".join(f"{each:>12.3g}{each * MILLION * price.unit_usd:>10.2f}" for each in units)
        )
    print(f"  {'together':<44}{usd(ours):>12.2f}{usd(plain):>22.2f}")
    print("\ninputs")
    for name, value in asdict(load).items():
        print(f"  {name:<22}{value}")
    print(ASSUMED)
    print("\nprices in us-east-1, USD, without free tiers and volume discounts, and where they were seen")
    for component, price in PRICES.items():
        print(f"  {component:<34}{price.usd:>14.10g} / {price.per:<12,}{price.seen}")
    return (
        Ratio("accept.usd", _price_ratio(load)),
        Ratio("accept.usd.polled_twice", _price_ratio(replace(load, polls=POLLS))),
        Ratio("accept.usd.work_of_10_s", _price_ratio(replace(load, work_seconds=10))),
    )


def _price_ratio(load: Load) -> float:
    return usd(accept_usage(load)) / usd(plain_usage(load))


def _print_latencies() -> Sequence[Ratio]:
    assembly = synthesize("embedded", WORK_FOLDER / "bench" / "cdk.out")
    with EmbeddedCloud.start(WORK_FOLDER / "bench" / "cloud") as cloud:
        outputs = cloud.deploy(assembly)[REPORTS_STACK]
        _stop_worker(cloud, outputs["ReportsFunctionName"])
        ours = SignedApi.for_new_user(cloud, outputs["ReportsApiUrl"])
        plain = SignedApi.for_new_user(cloud, _synchronous_outputs(cloud)["ApiUrl"])
        for api in (ours, plain):
            _median(api, WARM_UP_CALLS)
        # In turn, because the machine changes more from round to round than within one.
        rounds = [(_median(ours, CALLS), _median(plain, CALLS)) for _ in range(ROUNDS)]
    print(f"\nMedian of the time until a 202, {CALLS} requests a round, one after another, on the embedded cloud.")
    print("The worker is stopped meanwhile: it would take the processor from both.")
    print("The function is warm, and a process of this machine: on AWS a call of it costs more than here.\n")
    for name, column in zip(("ours", "synchronous function"), zip(*rounds, strict=True), strict=True):
        words = ", ".join(f"{1_000 * seconds:.1f}" for seconds in column)
        print(f"{name:<24}{1_000 * statistics.median(column):>8.1f} ms   rounds: {words}")
    return (Ratio("accept.latency", statistics.median(first / second for first, second in rounds)),)


def _stop_worker(cloud: EmbeddedCloud, function_name: str) -> None:
    functions = cloud.client("lambda")
    (mapping,) = functions.list_event_source_mappings(FunctionName=function_name)["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)


def _median(api: SignedApi, calls: int) -> float:
    return statistics.median(_accept(api, number) for number in range(calls))


def _accept(api: SignedApi, number: int) -> float:
    body = json.dumps({"month": f"{1900 + number:04}-01", "region": "north", "rows": "region"})
    answer = api.post("/reports", body, key=str(uuid.uuid4()))
    if answer.status != ACCEPTED:
        msg = f"each request must be accepted, got {answer.status} {answer.body[:200]!r}"
        raise RuntimeError(msg)
    return answer.seconds


def _synchronous_outputs(cloud: EmbeddedCloud) -> Mapping[str, str]:
    stacks = cloud.client("cloudformation")
    stacks.create_stack(StackName=STACK_NAME, TemplateBody=template(), Capabilities=["CAPABILITY_IAM"])
    stacks.get_waiter("stack_create_complete").wait(StackName=STACK_NAME, WaiterConfig={"Delay": 1})
    (stack,) = stacks.describe_stacks(StackName=STACK_NAME)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


if __name__ == "__main__":
    main()
