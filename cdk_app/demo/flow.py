"""What a flow of the demonstration is: something to run, and a report that it is judged by."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

from tsunagu.local.embedded_cloud import EmbeddedCloud

Outputs = Mapping[str, Mapping[str, str]]
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowReport:
    """What became of one flow.

    Attributes:
        sent: Messages sent, copies and invalid ones included.
        effects: Effects found; each of a double effect counts.
        duplicates: Copies that had no effect of their own.
        dead_lettered: Different messages in the dead-letter queues.
        lost: Messages that should have had an effect, and have none.
        doubled: Places where an effect was found more than once.
        killed: Handler processes killed while they had work.
        deferred: Deferrals that the handlers logged.
        seconds: How long the flow took.
        problems: Sentences about all that is not as it must be; none when the flow held.
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

    def run(self, cloud: EmbeddedCloud, outputs: Outputs, tell: Tell) -> FlowReport:
        """Drive the flow on a deployed cloud, and compare the effects with what was sent.

        Args:
            cloud: The embedded cloud, with everything deployed.
            outputs: Outputs of the deployed stacks, by stack name and output name.
            tell: Takes a short text about where the flow is.

        Raises:
            DemoError: The flow did not come to an end.
        """
        ...
