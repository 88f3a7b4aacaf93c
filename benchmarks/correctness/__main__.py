"""`python -m benchmarks.correctness [messages]`: drive the same load and faults through each contender, and count."""

import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.correctness.stack import CONTENDERS, STACK_NAME, Contender, synthesize_contenders
from cdk_app.demo.driver import ConsumedQueue
from tests.correctness.soak import Books, drive, plan_load, shorten_visibility
from tsunagu.local.embedded_cloud import EmbeddedCloud
from tsunagu.testing.cloud.behind_proxy import behind_proxy
from tsunagu.testing.cloud.faults import Fault, FaultRates, Kill

SEED = 2026
MESSAGES = 2_000


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one contender's load."""

    contender: Contender
    books: Books
    happened: Mapping[str, int]
    seconds: float

    def cells(self) -> list[str]:
        """Return the cells of the table, in the order of `HEADINGS`."""
        kills = sum(self.happened[kill] for kill in Kill)
        numbers = [self.books.lost, self.books.doubled, len(self.books.valid_dead_letters), kills]
        numbers += [self.happened[fault] for fault in Fault]
        return [self.contender.name, *map(str, numbers), f"{self.seconds:.0f} s"]


HEADINGS = ["handler", "lost", "doubled", "dead-lettered", "killed", *Fault, "took"]


def main() -> int:
    """Write a row for each contender; return 1 when ours lost, doubled or dead-lettered a payment."""
    messages = int(sys.argv[1]) if len(sys.argv) > 1 else MESSAGES
    with tempfile.TemporaryDirectory(prefix="tsunagu-") as place, EmbeddedCloud.start(Path(place, "cloud")) as cloud:
        outputs = cloud.deploy(synthesize_contenders(Path(place, "cdk.out")))[STACK_NAME]
        rows = [_run(cloud, outputs, contender, messages) for contender in CONTENDERS]
    rates = FaultRates()
    sys.stdout.write(
        f"\n{messages:,} messages each, 1.2 % of them copies; handlers killed with p = {rates.killed} before, "
        f"during and after each call; DynamoDB {rates.throttled:.0%} throttled, {rates.failed:.0%} failed, "
        f"{rates.answer_lost:.0%} answers lost\n\n"
    )
    _write_table([HEADINGS, *(row.cells() for row in rows)])
    ours = rows[0].books
    return int(bool(ours.lost or ours.doubled or ours.valid_dead_letters))


def _run(cloud: EmbeddedCloud, outputs: Mapping[str, str], contender: Contender, messages: int) -> Row:
    queue = ConsumedQueue(
        name=contender.construct_id.lower(),
        queue_url=outputs[f"{contender.construct_id}QueueUrl"],
        dead_letter_queue_url=outputs[f"{contender.construct_id}DeadLetterQueueUrl"],
        function_name=outputs[f"{contender.construct_id}FunctionName"],
        fifo=False,
    )
    shorten_visibility(cloud, [queue])
    # The others have no way to set an invalid message aside, so that there is none.
    load = plan_load(SEED, queue, messages, only_valid=True)
    started = time.monotonic()
    sys.stderr.write(f"{contender.name}: {len(load):,} messages\n")
    with behind_proxy(cloud, [queue.function_name], seed=SEED, rates=FaultRates()) as proxy:
        (books,) = drive(cloud, outputs["PaymentsTableName"], {queue: load})
    return Row(contender, books, proxy.fate.happened, time.monotonic() - started)


def _write_table(rows: list[list[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        name, *numbers = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        sys.stdout.write("  ".join([name.strip().ljust(widths[0]), *numbers]) + "\n")


if __name__ == "__main__":
    sys.exit(main())
