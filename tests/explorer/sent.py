"""What producers send, and how it must end."""

import json
from dataclasses import dataclass
from enum import Enum, auto

from tsunagu.runtime.idempotency.keys import item_id, payload_hash


class Fate(Enum):
    """How a message must end."""

    DONE = auto()
    DEAD = auto()
    RIVAL = auto()  # one of the payloads under its key is done, the others are dead
    UNSENT = auto()  # it took effect, and is dead-lettered, because the messages that it sends on were refused
    REDRIVEN = auto()  # its dead letter was redriven, as another message


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message as its producer sent it.

    Attributes:
        fate: How it must end.
        text: Body, if it is not a payment.
        least_attempts: Runs or refused sends, and kills on other calls, that it must have had before it may be dead.
        forwards: Messages that it must send on.
        reason: Part of its dead letter's reason.
    """

    id: str
    payment_id: str = ""
    amount: int = 1
    group: str | None = None
    fate: Fate = Fate.DONE
    text: str | None = None
    least_attempts: int = 0
    forwards: int = 0
    reason: str = ""

    @property
    def payload(self) -> dict[str, object]:
        return {"payment_id": self.payment_id, "account": "a", "amount": self.amount, "currency": "EUR"}

    @property
    def body(self) -> str:
        return json.dumps(self.payload) if self.text is None else self.text

    @property
    def done(self) -> tuple[str, str]:
        """What its item shows when it is done: id and payload hash."""
        return item_id("payments", self.payment_id), payload_hash(self.payload)
