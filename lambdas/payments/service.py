"""Payments: how they are read, and how they are recorded."""

import re
from dataclasses import dataclass
from typing import Self

from tsunagu import Clock, InvalidMessageError, JsonObject, Message

AMOUNTS = range(1, 10**12 + 1)
FIELDS = {"payment_id", "account", "amount", "currency"}

_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")
_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment into an account.

    Attributes:
        payment_id: The payer's own id for it, 1 to 64 letters, digits and hyphens: the business key.
        account: The account that it is paid into, 1 to 64 letters, digits and hyphens.
        amount: Minor units of the currency, 1 to 10^12.
        currency: ISO 4217 code, such as `EUR`.
    """

    payment_id: str
    account: str
    amount: int
    currency: str

    @classmethod
    def from_json(cls, body: JsonObject) -> Self:
        """Read a payment.

        Raises:
            InvalidMessageError: A field is missing, of a wrong type or out of range.
        """
        if not body.keys() >= FIELDS:
            msg = f"a payment must have the fields {sorted(FIELDS)}, got {_short(sorted(body))}"
            raise InvalidMessageError(msg)
        amount = body["amount"]
        if type(amount) is not int or amount not in AMOUNTS:
            msg = f"amount must be a whole number from 1 to 10^12, in minor units, got {_short(amount)}"
            raise InvalidMessageError(msg)
        return cls(
            payment_id=_text(body, "payment_id", _NAME, "1 to 64 letters, digits and hyphens"),
            account=_text(body, "account", _NAME, "1 to 64 letters, digits and hyphens"),
            amount=amount,
            currency=_text(body, "currency", _CURRENCY, "an ISO 4217 code such as EUR"),
        )


class Ledger:
    """The ledger: payments and balances in one table, with partition key `account` and sort key `entry`.

    Args:
        table_name: The table.
        clock: Gives the time at which a payment is recorded.
    """

    def __init__(self, table_name: str, clock: Clock) -> None:
        self._table_name = table_name
        self._clock = clock

    def record(self, payment: Payment, message: Message) -> None:
        """Record `payment` and add it to the balance of its account, together with the message's completion.

        The update of the balance has no condition. So the balance would show if a payment were recorded twice.
        """
        message.put(
            self._table_name,
            {
                "account": payment.account,
                "entry": f"PAYMENT#{payment.payment_id}",
                "amount": payment.amount,
                "currency": payment.currency,
                "request_id": message.request_id,
                "recorded_at": self._clock.now_us(),
            },
        )
        message.update(
            self._table_name,
            {"account": payment.account, "entry": f"BALANCE#{payment.currency}"},
            "ADD balance :amount, payments :one",
            values={":amount": payment.amount, ":one": 1},
        )


def _text(body: JsonObject, field: str, grammar: re.Pattern[str], expected: str) -> str:
    value = body[field]
    if not isinstance(value, str) or not grammar.fullmatch(value):
        msg = f"{field} must be {expected}, got {_short(value)}"
        raise InvalidMessageError(msg)
    return value


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."  # noqa: PLR2004 - enough to recognise it
