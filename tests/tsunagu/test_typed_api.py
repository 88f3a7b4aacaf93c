"""What a type checker accepts of the decorators. `make types` checks it: an `ignore` that is not needed is an error.

The tests run each wrong use too: it raises at import, with a sentence.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tsunagu import (
    Message,
    MessageRouter,
    Request,
    Run,
    Work,
    accepted_request,
    message_handler,
    pipeline_service,
    preprocessor_for,
    scheduled_job,
)


@dataclass
class Invoice:
    number: str
    year: int


@dataclass
class Order:
    order_id: str


def number_of(invoice: Invoice) -> str:
    return f"{invoice.year}/{invoice.number}"


@message_handler("invoices", key="number")
def by_field(invoice: Invoice, message: Message) -> None: ...


@message_handler("invoices", key=lambda invoice: f"{invoice.year}/{invoice.number}")
def by_lambda(invoice: Invoice, message: Message) -> None: ...


@message_handler("invoices", key=number_of, strict=True)
def by_function(invoice: Invoice, message: Message) -> None: ...


@message_handler("orders", key=number_of)  # type: ignore[arg-type]
def by_function_of_another_message(order: Order, message: Message) -> None: ...


@pipeline_service
def service(order: Order, work: Work) -> int:
    return 1


@pipeline_service(strict=True)
def strict_service(order: Order, work: Work) -> int:
    return 1


def test_typed_handlers_are_made() -> None:
    assert all(map(callable, (by_field, by_lambda, by_function, by_function_of_another_message)))
    assert all(map(callable, (service, strict_service)))


@scheduled_job("sync")
def job(run: Run) -> dict[str, int]:
    return {"prices": run.number}


@accepted_request("reports", concurrency=2)
def report(order: Order, request: Request) -> str:
    return order.order_id


def invoice_work(invoice: Invoice, message: Message) -> None: ...


def test_correct_jobs_and_requests_are_made() -> None:
    assert all(map(callable, (job, report, preprocessor_for(Order), MessageRouter().handler())))


WRONG: list[tuple[str, Callable[[], Any]]] = [
    ("scope must be text, got 1", lambda: message_handler(1, key="number")),  # type: ignore[call-overload]
    ("missing 1 required keyword-only argument: 'key'", lambda: message_handler("invoices")),  # type: ignore[call-overload]
    ("missing 1 required keyword-only argument: 'key'", lambda: message_handler(invoice_work)),  # type: ignore[call-overload]
    ("key must be a str or int field of Invoice", lambda: message_handler("i", key=1)(invoice_work)),  # type: ignore[call-overload]
    (
        "concurrency must be between 1 and 100, got '5'",
        lambda: message_handler("invoices", key="number", concurrency="5"),  # type: ignore[call-overload]
    ),
    ("strict must be True or False, got 'no'", lambda: message_handler("i", key="number", strict="no")),  # type: ignore[call-overload]
    ("group_commit must be True or False, got 0", lambda: pipeline_service(group_commit=0)),  # type: ignore[call-overload]
    ("must take a message of an annotated class and a Work", lambda: pipeline_service(invoice_work)),  # type: ignore[arg-type]
    ("name must be text, got the function", lambda: scheduled_job(invoice_work)),  # type: ignore[arg-type]
    ("must take a Run, got the parameters", lambda: scheduled_job("sync")(invoice_work)),  # type: ignore[arg-type]
    ("scope must be text, got the function", lambda: accepted_request(invoice_work)),  # type: ignore[arg-type]
    ("and a Request, got the parameters", lambda: accepted_request("r")(invoice_work)),  # type: ignore[arg-type]
    ("model must be a class, got Invoice", lambda: preprocessor_for(Invoice("i-1", 2026))),  # type: ignore[arg-type]
    ("scope must be text, got 1", lambda: MessageRouter(scope=1)),  # type: ignore[arg-type]
    ("type_name must be text, got 1", lambda: MessageRouter(type_name=1)),  # type: ignore[arg-type]
    ("message_type must be text, got the function", lambda: MessageRouter().on(invoice_work, key="number")),  # type: ignore[arg-type]
    ("strict must be True or False", lambda: MessageRouter().on("a", key="number", strict="no")),  # type: ignore[arg-type]
]

# Mistakes that no type shows.
MISTAKES: list[tuple[str, Callable[[], Any]]] = [
    ("concurrency must be between 1 and 100, got True", lambda: message_handler("i", key="number", concurrency=True)),
    ("a function must have one decorator", lambda: scheduled_job("sync")(job)),  # type: ignore[arg-type]
    ("a function must have one decorator", lambda: MessageRouter().on("a", key="number")(by_field)),
    ("a function must have one decorator", lambda: pipeline_service(service)),  # type: ignore[arg-type]
    ("key must be a str or int field of Invoice", lambda: message_handler("i", key="nmber")(invoice_work)),
]


@pytest.mark.parametrize(("sentence", "mistake"), [*WRONG, *MISTAKES])
def test_a_wrong_use_of_a_decorator_raises_at_import(sentence: str, mistake: Callable[[], Any]) -> None:
    with pytest.raises((TypeError, ValueError)) as refusal:
        mistake()

    assert sentence in str(refusal.value)
