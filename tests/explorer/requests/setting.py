"""The setting of a plant of accepted requests: what is posted, how the work goes, and what may be disturbed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from itertools import count
from typing import TYPE_CHECKING

from tsunagu.contracts import requests
from tsunagu.contracts.requests import ShownStatus
from tsunagu.runtime.requests.request import Request
from tsunagu.runtime.requests.sweep_rules import SweepRules
from tsunagu.runtime.sending.publish import SendResult
from tsunagu.testing.explorer.sandbox import VISIBILITY_SECONDS

if TYPE_CHECKING:
    from tests.explorer.requests.worker import RequestWorker

SCOPE = "reports"
CALLER = "alice"
SHARD = "0"
WINDOW_SECONDS = 86_400
MINUTE_MS = 60_000

RULES = SweepRules(
    deadline_seconds=7_200,
    resend_after_seconds=120,
    visibility_timeout_seconds=VISIBILITY_SECONDS,
    window_seconds=WINDOW_SECONDS,
    publishes=True,
)
# A deadline that a frozen worker misses.
SHORT_RULES = SweepRules(
    deadline_seconds=300,
    resend_after_seconds=120,
    visibility_timeout_seconds=VISIBILITY_SECONDS,
    window_seconds=WINDOW_SECONDS,
    publishes=True,
)

# Without a queue, nothing is sent again.
EVENT_RULES = replace(RULES, has_queue=False)

Work = Callable[[Mapping[str, str], Request], object]


def _ids_of_one_partition(number: int) -> tuple[str, ...]:
    """Return request ids whose records stay in one partition of the index, also when they are opened again."""
    wanted = requests.open_partition(SCOPE, SHARD)
    ids = (f"r-{each}" for each in count(1))
    found = (
        each
        for each in ids
        if requests.open_partition_of(SCOPE, requests.request_item_id(SCOPE, CALLER, each)) == wanted
    )
    return tuple(next(found) for _ in range(number))


FIRST_ID, SECOND_ID = _ids_of_one_partition(2)


class Part(Enum):
    """Who acts in a plant."""

    GATEWAY = auto()
    PIPE = auto()  # or Lambda's own queue, where the gateway hands over events
    WORKERS = auto()
    SWEEPERS = auto()
    MOVER = auto()


EVERYBODY = frozenset(Part)
SUCCEEDED = frozenset({ShownStatus.SUCCEEDED})
FAILED = frozenset({ShownStatus.FAILED})
CANCELLED = frozenset({ShownStatus.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What a client posts, again and again until it is answered.

    Attributes:
        name: Name of the client.
        request_id: The `Idempotency-Key`.
        body: Body of the request.
        cancels: Whether the client deletes the request, as soon or as late as the schedule wants it.
        later_ms: Milliseconds after the beginning when it is posted first.
    """

    name: str = "client"
    request_id: str = FIRST_ID
    body: str = "{}"
    cancels: bool = False
    later_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSetting:
    """What does not change in a plant.

    Attributes:
        work: Makes the business function of a worker.
        endings: How requests may end before the plant is mended.
        endings_when_mended: How they may end after that.
        reason: What the reason of a failed request has in it.
        rules: Numbers of the sweeper.
        troubled: Who meets faults, and is left in the middle. All goes well for others.
        has_pipe: Whether the pipe delivers. Without it, the sweeper is the only one who does.
        pipe_starts_ms: Milliseconds after the beginning from which on the pipe delivers.
        workers_start_ms: Milliseconds after the beginning from which on there are workers.
        sweepers: Sweepers that run at the same time: a schedule may invoke one twice.
        freezes: How often a worker may be frozen in the middle of a call, until after the deadline.
        batch_size: Most messages in one invocation.
        max_attempts: Attempts after which a request fails.
        max_receives: SQS's own back-stop.
        send_rounds: Failed rounds of sends after which an outbox is given up. Default: that of the runtime.
        refusal: What the topic of completions answers a worker until the plant is mended. Default: it takes all.
        refused_ms: Milliseconds after the beginning from which on the topic takes all. Default: it waits to be mended.
        redrive_ms: Milliseconds after the beginning from which on the operator redrives letters. Default: when all is
            quiet.
        retries: How often Lambda tries an event again. Default: requests come through a queue.
        maximum_age_ms: How long Lambda keeps an event, in milliseconds.
    """

    work: "Callable[[RequestWorker], Work]"
    endings: frozenset[ShownStatus] = SUCCEEDED
    endings_when_mended: frozenset[ShownStatus] = SUCCEEDED
    reason: str = ""
    rules: SweepRules = RULES
    troubled: frozenset[Part] = EVERYBODY
    has_pipe: bool = True
    pipe_starts_ms: int = 0
    workers_start_ms: int = 0
    sweepers: int = 1
    freezes: int = 0
    batch_size: int = 1
    max_attempts: int = 4
    max_receives: int = 100
    send_rounds: int | None = None
    refusal: SendResult | None = None
    refused_ms: int | None = None
    redrive_ms: int | None = None
    retries: int | None = None
    maximum_age_ms: int = 3_600_000
