"""What goes wrong with a call, drawn from one seed, and a count of all that did."""

import random
import threading
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """What the caller gets instead of its answer."""

    THROTTLED = "throttled"
    FAILED = "failed"
    ANSWER_LOST = "answer lost"
    PARTLY_THROTTLED = "partly throttled"


class Kill(StrEnum):
    """When the caller is killed."""

    BEFORE = "killed before a call"
    APPLIED = "killed when a call was applied and not answered"
    ANSWERED = "killed when a call was answered"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRates:
    """Probabilities, from 0 to 1.

    Attributes:
        throttled: DynamoDB refuses a call for its load.
        failed: DynamoDB answers a call with an internal error.
        answer_lost: DynamoDB applies a call, and the answer never arrives.
        partly_throttled: DynamoDB refuses the last statement of a batch of statements for its partition's load. The SDK
            does not repeat it: what comes of it is up to the handler.
        killed: The caller is killed, at each of the three points of each call to any service.
    """

    throttled: float = 0.05
    failed: float = 0.01
    answer_lost: float = 0.01
    partly_throttled: float = 0.05
    killed: float = 0.004


NOTHING = FaultRates(throttled=0.0, failed=0.0, answer_lost=0.0, partly_throttled=0.0, killed=0.0)


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens to one call."""

    fault: Fault | None
    kill: Kill | None


class Fate:
    """Draws the plan of each call.

    Args:
        seed: The same seed gives the same sequence of plans; which call gets which is up to the scheduler.

    Attributes:
        rates: How often what happens; may be changed at any time.
        happened: How often what did happen.
    """

    def __init__(self, seed: int, rates: FaultRates) -> None:
        self.rates = rates
        self.happened: Counter[str] = Counter()
        self._source = random.Random(seed)
        self._lock = threading.Lock()

    def draw(self, *, is_store: bool, is_batch: bool) -> Plan:
        """Return the plan of the next call; faults are for calls to the store alone, partial ones for batches."""
        with self._lock:
            fault_number, kill_number = self._source.random(), self._source.random()
        fault = self._fault(fault_number) if is_store else None
        if fault is Fault.PARTLY_THROTTLED and not is_batch:
            fault = None
        return Plan(fault, self._kill(kill_number))

    def count(self, what: str) -> None:
        """Take note that something happened."""
        with self._lock:
            self.happened[what] += 1

    def _fault(self, number: float) -> Fault | None:
        for fault, rate in (
            (Fault.THROTTLED, self.rates.throttled),
            (Fault.FAILED, self.rates.failed),
            (Fault.ANSWER_LOST, self.rates.answer_lost),
            (Fault.PARTLY_THROTTLED, self.rates.partly_throttled),
        ):
            if number < rate:
                return fault
            number -= rate
        return None

    def _kill(self, number: float) -> Kill | None:
        index = int(number / self.rates.killed) if self.rates.killed else len(Kill)
        return [*Kill][index] if index < len(Kill) else None
