"""Invoices: how they are read, and how they are recorded."""

from dataclasses import dataclass
from typing import Self

from stdnum import iban

from tsunagu import InvalidMessageError, JsonObject, Message


@dataclass(frozen=True, slots=True)
class Invoice:
    """A supplier's invoice.

    Attributes:
        number: The supplier's own number for it: the business key.
        iban: The account that it is paid to.
        amount: Minor units of the currency, above 0.
    """

    number: str
    iban: str
    amount: int

    @classmethod
    def from_json(cls, body: JsonObject) -> Self:
        """Read an invoice.

        Raises:
            InvalidMessageError: A field is missing or has a wrong type, or the account's check digits are wrong.
        """
        number, account, amount = body.get("number"), body.get("iban"), body.get("amount")
        if not isinstance(number, str) or not number:
            msg = f"number must be a text, got {number!r}"
            raise InvalidMessageError(msg)
        if not isinstance(account, str) or not iban.is_valid(account):
            msg = f"iban must be an account number with right check digits, got {account!r}"
            raise InvalidMessageError(msg)
        if type(amount) is not int or amount < 1:
            msg = f"amount must be a whole number above 0, in minor units, got {amount!r}"
            raise InvalidMessageError(msg)
        return cls(number=number, iban=iban.compact(account), amount=amount)


class Register:
    """The register: stores invoices in a table.

    Args:
        table_name: Name of the table, with partition key `number`.
    """

    def __init__(self, table_name: str) -> None:
        self._table_name = table_name

    def record(self, invoice: Invoice, message: Message) -> None:
        """Record `invoice` together with the completion of its message."""
        message.put(self._table_name, {"number": invoice.number, "iban": invoice.iban, "amount": invoice.amount})
