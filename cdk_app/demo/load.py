"""Plans payments from a seed: valid ones, copies of some, and messages that no handler can accept."""

import json
import random
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CURRENCIES = ("EUR", "JPY", "USD")
LARGEST_AMOUNT = 1_000_000

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPayment:
    """A payment that must have exactly one effect.

    Attributes:
        payment_id: The business key.
        account: Whose balance it changes.
        amount: In the minor unit of `currency`.
        currency: ISO 4217 code.
    """

    payment_id: str
    account: str
    amount: int
    currency: str

    def fields(self) -> dict[str, str | int]:
        """Return the fields of its message body."""
        return {
            "payment_id": self.payment_id,
            "account": self.account,
            "amount": self.amount,
            "currency": self.currency,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedMessage:
    """A message to send, and the effect that it must have.

    Attributes:
        body: Text to send.
        group_id: Message group on a FIFO queue.
        request_id: Each copy has another one. It is the deduplication id too, so that SQS does not drop the copy.
        payment: The payment that it asks for; None when it is invalid.
        flaw: What is wrong with it; None when it is valid.
    """

    body: str
    group_id: str
    request_id: str
    payment: PlannedPayment | None = None
    flaw: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadShape:
    """Size of a load, and its shares of copies and of invalid messages.

    Attributes:
        messages: Different messages, valid and invalid ones together.
        accounts: Number of accounts of the payments. Each account is a message group.
        copied_share: Share of the messages that are sent a second time, above 0 and at most 1.
        invalid_share: Share of the messages that are invalid, above 0 and below 1.
    """

    messages: int
    accounts: int
    copied_share: float = 0.05
    invalid_share: float = 0.01


def _renamed_key(fields: Fields) -> str:
    return json.dumps({"paymentId" if name == "payment_id" else name: value for name, value in fields.items()})


# Each flaw keeps the payment id in the text, so that no two invalid messages are equal.
FLAWS: Mapping[str, Callable[[Fields], str]] = {
    "text that is not JSON": lambda fields: json.dumps(fields)[:-1],
    "no payment_id": _renamed_key,
    "negative amount": lambda fields: json.dumps({**fields, "amount": -1}),
    "amount as text": lambda fields: json.dumps({**fields, "amount": str(fields["amount"])}),
    "currency in words": lambda fields: json.dumps({**fields, "currency": "euro"}),
    "a list": lambda fields: json.dumps([fields]),
}


def plan_messages(seed: int, name: str, shape: LoadShape) -> tuple[PlannedMessage, ...]:
    """Return the messages of one queue in the order of sending.

    Args:
        seed: The same seed and name give the same messages.
        name: Every payment id and account begins with it, so that the loads of two queues share none.
        shape: Size of the load.
    """
    source = random.Random(f"{seed} {name}")  # noqa: S311 - a load must be the same each time
    originals = _originals(source, name, shape)
    valid = [index for index, message in enumerate(originals) if message.payment is not None]
    copied = source.sample(valid, k=max(1, round(shape.messages * shape.copied_share)))
    places: list[tuple[float, PlannedMessage]] = list(enumerate(originals))
    for number, index in enumerate(copied):
        # Every second copy follows its original at once, so that one batch holds both.
        place = index + 0.5 if number % 2 else source.uniform(index + 0.5, shape.messages)
        places.append((place, _copy(source, originals[index])))
    return tuple(message for _, message in sorted(places, key=lambda entry: entry[0]))


def _originals(source: random.Random, name: str, shape: LoadShape) -> Sequence[PlannedMessage]:
    invalid = source.sample(range(shape.messages), k=max(1, round(shape.messages * shape.invalid_share)))
    flaws = dict(zip(invalid, list(FLAWS) * len(invalid), strict=False))
    return [_message(source, _payment(source, name, index, shape), flaws.get(index)) for index in range(shape.messages)]


def _payment(source: random.Random, name: str, index: int, shape: LoadShape) -> PlannedPayment:
    return PlannedPayment(
        payment_id=f"{name}-payment-{index:05}",
        account=f"{name}-account-{source.randrange(shape.accounts):03}",
        amount=source.randint(1, LARGEST_AMOUNT),
        currency=source.choice(CURRENCIES),
    )


def _message(source: random.Random, payment: PlannedPayment, flaw: str | None) -> PlannedMessage:
    body = json.dumps(payment.fields()) if flaw is None else FLAWS[flaw](payment.fields())
    return PlannedMessage(
        body=body,
        group_id=payment.account,
        request_id=_request_id(source),
        payment=payment if flaw is None else None,
        flaw=flaw,
    )


def _copy(source: random.Random, original: PlannedMessage) -> PlannedMessage:
    return PlannedMessage(
        body=original.body, group_id=original.group_id, request_id=_request_id(source), payment=original.payment
    )


def _request_id(source: random.Random) -> str:
    return str(uuid.UUID(int=source.getrandbits(128), version=4))
