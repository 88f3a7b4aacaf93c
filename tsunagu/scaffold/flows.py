"""The flows that a new repository can begin with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

FlowName = Literal["receive-once", "pipeline", "accept-now", "one-at-a-time", "web-and-queue"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A flow.

    Attributes:
        summary: What it does, in a sentence.
        commands: Lines for a shell that use it on the embedded cloud.
        packages: Packages beside the library that its tests and its types need. Default: none.
    """

    summary: str
    commands: Sequence[str]
    packages: Sequence[str] = field(default=())


FLOWS: Mapping[FlowName, Flow] = {
    "receive-once": Flow(
        summary="Bookings from a queue: each is recorded once, or dead-lettered with a reason.",
        commands=["tsunagu send @NAME@-embedded --queue Bookings --file bookings.jsonl --yes"],
    ),
    "pipeline": Flow(
        summary="Bookings through a pipeline: room and guest are checked side by side, then the booking is confirmed.",
        commands=[
            "tsunagu start bookings --file booking.json --yes    # prints the request id",
            "tsunagu trace <request id>",
        ],
    ),
    "accept-now": Flow(
        summary="Bookings over HTTP: each is accepted by 202 at once, and made later, once.",
        commands=["tsunagu graph @NAME@-embedded --output bookings.svg    # the way of a request"],
    ),
    "one-at-a-time": Flow(
        summary="A job on a schedule that closes the bookings of each hour, one run at a time.",
        commands=["tsunagu run bookings --yes"],
    ),
    "web-and-queue": Flow(
        summary="Bookings over HTTP and from a queue, by one function.",
        commands=["tsunagu send @NAME@-embedded --queue Bookings --file bookings.jsonl --yes"],
        packages=["fastapi"],
    ),
}
