"""Faults that a test plans, each for the next call of a kind."""

import re
from dataclasses import dataclass
from typing import Literal

FaultKind = Literal["die before", "die after", "unavailable", "unanswered"]

# What a worker calls, by the name that a test uses, and how the stage words it.
CALLS = {
    "claim": "inserts",
    "read": "reads items",
    "record": "updates",
    "commit": "commits",
    "dead-letter": r"sends \d+ dead",
    "send": r"sends \d+ on",
    "notify": "notifies",
    "hide": r"changes \d+ visib",
    "acknowledge": "answer",
}
_OWN = re.compile(r"calls (\S+)")


def name_of_call(wording: str) -> str:
    """Return the name of a call: one of `CALLS`, or that of the test's own effect."""
    own = _OWN.match(wording)
    if own:
        return own[1]
    return next((name for name, pattern in CALLS.items() if re.match(pattern, wording)), wording)


@dataclass(slots=True)
class Fault:
    """One planned fault.

    Attributes:
        call: Name of the call.
        kind: What happens.
        skip: Calls of that name that go well before.
    """

    call: str
    kind: FaultKind
    skip: int = 0


class Plan:
    """The planned faults, each of which happens once."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def add(self, call: str, kind: FaultKind, number: int) -> None:
        """Plan a fault for the `number`-th call from now, from 1."""
        if number < 1:
            msg = f"number must be 1 or more, got {number}"
            raise ValueError(msg)
        self.faults.append(Fault(call, kind, number - 1))

    def take(self, wording: str) -> FaultKind | None:
        """Return the fault of a call that is made now, and forget it."""
        name = name_of_call(wording)
        mine = [fault for fault in self.faults if fault.call == name]
        ready = next((fault for fault in mine if fault.skip == 0), None)
        for fault in mine:
            fault.skip -= fault is not ready and fault.skip > 0
        if ready is None:
            return None
        self.faults.remove(ready)
        return ready.kind
