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

THREADS = 10


def without_transaction() -> Handler:
    """Return a receiver whose business function does nothing."""
    return _receiver(_nothing)


def with_transaction() -> Handler:
    """Return the payments receiver, a message after the other."""
    return _receiver(Ledger(payments_table(), SystemClock()).record)


def with_transaction_in_threads() -> Handler:
    """Return the payments receiver, with ten messages at the same time."""
    return _receiver(Ledger(payments_table(), SystemClock()).record, THREADS)


def _nothing(_payment: Payment, _message: Message) -> None:
    pass


def _receiver(process: Callable[[Payment, Message], None], concurrency: int = 1) -> Handler:
    os.environ.update(receiver_environment(items_table()).to_environment())
    receiver = wiring.receiver(
        "payments",
        parse=Payment.from_json,
        key=lambda payment: payment.payment_id,
        process=process,
        concurrency=concurrency,
    )
    return receiver.receive
