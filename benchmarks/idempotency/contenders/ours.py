"""Tsunagu's receiver."""

import os
from collections.abc import Callable

from benchmarks.idempotency.contenders.handler import Handler
from benchmarks.idempotency.contenders.tables import items_table, payments_table
from benchmarks.receiver_environment import receiver_environment
from lambdas.payments.service import Ledger, Payment
from tsunagu.runtime.clock import SystemClock
from tsunagu.runtime.functions import wiring
from tsunagu.runtime.receiving.message import Message


def without_transaction() -> Handler:
    """Return a receiver whose business function does nothing."""
    return _receiver(_nothing)


def with_transaction() -> Handler:
    """Return the payments receiver: the writes of a batch share a transaction."""
    return _receiver(Ledger(payments_table(), SystemClock()).record)


def with_a_transaction_each() -> Handler:
    """Return the payments receiver, with a transaction for each message."""
    return _receiver(Ledger(payments_table(), SystemClock()).record, group_commit=False)


def _nothing(_payment: Payment, _message: Message) -> None:
    pass


def _receiver(process: Callable[[Payment, Message], None], *, group_commit: bool = True) -> Handler:
    os.environ.update(receiver_environment(items_table()).to_environment())
    receiver = wiring.receiver(
        "payments",
        parse=Payment.from_json,
        key=lambda payment: payment.payment_id,
        process=process,
        group_commit=group_commit,
    )
    return receiver.receive
