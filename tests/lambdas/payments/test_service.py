"""What a payment may be."""

from typing import Any

import pytest

from lambdas.payments.service import Payment
from tsunagu.runtime.errors import InvalidMessageError

VALID: dict[str, Any] = {"payment_id": "p-1", "account": "a-1", "amount": 1_250, "currency": "EUR"}


def test_payment_is_read() -> None:
    assert Payment.from_json(VALID) == Payment("p-1", "a-1", 1_250, "EUR")


def test_field_of_a_newer_sender_is_ignored() -> None:
    assert Payment.from_json({**VALID, "tip": 1}) == Payment.from_json(VALID)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"amount": 0}, "amount must be a whole number from 1 to 10\\^12, in minor units, got 0"),
        ({"amount": 10**12 + 1}, "amount must be"),
        ({"amount": 1.0}, "got 1.0"),
        ({"amount": True}, "got True"),
        ({"amount": "1"}, "got '1'"),
        ({"payment_id": ""}, "payment_id must be 1 to 64 letters, digits and hyphens, got ''"),
        ({"payment_id": "x" * 65}, "payment_id must be"),
        ({"account": "a b"}, "account must be"),
        ({"account": "a\n"}, "account must be"),
        ({"currency": "eur"}, "currency must be an ISO 4217 code such as EUR, got 'eur'"),
    ],
)
def test_payment_that_breaks_its_contract_is_refused_with_the_reason(change: dict[str, object], reason: str) -> None:
    with pytest.raises(InvalidMessageError, match=reason):
        Payment.from_json({**VALID, **change})


@pytest.mark.parametrize("field", sorted(VALID))
def test_payment_without_a_field_is_refused(field: str) -> None:
    with pytest.raises(InvalidMessageError, match="must have the fields"):
        Payment.from_json({name: value for name, value in VALID.items() if name != field})
