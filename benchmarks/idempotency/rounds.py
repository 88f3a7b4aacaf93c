"""Rounds of contenders: each in a fresh process, one after the other, so that what the machine does meets all alike."""

import json
import statistics
import subprocess
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from benchmarks.dynamodb.process import Server
from benchmarks.events import WARM_UP_MESSAGES
from benchmarks.figures import Cost, median_cost
from benchmarks.idempotency.contenders.tables import ITEMS_TABLE_VARIABLE, PAYMENTS_TABLE_VARIABLE
from benchmarks.idempotency.cpu_share import Limit
from benchmarks.paths import PROJECT, PYTHON, child_environment

_UNLIMITED: Limit = lambda _process_id: nullcontext()  # noqa: E731 - a value of that type


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A handler that is measured.

    Attributes:
        name: How the report calls it.
        function: `module:function` below `benchmarks.idempotency.contenders`.
        writes_payments: Whether each message writes a payment and a balance.
    """

    name: str
    function: str
    writes_payments: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Contenders that meet in the same rounds.

    Attributes:
        title: What is measured.
        contenders: Who takes part.
        size: Messages in a batch.
        batches: Batches that each process measures.
        rounds: Processes of each contender.
        limit: What each process is held to while it is measured. Default: nothing.
    """

    title: str
    contenders: Sequence[Contender]
    size: int
    batches: int
    rounds: int
    limit: Limit = _UNLIMITED


@dataclass(frozen=True, slots=True)
class Standing:
    """How a contender did.

    Attributes:
        cost: Median of its processes' medians, for one batch.
        calls: Calls to DynamoDB for one batch.
    """

    cost: Cost
    calls: float


def play(match: Match, server: Server) -> dict[str, Standing]:
    """Run all rounds, and return how each contender did, by name."""
    costs: dict[str, list[Cost]] = {contender.name: [] for contender in match.contenders}
    calls: dict[str, list[float]] = {contender.name: [] for contender in match.contenders}
    for number in range(match.rounds):
        for contender in match.contenders:
            prefix = f"{match.title}-{number}-{contender.name}".replace(" ", "-")
            cost, made = _run(match, contender, server, prefix)
            costs[contender.name].append(cost)
            calls[contender.name].append(made)
    return {name: Standing(median_cost(costs[name]), statistics.median(calls[name])) for name in costs}


def _run(match: Match, contender: Contender, server: Server, prefix: str) -> tuple[Cost, float]:
    items, payments = f"{prefix}-items", f"{prefix}-payments"
    variables = {
        "AWS_ENDPOINT_URL": server.endpoint_url,
        "AWS_LAMBDA_FUNCTION_NAME": "payments",
        ITEMS_TABLE_VARIABLE: items,
        PAYMENTS_TABLE_VARIABLE: payments,
    }
    function = f"benchmarks.idempotency.contenders.{contender.function}"
    command = [str(PYTHON), "-m", "benchmarks.idempotency.worker", function, str(match.size), str(match.batches)]
    with subprocess.Popen(  # noqa: S603
        command,
        cwd=PROJECT,
        env=child_environment(**variables),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None  # noqa: S101 - both are pipes
        assert process.stdout is not None  # noqa: S101
        if process.stdout.readline() != "ready\n":
            msg = f"{contender.name} must settle its first batch, got an error, which it printed"
            raise RuntimeError(msg)
        before = server.calls()
        with match.limit(process.pid):
            process.stdin.write("go\n")
            process.stdin.flush()
            report = process.stdout.readline()
    calls = (server.calls() - before) / match.batches
    _check(match, contender, server, items, payments)
    return median_cost([Cost(*measured) for measured in json.loads(report)]), calls


def _check(match: Match, contender: Contender, server: Server, items: str, payments: str) -> None:
    """Check that the process did what it was measured for."""
    messages = WARM_UP_MESSAGES + match.size * match.batches
    found = server.items(items)
    if sum(found.values()) != messages or "INPROGRESS" in found:
        msg = f"{contender.name} must leave {messages} settled items, got {found}"
        raise RuntimeError(msg)
    written = sum(server.items(payments).values())
    if contender.writes_payments and written < messages:
        msg = f"{contender.name} must write {messages} payments and their balances, got {written} items"
        raise RuntimeError(msg)
