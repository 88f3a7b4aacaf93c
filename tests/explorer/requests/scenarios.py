"""What is explored of accepted requests: who posts what, who meets faults, and bounds of what may go wrong."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from unittest.mock import patch

from tests.explorer.requests.event_plant import GIVEN_UP, EventPlant
from tests.explorer.requests.journal import ENDED
from tests.explorer.requests.plant import RequestPlant
from tests.explorer.requests.setting import (
    CANCELLED,
    EVENT_RULES,
    EVERYBODY,
    FAILED,
    SECOND_ID,
    SHORT_RULES,
    SUCCEEDED,
    Part,
    Post,
    RequestSetting,
)
from tests.explorer.requests.worker import failing, killing, refusing, stumbling, telling, working
from tsunagu.runtime.receiving import relay
from tsunagu.runtime.sending.publish import SendResult
from tsunagu.testing.explorer.bounds import Bounds
from tsunagu.testing.explorer.ports import GONE
from tsunagu.testing.explorer.schedule import Choices

ALONE, ONE_SWITCH = Bounds(), Bounds(switches=1)
POST = Post()
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """Requests, and a plant that has to deal with them.

    Attributes:
        posts: Who posts what.
        bounds: What may go wrong beside one crash or one failed call.
        after: Who posts once all is quiet.
        redrives: Number of redrives, once all is quiet. Before the last one, the plant is mended.
        is_long: Whether it is explored with the slow tests alone.
        is_tight: Whether its limits are so tight that a request may end in another way when more goes wrong.
    """

    name: str
    setting: RequestSetting
    posts: Sequence[Post] = (POST,)
    bounds: Bounds = ALONE
    after: Sequence[Post] = ()
    redrives: int = 0
    is_long: bool = False
    is_tight: bool = False

    def run(self, choices: Choices) -> None:
        """Run to the end.

        Raises:
            Violation: An invariant did not hold.
        """
        rounds = self.setting.send_rounds
        with nullcontext() if rounds is None else patch.object(relay, "SEND_ROUNDS", rounds):
            self._run(choices)

    def _run(self, choices: Choices) -> None:
        is_by_queue = self.setting.retries is None
        plant = (RequestPlant if is_by_queue else EventPlant)(self.setting, self.bounds, choices)
        plant.post(self.posts)
        plant.run_until_quiet()
        for number in range(self.redrives):
            plant.is_mended = number == self.redrives - 1
            plant.redrive()
            plant.run_until_quiet()
        if self.after:
            plant.post(self.after)
            plant.run_until_quiet()

    def within(self, bounds: Bounds) -> "Accepted":
        """The same, within other bounds."""
        return replace(self, bounds=bounds)

    def with_trouble_for_all(self) -> "Accepted":
        """The same, where everybody meets faults and is left in the middle."""
        setting = replace(self.setting, troubled=EVERYBODY)
        if self.is_tight:
            any_end = SUCCEEDED | FAILED
            setting = replace(setting, endings=any_end, endings_when_mended=any_end, reason="")
        return replace(self, setting=setting)


_WORK = RequestSetting(work=working)
_AT_WORKERS = replace(_WORK, troubled=frozenset({Part.WORKERS}))
_LATE = RequestSetting(work=telling, rules=SHORT_RULES, freezes=1, endings=SUCCEEDED | FAILED)
_HIDDEN_RULES = replace(SHORT_RULES, visibility_timeout_seconds=600)  # nobody else gets the message before the deadline
_SHORT_EVENT_RULES = replace(SHORT_RULES, has_queue=False)
_REFUSED = SendResult(None, "TaskTimedOut: spent", is_permanent=True)
_SWEEPERS = frozenset({Part.SWEEPERS})

_ALL = [
    Accepted(name="one", setting=_WORK),
    Accepted(name="delivered twice", setting=_AT_WORKERS, bounds=Bounds(redeliveries=1)),
    Accepted(name="interrupted", setting=_AT_WORKERS, bounds=ONE_SWITCH),
    Accepted(name="no pipe", setting=replace(_WORK, has_pipe=False)),
    Accepted(name="late pipe", setting=replace(_WORK, pipe_starts_ms=200_000)),
    Accepted(name="posted twice", setting=_WORK, posts=[POST, Post(name="again")], after=[Post(name="later")]),
    Accepted(name="other body", setting=_WORK, posts=[POST, Post(name="other", body='{"month": "2"}')]),
    Accepted(
        name="cancelled",
        setting=replace(_WORK, endings=SUCCEEDED | CANCELLED),
        posts=[Post(cancels=True)],
        after=[Post(name="later")],
    ),
    Accepted(
        name="cancelled in between",
        setting=replace(
            _WORK, endings=SUCCEEDED | CANCELLED, troubled=frozenset({Part.GATEWAY, Part.PIPE, Part.WORKERS})
        ),
        posts=[Post(cancels=True)],
        bounds=ONE_SWITCH,
    ),
    Accepted(
        name="two",
        setting=replace(_AT_WORKERS, batch_size=2),
        posts=[POST, Post(name="second", request_id=SECOND_ID)],
    ),
    Accepted(name="stumbling", setting=replace(_AT_WORKERS, work=stumbling)),
    Accepted(
        name="refused",
        setting=replace(_WORK, work=refusing, endings=FAILED, reason="the month is closed"),
        redrives=1,
    ),
    Accepted(
        name="refused, delivered twice",
        setting=replace(_AT_WORKERS, work=refusing, endings=FAILED),
        bounds=Bounds(redeliveries=1),
    ),
    Accepted(
        name="failing",
        setting=replace(_AT_WORKERS, work=failing, endings=FAILED, reason="attempt", max_attempts=2),
        redrives=2,
    ),
    Accepted(
        name="killing",
        setting=replace(_AT_WORKERS, work=killing, endings=FAILED, reason="attempt 2", max_attempts=2),
        redrives=1,
    ),
    Accepted(name="frozen", setting=replace(_LATE, rules=_HIDDEN_RULES)),
    Accepted(name="frozen, taken over", setting=replace(_LATE, work=working)),
    Accepted(name="no workers for a while", setting=replace(_WORK, has_pipe=False, workers_start_ms=400_000)),
    Accepted(
        name="given up by SQS",
        is_tight=True,
        setting=replace(
            _WORK,
            work=killing,
            endings=FAILED,
            reason="after 2 receives",
            max_receives=2,
        ),
        redrives=1,
    ),
    Accepted(
        name="hasty operator",
        setting=replace(
            _WORK,
            work=refusing,
            endings=FAILED,
            reason="the month is closed",
            redrive_ms=60_000,
        ),
        redrives=1,
    ),
    Accepted(name="frozen, cancelled", setting=replace(_LATE, work=working, endings=ENDED), posts=[Post(cancels=True)]),
    Accepted(
        name="frozen sends",
        is_long=True,
        setting=replace(
            _LATE, work=working, send_rounds=2, refusal=GONE, endings=FAILED, troubled=frozenset({Part.WORKERS})
        ),
    ),
    Accepted(
        name="frozen sends, the last one lost",
        is_tight=True,
        setting=replace(_LATE, send_rounds=1, troubled=frozenset({Part.WORKERS})),
        redrives=1,
    ),
    Accepted(
        name="no workers until after the deadline",
        is_tight=True,
        setting=replace(_WORK, rules=SHORT_RULES, workers_start_ms=400_000, endings=FAILED, reason="no end within"),
    ),
    Accepted(
        name="sent after the deadline",
        setting=replace(_AT_WORKERS, rules=SHORT_RULES, refusal=GONE, refused_ms=400_000),
    ),
    Accepted(
        name="stumbling, cancelled",
        setting=replace(_WORK, work=stumbling, endings=SUCCEEDED | CANCELLED),
        posts=[Post(cancels=True)],
    ),
    Accepted(
        name="two sweepers",
        setting=replace(_WORK, has_pipe=False, sweepers=2, troubled=_SWEEPERS),
        bounds=ONE_SWITCH,
    ),
    Accepted(
        name="unsendable",
        setting=replace(_AT_WORKERS, refusal=_REFUSED, endings=FAILED, reason="were refused"),
        redrives=2,
    ),
]

_EVENT = replace(_WORK, retries=2, max_attempts=3, has_pipe=False, rules=EVENT_RULES)
_EVENT_AT_WORKERS = replace(_EVENT, troubled=frozenset({Part.WORKERS}))

_ALL += [
    Accepted(name="event", setting=_EVENT),
    Accepted(name="event, handed over twice", setting=_EVENT_AT_WORKERS, bounds=Bounds(redeliveries=1), is_long=True),
    Accepted(
        name="event, refused",
        setting=replace(_EVENT, work=refusing, endings=FAILED, reason="the month is closed"),
    ),
    Accepted(
        name="event, failing",
        setting=replace(_EVENT_AT_WORKERS, work=failing, endings=FAILED),
        is_long=True,
    ),
    Accepted(
        name="event, stumbling, other body",
        setting=replace(_EVENT_AT_WORKERS, work=stumbling),
        posts=[POST, Post(name="other", body='{"month": "2"}')],
    ),
    Accepted(
        name="event, killing",
        setting=replace(_EVENT, work=killing, endings=FAILED),
        is_long=True,
    ),
    Accepted(
        name="event, one try",
        setting=replace(_EVENT, retries=0, max_attempts=1, endings=SUCCEEDED | FAILED),
    ),
    Accepted(
        name="event, throttled until it is too old",
        setting=replace(
            _EVENT, maximum_age_ms=300_000, workers_start_ms=400_000, endings=SUCCEEDED | FAILED, reason=GIVEN_UP
        ),
    ),
    Accepted(
        name="event, too old, posted again",
        setting=replace(_EVENT, maximum_age_ms=300_000, workers_start_ms=300_000, endings=SUCCEEDED | FAILED),
        posts=[POST, Post(name="again", later_ms=200_000)],
    ),
    Accepted(
        name="event, unsendable",
        setting=replace(_EVENT, refusal=GONE, endings=FAILED),
        is_long=True,
    ),
    Accepted(
        name="event, frozen",
        setting=replace(_EVENT_AT_WORKERS, rules=_SHORT_EVENT_RULES, freezes=1, endings=SUCCEEDED | FAILED),
        is_long=True,
    ),
]

SCENARIOS = {f"requests: {each.name}": replace(each, name=f"requests: {each.name}") for each in _ALL}
