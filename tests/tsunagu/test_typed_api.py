"""What a type checker accepts of the decorators. `make types` checks it: an `ignore` that is not needed is an error."""

from dataclasses import dataclass

from tsunagu import Message, Work, message_handler, pipeline_service


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
