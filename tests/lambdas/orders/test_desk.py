"""The order desk: what an order is, and what each service makes of one."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.billing.service import Charge, Till, price
from lambdas.contracts.orders import Order
from lambdas.inventory.service import Reservation, Stock
from lambdas.shipping.service import Dispatch, Shipment, shipment_id
from tests.tsunagu.runtime.pipeline.test_envelope import PLAIN
from tests.tsunagu.runtime.world import completion_parts, record
from tsunagu.contracts.items import Status
from tsunagu.runtime.claim_check import Inline
from tsunagu.runtime.errors import InvalidMessageError, PermanentError, RetryableError
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.idempotency.store import BusinessWrite
from tsunagu.runtime.idempotency.transaction import Transaction
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.pipeline.work import Work
from tsunagu.runtime.receiving.completion import Completion
from tsunagu.runtime.receiving.delivery import Delivery
from tsunagu.runtime.receiving.message import Message
from tsunagu.runtime.receiving.model import parser

PLACED: JsonObject = {
    "order_id": "o-1",
    "customer": "c-1",
    "lines": [{"sku": "tea", "quantity": 2}, {"sku": "cup", "quantity": 1}, {"sku": "tea", "quantity": 1}],
    "currency": "EUR",
}
QUANTITIES = {"tea": 3, "cup": 1}
AMOUNT = 3 * price("tea") + price("cup")
RESULTS = {"inventory": {"reserved": QUANTITIES}, "billing": {"amount": AMOUNT, "currency": "EUR"}}

read = parser(Order)


def work(results: JsonObject | None = None, attempts: int = 0) -> Work:
    item = Item(id="i", status=Status.INPROGRESS, owner="w", fence=1, lease=0, attempts=attempts)
    delivery = Delivery.from_record(record("{}"))
    message = Message(delivery, CompletionWithoutTransaction(*completion_parts(delivery, item)))
    return Work(replace(PLAIN, request=Inline(PLACED)), message, results or {})


class CompletionWithoutTransaction(Completion):
    def open_transaction(self) -> Transaction:
        raise AssertionError("a business function opens no transaction")


def updates(done: Work) -> list[tuple[str, dict[str, object]]]:
    return [(str(write.target["pk"]), dict(write.values)) for write in done.collected() if write.operation == "Update"]


def puts(done: Work) -> list[BusinessWrite]:
    return [write for write in done.collected() if write.operation == "Put"]


def test_reservation_takes_stock_once_for_each_article() -> None:
    done = work()

    assert Stock("orders").reserve(read(PLACED), done) == Reservation(QUANTITIES)
    assert updates(done) == [("STOCK#tea", {":quantity": 3}), ("STOCK#cup", {":quantity": 1})]
    assert [write.target["sk"] for write in puts(done)] == [f"RESERVATION#{PLAIN.run_id}"]


def test_charge_is_what_the_articles_cost() -> None:
    done = work()

    assert Till("orders", is_test_mode=True).charge(read(PLACED), done) == Charge(AMOUNT, "EUR")
    assert updates(done) == [("CUSTOMER#c-1", {":amount": AMOUNT})]


def test_declined_card_is_a_permanent_error_and_writes_nothing() -> None:
    done = work()

    with pytest.raises(PermanentError, match="declined"):
        Till("orders", is_test_mode=True).charge(read({**PLACED, "customer": "declined-7"}), done)
    assert done.collected() == ()


def test_busy_provider_is_asked_again_after_a_second() -> None:
    flaky = read({**PLACED, "customer": "flaky-7"})

    with pytest.raises(RetryableError) as raised:
        Till("orders", is_test_mode=True).charge(flaky, work())
    assert raised.value.after_seconds == 1
    assert Till("orders", is_test_mode=True).charge(flaky, work(attempts=1)) == Charge(AMOUNT, "EUR")


@pytest.mark.parametrize("customer", ["declined-7", "flaky-7"])
def test_customers_of_the_test_mode_are_charged_like_others_outside_it(customer: str) -> None:
    placed = read({**PLACED, "customer": customer})

    assert Till("orders", is_test_mode=False).charge(placed, work()) == Charge(AMOUNT, "EUR")


def test_shipment_has_the_same_name_in_every_run_and_what_the_order_cost() -> None:
    done = work(RESULTS)

    assert Dispatch("orders").ship(read(PLACED), done) == Shipment(shipment_id("o-1"), AMOUNT)
    assert updates(done) == [("CUSTOMER#c-1", {":one": 1})]
    assert puts(done)[0].target["articles"] == QUANTITIES


def test_what_is_reserved_otherwise_is_not_shipped() -> None:
    with pytest.raises(PermanentError, match="reserved quantities must be the ordered ones, got others, of 1 articles"):
        Dispatch("orders").ship(read(PLACED), work({**RESULTS, "inventory": {"reserved": {"tea": 1}}}))


@given(sku=st.text())
def test_every_article_has_a_price_that_does_not_change(sku: str) -> None:
    assert 100 <= price(sku) <= 999
    assert price(sku) == price(sku)


def test_prices_are_those_that_ledgers_expect() -> None:
    assert (price("tea"), price("cup"), shipment_id("o-1")) == (338, 113, "S-5cbdcb742069a582")


def broken(**fields: object) -> JsonObject:
    return {**PLACED, **fields}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "the message must have the fields"),
        (broken(order_id="../x"), "order_id must be 1 to 64 letters"),
        (broken(order_id="o-1\n"), "order_id must be 1 to 64 letters"),
        (broken(customer=""), "customer must be 1 to 64 letters"),
        (broken(customer="c" * 65), "customer must be 1 to 64 letters"),
        (broken(currency="USD"), r"currency must be one of \['EUR'\], got 'USD'"),
        (broken(lines=[]), "an order must have 1 to 50 lines, got 0"),
        (broken(lines=[{"sku": "tea", "quantity": 1}] * 51), "1 to 50 lines, got 51"),
        (broken(lines=[{"sku": "t#", "quantity": 1}]), "sku must be 1 to 64 letters"),
        (broken(lines=[{"sku": "tea", "quantity": 0}]), "quantity must be between 1 and 1,000, got 0"),
        (broken(lines=[{"sku": "tea", "quantity": 1_001}]), "quantity must be between 1 and 1,000"),
        (broken(lines=[{"sku": "tea", "quantity": True}]), "quantity must be a whole number"),
        (broken(note=7), "note must be"),
        (broken(note="n" * (10 * 1_048_576 + 1)), "note must have at most 10,485,760 bytes"),
    ],
)
def test_what_is_no_order_is_refused_for_good_in_a_sentence(body: JsonObject, reason: str) -> None:
    with pytest.raises(InvalidMessageError, match=reason):
        read(body)


def test_order_may_have_a_field_of_a_newer_sender() -> None:
    assert read(broken(surprise=1)) == read(PLACED)


def test_order_may_have_a_note() -> None:
    assert read(broken(note="wrapped, please")).note == "wrapped, please"
