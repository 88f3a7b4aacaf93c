"""`make bench-cold-start`: first client of the functions of payments and orders, then the ratios.

An asset is unzipped as Lambda has it: every file dated 1980, and nothing written beside it. It is measured as the
stages of cdk.json build it, from source alone, and once more with byte code, as a stage has it whose `byte_code` is on.

The first message is processed from import to answer, with a server on this machine in the place of DynamoDB that adds
no delay: by our function, and by one with Powertools for AWS Lambda that does the same work.

The function of the orders is measured as its API's function, beside FastAPI, Mangum and a client; and as its queue's
function, beside a client. Those are measured with byte code, because FastAPI's compilation would hide all the rest.
"""

# ruff: noqa: T201 - a report is printed

import itertools
import json
import operator
import os
import statistics
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from benchmarks.dynamodb.process import running_server
from benchmarks.events import payment_event
from benchmarks.figures import Ratio, print_ratios
from benchmarks.paths import PROJECT, PYTHON, child_environment
from benchmarks.receiver_environment import receiver_environment
from cdk_app.handler_packages import handler_package
from cdk_app.settings import EMBEDDED_STAGE, load_settings
from lambdas.contracts.order_api import OrderApiEnvironment
from lambdas.contracts.payments import PaymentsEnvironment
from tsunagu.cdk import Platform, build_asset
from tsunagu.contracts.web import WebEnvironment

