"""`make bench-accept`: the time until a 202 beside a synchronous function. `make bench-cost` has the price."""

# ruff: noqa: T201 - a report is printed

import json
import statistics
import uuid
from collections.abc import Mapping, Sequence

from benchmarks.accept.synchronous import STACK_NAME, template
from benchmarks.figures import Ratio, print_ratios
from benchmarks.paths import WORK_FOLDER
from cdk_app.demo.signed_api import SignedApi
from tsunagu.local.embedded_cloud import EmbeddedCloud, synthesize

REPORTS_STACK = "tsunagu-embedded-reports"
ROUNDS, CALLS, WARM_UP_CALLS = 9, 100, 20
ACCEPTED = 202


def main() -> None:
    """Measure, and print."""
    print_ratios(_print_latencies())


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
