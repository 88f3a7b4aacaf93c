"""`tsunagu capacity`: how many messages a second the receivers of a template drain."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from tsunagu.capacity.reading import receivers
from tsunagu.capacity.receiver import Measured, Receiver, batch_seconds, concurrency_for, limits, seconds_to_drain
from tsunagu.cli.output import output_console
from tsunagu.errors import NotFoundError
from tsunagu.operations.graph.sources import synthesized_documents
from tsunagu.templates.template import Template


def capacity(
    template: Annotated[
        Path, typer.Argument(help="Template (JSON, YAML), or folder of `cdk synth`, such as `cdk.out`.")
    ],
    *,
    milliseconds: Annotated[float, typer.Option(help="Time of the business function for one message.")],
    batch_milliseconds: Annotated[float, typer.Option(help="Time that an invocation takes besides.")] = 20.0,
    parallel: Annotated[int, typer.Option(help="Messages of a batch at the same time, as the decorator has it.")] = 1,
    messages: Annotated[int, typer.Option(help="Messages that wait, for the time until they are done.")] = 100_000,
    groups: Annotated[int, typer.Option(help="Message groups with messages at the same time (FIFO).")] = 1_000,
    hot_writes: Annotated[
        float, typer.Option(help="Write units to one and the same partition key, for one message.")
    ] = 0.0,
    account_concurrency: Annotated[int, typer.Option(help="Concurrency of the account that is free.")] = 1_000,
    stack: Annotated[str | None, typer.Option(help="One stack of the folder. Default: all stacks.")] = None,
) -> None:
    """Print what each receiver of a template drains at most, and what throttles it first.

    Example: tsunagu capacity cdk.out --milliseconds 40 --messages 500000 --groups 200
    """
    measured = Measured(
        message_ms=milliseconds,
        batch_ms=batch_milliseconds,
        parallel=parallel,
        groups=groups,
        hot_writes=hot_writes,
        account_concurrency=account_concurrency,
    )
    found = [*receivers(Template.link(synthesized_documents(template, stack)))]
    if not found:
        msg = f"{template} must have a function with a queue, got none"
        raise NotFoundError(msg)
    console = output_console()
    for receiver in found:
        for line in _lines(receiver, measured, messages):
            console.print(line)


def _lines(receiver: Receiver, measured: Measured, messages: int) -> Iterator[str]:
    tightest, *others = limits(receiver, measured)
    seconds = batch_seconds(receiver, measured)
    yield receiver.name
    yield f"  at most {tightest.rate:,.0f} messages a second: {tightest.what}"
    for other in others:
        yield f"  next {other.rate:,.0f}: {other.what}"
    side_by_side = concurrency_for(receiver, measured, tightest.rate)
    yield f"  takes {side_by_side:,} invocations of {seconds:.2f} s at the same time"
    yield f"  {messages:,} messages are done after {seconds_to_drain(receiver, measured, messages):,.0f} s"
    if seconds > receiver.timeout_seconds:
        timeout = f"{receiver.timeout_seconds:,.0f} s"
        yield f"  a full batch takes longer than the time-out of {timeout}: give it a smaller batch"