ROUNDS = 31
ZIP_EPOCH_SECONDS = 315_532_800  # 1980-01-01


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """What is started.

    Attributes:
        name: How the report calls it.
        program: Which function of `start.py`.
        path: Folder of the asset.
    """

    name: str
    program: Literal[
        "payments", "payments_message", "powertools_message", "order_api", "order_queue", "bare_web", "bare"
    ]
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One start: seconds of wall clock and of CPU, and the memory held after it."""

    wall: float
    cpu: float
    resident_kib: float


Figure = Callable[[Start], float]
_wall, _cpu, _resident = (operator.attrgetter(name) for name in ("wall", "cpu", "resident_kib"))


def main() -> None:
    """Measure, and print."""
    context = json.loads((PROJECT / "cdk.json").read_text())["context"]
    platform = load_settings(context["tsunagu"], EMBEDDED_STAGE).platform
    with tempfile.TemporaryDirectory() as folder:
        source = _unzipped("payments", Path(folder, "source"), replace(platform, byte_code=False))
        byte_code = _unzipped("payments", Path(folder, "byte-code"), replace(platform, byte_code=True))
        orders = _unzipped("order_api", Path(folder, "orders"), replace(platform, byte_code=True))
        contenders = (
            Contender(name="payments", program="payments", path=source),
            Contender(name="payments, with byte code", program="payments", path=byte_code),
            Contender(name='boto3.client("dynamodb")', program="bare", path=source),
            Contender(name="orders, API", program="order_api", path=orders),
            Contender(name="FastAPI, Mangum, a client", program="bare_web", path=orders),
            Contender(name="orders, queue", program="order_queue", path=orders),
            Contender(name="a client beside the orders", program="bare", path=orders),
            Contender(name="payments, first message", program="payments_message", path=source),
            Contender(name="the same, with byte code", program="payments_message", path=byte_code),
            Contender(name="Powertools, first message", program="powertools_message", path=source),
        )
        with running_server(delay_ms=0) as server:
            rounds = _rounds(contenders, server.endpoint_url)
    columns = [*zip(*rounds, strict=True)]
    beside = {0: 2, 1: 2, 2: 2, 3: 4, 4: 4, 5: 6, 6: 6, 7: 9, 8: 9, 9: 9}
    print(f"Import and first client, Python {platform.python}; medians of {ROUNDS} fresh processes each.\n")
    print(f"{'':<28}{'wall ms':>10}{'CPU ms':>10}{'RSS MiB':>10}{'wall x':>9}{'RSS x':>9}")
    for number, (contender, starts) in enumerate(zip(contenders, columns, strict=True)):
        other = columns[beside[number]]
        print(
            f"{contender.name:<28}{_median(starts, _wall) * 1_000:>10.1f}{_median(starts, _cpu) * 1_000:>10.1f}"
            f"{_median(starts, _resident) / 1_024:>10.1f}"
            f"{_ratio(starts, other, _wall):>9.3f}{_ratio(starts, other, _resident):>9.3f}"
        )
    print_ratios(_ratios(columns))


def _ratios(columns: Sequence[Sequence[Start]]) -> tuple[Ratio, ...]:
    payments, compiled, bare, api, web, queue, client, message, message_compiled, powertools = columns
    return (
        Ratio("cold_start.payments", _ratio(payments, bare, _wall), "<= 1.1"),
        Ratio("cold_start.payments.rss", _ratio(payments, bare, _resident), "<= 0.97"),
        Ratio("cold_start.payments.cpu", _ratio(payments, bare, _cpu)),
        Ratio("cold_start.payments.byte_code", _ratio(compiled, bare, _wall)),
        Ratio("cold_start.payments.byte_code.rss", _ratio(compiled, bare, _resident)),
        Ratio("cold_start.first_message", _ratio(message, powertools, _wall)),
        Ratio("cold_start.first_message.cpu", _ratio(message, powertools, _cpu)),
        Ratio("cold_start.first_message.rss", _ratio(message, powertools, _resident)),
        Ratio("cold_start.first_message.byte_code", _ratio(message_compiled, powertools, _wall)),
        Ratio("cold_start.order_api", _ratio(api, web, _wall), "<= 1.1"),
        Ratio("cold_start.order_api.cpu", _ratio(api, web, _cpu)),
        Ratio("cold_start.order_api.rss", _ratio(api, web, _resident)),
        Ratio("cold_start.order_queue", _ratio(queue, client, _wall), "<= 1.1"),
        Ratio("cold_start.order_queue.cpu", _ratio(queue, client, _cpu)),
        Ratio("cold_start.order_queue.rss", _ratio(queue, client, _resident)),
    )


def _unzipped(name: str, folder: Path, platform: Platform) -> Path:
    asset = build_asset(handler_package(name), platform)
    with zipfile.ZipFile(asset.path) as archive:
        archive.extractall(folder)
    for path in folder.rglob("*"):
        os.utime(path, (ZIP_EPOCH_SECONDS, ZIP_EPOCH_SECONDS))
    return folder


def _rounds(contenders: Sequence[Contender], endpoint_url: str) -> list[list[Start]]:
    """Start each contender in turn, round by round, after one round that only warms the machine's file cache.

    Each process has tables of its own, so that its message is new.
    """
    numbers = itertools.count()
    return [
        [_start(contender, endpoint_url, f"items-{next(numbers)}") for contender in contenders]
        for _ in range(ROUNDS + 1)
    ][1:]


def _start(contender: Contender, endpoint_url: str, items_table: str) -> Start:
    web = WebEnvironment(
        idempotency_table_name="items",
        idempotency_window_seconds=86_400,
        function_timeout_seconds=20,
        metrics_namespace="Benchmarks",
        serves_api=contender.program == "order_api",
        serves_queue=contender.program != "order_api",
        queue_url="https://sqs.us-east-1.amazonaws.com/000000000000/orders",
    )
    variables = {
        **receiver_environment(items_table).to_environment(),
        **PaymentsEnvironment(payments_table_name=f"payments-of-{items_table}").to_environment(),
        **OrderApiEnvironment(orders_table_name="orders").to_environment(),
        **({} if "message" in contender.program else web.to_environment()),
        **({"AWS_ENDPOINT_URL": endpoint_url} if "message" in contender.program else {}),
        "EVENT": json.dumps(payment_event(0, 1)),
        "PYTHONPATH": str(contender.path),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    child = subprocess.run(  # noqa: S603
        [PYTHON, PROJECT / "benchmarks" / "cold_start" / "start.py", contender.program],
        cwd=contender.path,
        env=child_environment(**variables),
        stdout=subprocess.PIPE,
        check=True,
    )
    return Start(**json.loads(child.stdout.splitlines()[-1]))  # before it, a function writes its metrics


def _median(starts: Sequence[Start], figure: Figure) -> float:
    return statistics.median(map(figure, starts))


def _ratio(ours: Sequence[Start], theirs: Sequence[Start], figure: Figure) -> float:
    """Return the median of the rounds' ratios: the machine changes between rounds."""
    return statistics.median(figure(one) / figure(other) for one, other in zip(ours, theirs, strict=True))


if __name__ == "__main__":
    main()
