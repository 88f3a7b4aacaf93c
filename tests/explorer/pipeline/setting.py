"""The setting of a pipeline's plant: what is asked for, and by whom."""

from dataclasses import dataclass
from enum import Enum, auto

PATIENCE = 10
GIVEN_FENCE = 7  # in the results that a start at a later step is given


class Fate(Enum):
    """How it must end for somebody who asks."""

    ANSWERED = auto()
    RIVAL = auto()  # one of those who ask for other things under one key is answered, the others are refused
    UNKNOWN = auto()  # whoever gives up may never hear


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What somebody asks the preprocessor for.

    Attributes:
        name: Who asks.
        key: The idempotency key.
        order_id: What the request is about.
        from_step: Step to begin with. Default: the first one.
        is_replay: Whether it is the first request that is to be run again, instead of a new one.
        only: The one service that is asked, in a replay.
        most_calls: Calls after which the caller gives up.
        fate: How it must end.
    """

    name: str = "caller"
    key: str = "k1"
    order_id: str = "o1"
    from_step: str | None = None
    is_replay: bool = False
    only: str | None = None
    most_calls: int = PATIENCE
    fate: Fate = Fate.ANSWERED


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineSetting:
    """What does not change in a plant.

    Attributes:
        troubled: Who meets faults and is left in the middle: `callers`, `services`, or both. All goes well for others.
        writes: Whether the effects of services are writes that are committed with their completion; else they are calls
            to another system.
        inline_bytes: Largest JSON that travels in a message.
        refusing: A service that refuses each run, until the plant is mended.
        batch_size: Most messages in one invocation.
        has_mirrors: Whether the services of a step are alike, so that of those that could begin when nobody works only
            the first one is to be explored.
        sandboxes: Invocations of services that run at the same time.
    """

    troubled: frozenset[str] = frozenset({"callers", "services"})
    writes: bool = True
    inline_bytes: int = 10_000
    refusing: str = ""
    batch_size: int = 1
    has_mirrors: bool = False
    sandboxes: int = 2
