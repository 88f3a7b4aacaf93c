"""The price list of a supplier: read page by page from a server, and stored slice by slice."""

from collections.abc import Iterator
from importlib import reload
from typing import Any, Literal

import boto3
import pytest

import lambdas.supplier_sync.handler
import lambdas.supplier_sync.wiring
from lambdas.contracts.suppliers import SUPPLIER_SYNC, SuppliersEnvironment
from lambdas.supplier_sync.supplier import PAGE_ARTICLES, Article, Page, Supplier
from tests.lambdas.supplier_sync.fake_supplier import FakeSupplier, served
from tests.tsunagu.runtime.single_flight.world import JOB, NEXT_SLOT, OTHER_EXECUTION, JobWorld
from tsunagu.runtime.errors import LeaseLostError, PermanentError, RetryableError
from tsunagu.runtime.idempotency.store import BusinessWrite
from tsunagu.runtime.single_flight.run import Run
from tsunagu.testing.fakes import FakeItemStore

FULL_PAGE = {f"sku-{number:02}": number for number in range(PAGE_ARTICLES)}


class PricesStore(FakeItemStore):
    """A table whose list entry has no run with a higher number."""

    def _refuses(self, write: BusinessWrite) -> bool:
        return write.operation == "ConditionCheck" and super()._refuses(write)


def full_page(number: int) -> dict[str, int]:
    return {f"{number}-{sku}": price for sku, price in FULL_PAGE.items()}


@pytest.fixture
def supplier() -> Iterator[FakeSupplier]:
    with served(FakeSupplier([{"tea": 250, "cup": 900}, {"pot": 2_900}])) as supplier:
        yield supplier


@pytest.fixture
def world(supplier: FakeSupplier, monkeypatch: pytest.MonkeyPatch) -> JobWorld:
    environment = SuppliersEnvironment(prices_table_name="prices", supplier="acme", supplier_url=supplier.url)
    for name, value in environment.to_environment().items():
        monkeypatch.setenv(name, value)
    lambdas.supplier_sync.wiring.sync.cache_clear()
    return JobWorld(PricesStore())


def sync(run: Run) -> object:
    return lambdas.supplier_sync.wiring.sync().store_all(run)


def stored(world: JobWorld) -> dict[str, Any]:
    return {str(each["entry"]): each for each in world.store.effects}


# --- the supplier --------------------------------------------------------------------------------


def test_pages_are_read_until_the_last_one(supplier: FakeSupplier) -> None:
    read = Supplier(supplier.url).page

    assert read(1) == Page((Article("tea", 250), Article("cup", 900)), 2)
    assert read(2) == Page((Article("pot", 2_900),), None)


@pytest.mark.parametrize("status", [500, 503, 429])
def test_supplier_that_is_overloaded_is_asked_again_later(supplier: FakeSupplier, status: int) -> None:
    supplier.answers = [(status, b"")]

    with pytest.raises(RetryableError, match=f"must answer with 200, got {status}"):
        Supplier(supplier.url).page(1)


def test_supplier_that_is_gone_is_asked_again_later() -> None:
    with pytest.raises(RetryableError, match="must answer within 60 seconds, got URLError"):
        Supplier("http://127.0.0.1:1").page(1)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, b""),
        (200, b"no JSON"),
        (200, b"{}"),
        (200, b"[]"),
        (200, b'{"articles": [{"sku": "tea", "price": 2.5}], "next": null}'),
        (200, b'{"articles": [{"sku": "tea", "price": -1}], "next": null}'),
        (200, b'{"articles": [{}], "next": null}'),
        (200, b'{"articles": [], "next": "2"}'),
    ],
)
def test_answer_that_is_no_page_fails_for_good(supplier: FakeSupplier, status: int, body: bytes) -> None:
    supplier.answers = [(status, body)]

    with pytest.raises(PermanentError, match=r"^(the supplier|a page) must "):
        Supplier(supplier.url).page(1)


def test_page_with_too_many_articles_fails_for_good(supplier: FakeSupplier) -> None:
    supplier.pages = [{f"sku-{number}": 1 for number in range(PAGE_ARTICLES + 1)}]

    with pytest.raises(PermanentError):
        Supplier(supplier.url).page(1)


def test_only_web_addresses_are_opened() -> None:
    with pytest.raises(PermanentError, match="must begin with http"):
        Supplier("file:///etc").page(1)


