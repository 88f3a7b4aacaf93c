"""Lambda's own queue of events: it tries them again, and gives up what failed too often or is too old."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tsunagu.runtime.sending.publish import OutgoingMessage
from tsunagu.testing.explorer.sandbox import FUNCTION_TIMEOUT_SECONDS
from tsunagu.testing.explorer.stage import Actor

if TYPE_CHECKING:
    from tests.explorer.requests.event_plant import EventPlant

PAUSES_MS = (60_000, 120_000)  # before the second try, and before the third
SENDS_AGAIN_MS = 1_000
SPENT, TOO_OLD = "RetriesExhausted", "EventAgeExceeded"
TIMED_OUT = "Sandbox.Timedout"


@dataclass(slots=True, kw_only=True, eq=False)
class Invocation:
    """An event that the gateway handed over.

    Attributes:
        event: The event.
        sent_ms: When it was handed over.
        next_ms: When it can be tried next; while it runs, when Lambda ends the function.
        tries: How often it was tried.
        error: Type of the last error; the time-out while it runs.
        is_gone: It succeeded, or Lambda has told of its end.
    """

    event: Mapping[str, Any]
    sent_ms: int
    next_ms: int
    tries: int = 0
    error: str = TIMED_OUT
    is_gone: bool = False

    @property
    def name(self) -> str:
        return f"event {self.event['request_id']}"


class LambdaQueue(Actor):
    """Keeps events until they succeed or are given up. An end of a try that comes after its time-out changes nothing.

    Attributes:
        invocations: All events.
        given_up: Events that failed too often, or were too old.
        lost: Those of them whose end Lambda could tell nobody.
    """

    plant: "EventPlant"

    def __init__(self, plant: "EventPlant", *, retries: int, maximum_age_ms: int) -> None:
        super().__init__("lambda", plant)
        self._retries = retries
        self._maximum_age_ms = maximum_age_ms
        self._next_send_ms = 0
        self.invocations: list[Invocation] = []
        self.given_up: list[Invocation] = []
        self.lost: list[Invocation] = []

    @property
    def waiting(self) -> list[Invocation]:
        """Events that have not ended, running or not."""
        return [each for each in self.invocations if not each.is_gone]

    def put(self, event: Mapping[str, Any]) -> None:
        """Take an event."""
        self.invocations.append(Invocation(event=event, sent_ms=self.plant.ms, next_ms=self.plant.ms))

    def startable(self) -> list[Invocation]:
        """Events that can be tried now."""
        return [each for each in self.waiting if each.next_ms <= self.plant.ms and not self._end_of(each)]

    def take(self) -> Invocation:
        """Begin a try."""
        taken = self.startable()[0]
        taken.tries += 1
        taken.error = TIMED_OUT
        taken.next_ms = self.plant.ms + FUNCTION_TIMEOUT_SECONDS * 1_000 + self._pause_ms(taken)
        return taken

    def succeeded(self, invocation: Invocation, number: int) -> None:
        """End an event whose try of this number succeeded."""
        if invocation.tries == number:
            invocation.is_gone = True

    def failed(self, invocation: Invocation, number: int, error: str) -> None:
        """Let an event whose try of this number failed wait for the next one."""
        if invocation.tries == number and not invocation.is_gone:
            invocation.error = error
            invocation.next_ms = self.plant.ms + self._pause_ms(invocation)

    def redeliver(self) -> None:
        """Hand over an event a second time, as Lambda may do."""
        if self.invocations:
            self.put(self.invocations[-1].event)

    def moments(self) -> Sequence[int]:
        """Return when something can happen to events."""
        ages = [each.sent_ms + self._maximum_age_ms for each in self.waiting]
        return [*(each.next_ms for each in self.waiting), *ages, self._next_send_ms]

    @property
    def has_work(self) -> bool:
        """Whether there is an event to be given up."""
        return self._next_send_ms <= self.plant.ms and any(self._end_of(each) for each in self.waiting)

    def begin(self) -> None:
        """Send the next event that is given up to the dead-letter queue."""
        self.start(self._give_up)

    def _give_up(self) -> None:
        plant = self.plant
        ended = next(each for each in self.waiting if self._end_of(each))
        self.given_up.append(ended)
        letter = OutgoingMessage(body=json.dumps(self._letter(ended)))

        def send() -> None:
            plant.dead_letter_queue.put(letter)

        def apply() -> None:
            send()
            ended.is_gone = True

        def delay() -> None:
            self._next_send_ms = plant.ms + SENDS_AGAIN_MS

        def send_unanswered() -> None:
            send()
            delay()

        def lose() -> None:
            ended.is_gone = True
            self.lost.append(ended)

        failures = {"unavailable": delay, "unanswered": send_unanswered, "lost for good": lose}
        plant.point(self, f"gives up {ended.name}", apply, faults=(), failures=failures)

    def _letter(self, ended: Invocation) -> dict[str, Any]:
        context = {"condition": self._end_of(ended), "approximateInvokeCount": ended.tries}
        answer = {"responsePayload": {"errorType": ended.error}} if ended.tries else {}
        return {"version": "1.0", "requestContext": context, "requestPayload": ended.event, **answer}

    def _end_of(self, invocation: Invocation) -> str:
        """Return why an event is to be given up now; empty: it is not."""
        if invocation.tries > self._retries:
            return SPENT if invocation.next_ms <= self.plant.ms else ""
        is_old = self.plant.ms - invocation.sent_ms >= self._maximum_age_ms
        return TOO_OLD if is_old and invocation.next_ms <= self.plant.ms else ""

    def _pause_ms(self, invocation: Invocation) -> int:
        return PAUSES_MS[invocation.tries - 1] if invocation.tries <= self._retries else 0
