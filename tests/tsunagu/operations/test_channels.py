import pytest

from tsunagu.errors import NotFoundError
from tsunagu.operations.channels import channels_of, find_channel
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
    assert find_channel(STACK, name).queue_url == "https://sqs.example/123/paid"


def test_kind_of_a_queue_is_what_its_url_says() -> None:
    assert (find_channel(STACK, "fifo").queue_url, find_channel(STACK, "fifo").is_fifo) == (FIFO_URL, True)
    assert not find_channel(STACK, "standard").is_fifo


@pytest.mark.parametrize("name", ["orders", "FifoDeadLetter", ""])
def test_unknown_queue_lists_those_that_the_stack_has(name: str) -> None:
    with pytest.raises(NotFoundError) as refusal:
        find_channel(STACK, name)

    assert str(refusal.value) == (
        f"the stack tsunagu-dev-invoices must have the queue {name}, got fifo, paid-invoices, standard"
    )


def test_stack_without_queues_says_so() -> None:
    with pytest.raises(NotFoundError, match="must have the queue fifo, got none"):
        find_channel(DeployedStack(name="empty", outputs={}), "fifo")
