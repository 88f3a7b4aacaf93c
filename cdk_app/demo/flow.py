"""A flow of the demonstration: something to run, and the report of what it found."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

from cdk_app.demo.errors import DemoError
from tsunagu.local.embedded_cloud import EmbeddedCloud

Outputs = Mapping[str, Mapping[str, str]]
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowReport:
    """Result of one flow.

    Attributes:
        sent: Messages sent, copies and invalid ones included.
        effects: Effects found. A double effect counts twice.
        duplicates: Copies that had no effect of their own.
        dead_lettered: Different messages in the dead-letter queues.
        lost: Messages that should have had an effect and have none.
        doubled: Places where an effect was found more than once.
        killed: Handler processes that were killed while they worked.
        deferred: Deferrals that the handlers logged.
        seconds: How long the flow took.
        refused: Requests that were refused at once, or cancelled before they were started. Default: none, as every
            message of a queue is received.
        problems: A sentence for each problem; none when all effects are right.
    """

    sent: int
    effects: int
    duplicates: int
    dead_lettered: int
    lost: int
    doubled: int
    killed: int
    deferred: int
    seconds: float
    refused: int = 0
    problems: Sequence[str] = ()

    def to_json(self) -> dict[str, object]:
        """Return the report as an object of `.tsunagu/demo.json`."""
        return asdict(self)


class Flow(Protocol):
    """One flow of the demonstration."""

    @property
    def name(self) -> str:
        """Key of the flow in the report."""
        ...

    @property
    def examples(self) -> Sequence[str]:
        """Lines for a shell that use the deployed flow once. `{tsunagu}` stands for the command."""
        ...

    def run(self, cloud: EmbeddedCloud, outputs: Outputs, progress: Progress) -> FlowReport:
        """Drive the flow on a deployed cloud, and compare the effects with what was sent.

        Args:
            cloud: The embedded cloud, with everything deployed.
            outputs: Outputs of the deployed stacks, by stack name and output name.
            progress: Shows a short text about the progress of the flow.

        Raises:
            DemoError: The flow did not end.
            OperationError: An operation on the deployed stacks failed.
        """
        ...


def outputs_of(outputs: Outputs, stack_name: str) -> Mapping[str, str]:
    """Return the outputs of one stack.

    Raises:
        DemoError: The app of the project has no such stack.
    """
    if stack_name not in outputs:
        msg = f"the app must deploy the stack {stack_name}, got {', '.join(outputs) or 'no stack with outputs'}"
        raise DemoError(msg)
    return outputs[stack_name]
