"""Business functions of the explored receivers."""

from collections.abc import Callable
from contextlib import suppress

from lambdas.payments.service import Ledger, Payment
from tests.explorer.setting import Process
from tests.explorer.worker import Worker
from tsunagu.runtime.errors import PermanentError
from tsunagu.runtime.receiving.message import Message
from tsunagu.testing.explorer.sandbox import SandboxClock
from tsunagu.testing.fakes import Killed

NEXT_QUEUE_URL = "https://sqs/next"

MakeProcess = Callable[[Worker], Process]


CLOSED = {"account": "closed"}  # an item that no table has


def transactional(worker: Worker) -> Process:
    """The payments service itself: the effect is collected, and committed together with the completion."""
    ledger, journal = Ledger("payments", SandboxClock(worker.plant)), worker.plant.journal

    def process(payment: Payment, message: Message) -> None:
        journal.started(payment.payment_id)
        ledger.record(payment, message)

    return process


def at_once(worker: Worker) -> Process:
    """The same effect, committed by the function itself."""
    record = transactional(worker)

    def process(payment: Payment, message: Message) -> None:
        with message.transaction():
            record(payment, message)

    return process


def sending_late(worker: Worker) -> Process:
    """As `at_once`, and gives the outbox a message when it is too late for it. It swallows the refusal."""
    process = at_once(worker)

    def send_late(payment: Payment, message: Message) -> None:
        process(payment, message)
        with suppress(RuntimeError):
            message.outbox.send(NEXT_QUEUE_URL, f"{payment.payment_id}/late")

    return send_late


def checking(worker: Worker) -> Process:
    """The payments service, with a condition that never holds for one payment."""
    record = transactional(worker)

    def process(payment: Payment, message: Message) -> None:
        record(payment, message)
        if payment.payment_id == "bad":
            worker.plant.journal.attempts["bad"] += 1
            message.check("payments", CLOSED, "attribute_exists(account)")

    return process


def plain(worker: Worker) -> Process:
    """An effect outside of DynamoDB, like a call to another system."""
    plant = worker.plant

    def process(payment: Payment, message: Message) -> None:
        plant.point(
            worker, f"pays {payment.payment_id}", lambda: plant.journal.paid(worker, payment, message.fencing_token)
        )

    return process


def forwarding(make: MakeProcess, number: int = 1) -> MakeProcess:
    """As `make`, and sends a number of messages on."""

    def forwarding_process(worker: Worker) -> Process:
        process = make(worker)

        def forward(payment: Payment, message: Message) -> None:
            for each in range(1, number + 1):
                message.outbox.send(NEXT_QUEUE_URL, f"{payment.payment_id}/{each}")
            process(payment, message)

        return forward

    return forwarding_process


def beating(make: MakeProcess) -> MakeProcess:
    """As `make`, after a heartbeat."""

    def beating_process(worker: Worker) -> Process:
        process = make(worker)

        def beat(payment: Payment, message: Message) -> None:
            message.heartbeat()
            process(payment, message)

        return beat

    return beating_process


def misbehaving(make: MakeProcess, payment_id: str, act: Callable[[Worker, int], None]) -> MakeProcess:
    """As `make`, but calls `act` before one payment, until the plant is repaired. `act` gets the number of the run."""

    def misbehaving_process(worker: Worker) -> Process:
        process, attempts = make(worker), worker.plant.journal.attempts

        def misbehave(payment: Payment, message: Message) -> None:
            if payment.payment_id == payment_id and not worker.plant.is_mended:
                attempts[payment_id] += 1
                act(worker, attempts[payment_id])
            process(payment, message)

        return misbehave

    return misbehaving_process


def kill(worker: Worker, _attempt: int) -> None:
    """Kill the process, as too little memory does."""
    worker.plant.journal.killed(worker)
    raise Killed


def fail(_worker: Worker, _attempt: int) -> None:
    """Fail each time."""
    raise ValueError


class WithoutTextError(ValueError):
    """An error whose text cannot be had."""

    def __str__(self) -> str:
        raise RuntimeError

    __repr__ = __str__


def fail_without_text(_worker: Worker, _attempt: int) -> None:
    """Fail each time, by an error that fails itself when it is asked why."""
    raise WithoutTextError


def stumble(_worker: Worker, attempt: int) -> None:
    """Fail the first time."""
    if attempt == 1:
        raise ValueError


def refuse(_worker: Worker, _attempt: int) -> None:
    """Fail for good."""
    msg = "the account is closed"
    raise PermanentError(msg)