# --- the price list ------------------------------------------------------------------------------


def test_price_list_is_stored_under_the_number_of_its_run(world: JobWorld) -> None:
    assert world.receive(function=sync) == []

    entries = stored(world)
    assert {name: entry.get("price") for name, entry in entries.items()} == {
        "ARTICLE#tea": 250,
        "ARTICLE#cup": 900,
        "ARTICLE#pot": 2_900,
        "LIST": None,
    }
    assert entries["ARTICLE#tea"]["run"] == 1
    assert world.outcomes()[-1][2] == '{"articles":3}'


def test_long_price_list_is_stored_in_slices_that_fit_a_commit(world: JobWorld, supplier: FakeSupplier) -> None:
    supplier.pages = [full_page(number) for number in range(1, 6)]

    world.receive(function=sync)
    assert world.next_message().checkpoint == {"page": 3, "articles": 2 * PAGE_ARTICLES}
    for number in range(2):
        assert world.receive(world.next_message(), sync, message_id=f"s-{number}") == []

    assert supplier.asked == [1, 2, 3, 4, 5]
    assert len(stored(world)) == 5 * PAGE_ARTICLES + 1
    assert world.outcomes()[-1][2] == '{"articles":200}'


def test_slice_ends_before_the_invocation_does(world: JobWorld, supplier: FakeSupplier) -> None:
    answer = supplier.answer

    def answer_slowly(number: int) -> tuple[int, bytes]:
        for _ in range(11):
            world.clock.ms += 20_000  # of 300 seconds
            world.tick()
        return answer(number)

    supplier.answer = answer_slowly  # type: ignore[method-assign]

    assert world.receive(function=sync) == []
    assert (supplier.asked, world.next_message().checkpoint) == ([1], {"page": 2, "articles": 2})


def test_supplier_is_not_asked_on_when_the_lease_is_lost(world: JobWorld, supplier: FakeSupplier) -> None:
    answer = supplier.answer

    def take_over(number: int) -> tuple[int, bytes]:
        world.jobs.leases.clear()
        world.tick()
        return answer(number)

    supplier.answer = take_over  # type: ignore[method-assign]

    def work(run: Run) -> object:
        with pytest.raises(LeaseLostError):
            return sync(run)
        run.raise_if_lost()
        return None

    assert world.receive(function=work) == ["m-1"]
    assert (supplier.asked, world.store.effects) == ([1], [])


# --- in DynamoDB ---------------------------------------------------------------------------------


def make_table(name: str, *keys: str) -> None:
    kinds: tuple[Literal["HASH", "RANGE"], ...] = ("HASH", "RANGE")
    boto3.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, kinds, strict=False)],
    )


def run_in_dynamodb(world: JobWorld) -> None:
    """Run the job, and write what it has collected to DynamoDB in one transaction, as the runtime does."""
    from tsunagu.runtime.aws.dynamodb import _business_part  # noqa: PLC0415

    collected: list[Any] = []

    def work(run: Run) -> None:
        sync(run)
        collected.extend(_business_part(write) for write in run.collected())

    world.receive(world.message(run=world.jobs.leases[JOB].run, execution=world.jobs.leases[JOB].owner), work)
    boto3.client("dynamodb").transact_write_items(TransactItems=collected)


def test_writer_of_an_earlier_run_is_refused_by_its_number(world: JobWorld, aws: None) -> None:
    make_table("prices", "supplier", "entry")
    first = world.jobs.leases[JOB]
    world.jobs.release(JOB, first.owner, 1)
    world.take(OTHER_EXECUTION, NEXT_SLOT)
    run_in_dynamodb(world)
    world.store.items.clear()
    run_in_dynamodb(world)  # the same run may write again

    world.jobs.leases[JOB] = first  # so that only the table itself can refuse the late writer
    with pytest.raises(boto3.client("dynamodb").exceptions.TransactionCanceledException):
        run_in_dynamodb(world)

    rows = boto3.resource("dynamodb").Table("prices").scan()["Items"]
    assert {int(str(row["run"])) for row in rows} == {2}
    (entry,) = [row for row in rows if row["entry"] == "LIST"]
    assert (entry["articles"], entry["is_complete"]) == (3, True)


def test_handler_is_that_of_the_job(world: JobWorld) -> None:
    handler = reload(lambdas.supplier_sync.handler).handler

    assert (handler.__name__, SUPPLIER_SYNC) == ("handler", JOB)
