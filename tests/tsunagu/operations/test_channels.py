import pytest

from tsunagu.operations.channels import Channel, channels_of
from tsunagu.operations.deployed_stacks import DeployedStack

FIFO_URL = "https://sqs.example/123/invoices.fifo"
STACK = DeployedStack(
    name="tsunagu-dev-invoices",
    outputs={
        "StandardQueueUrl": "https://sqs.example/123/standard",
        "FifoQueueUrl": FIFO_URL,
        "FifoDeadLetterQueueUrl": "https://sqs.example/123/dead.fifo",
        "PaidInvoicesQueueUrl": "https://sqs.example/123/paid",
        "InvoicesTableName": "invoices",
        "QueueUrl": "https://sqs.example/123/unnamed",
    },
)


def test_stack_offers_the_queues_of_its_outputs_and_no_dead_letter_queue() -> None:
    assert [channel.name for channel in channels_of(STACK)] == ["fifo", "paid-invoices", "standard"]


@pytest.mark.parametrize("name", ["paid-invoices", "PaidInvoices", "paid_invoices", "paidinvoices"])
def test_queue_is_found_however_its_name_is_written(name: str) -> None:
    (found,) = [channel for channel in channels_of(STACK) if channel.is_named(name)]

    assert found.queue_url == "https://sqs.example/123/paid"


def test_queue_is_found_by_its_aliases_and_not_by_an_empty_name() -> None:
    channel = Channel(name="Fifo", queue_url=FIFO_URL, aliases=frozenset({"Payments/Fifo", ""}))

    assert channel.is_named("payments-fifo")
    assert not channel.is_named("")


def test_kind_of_a_queue_is_what_its_url_says() -> None:
    kinds = {channel.name: channel.is_fifo for channel in channels_of(STACK)}

    assert (kinds["fifo"], kinds["standard"]) == (True, False)
