"""The fixtures of the plugin on the embedded cloud: accounts apart, kills, faults."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from aws_cdk import App, CfnOutput, Stack, aws_sqs

from tests.apps import new_app
from tests.synthesis import WITHOUT_VALIDATION
from tsunagu.local.embedded_cloud import synthesize
from tsunagu.testing import CloudAccount, FaultRates, eventually

PROJECT = Path(__file__).resolve().parents[2]
IBAN = "DE89370400440532013000"
LOSSY = FaultRates(throttled=0.1, killed=0.003)  # so that a message has an attempt left

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def invoices(new_account: Callable[[], CloudAccount], tmp_path_factory: pytest.TempPathFactory) -> CloudAccount:
    """The example of the documentation, as another team deploys it: by its cdk.json."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in WITHOUT_VALIDATION.items():
            patch.setenv(name, value)
        patch.setenv("PYTHONPATH", str(PROJECT))
        patch.chdir(PROJECT / "examples" / "invoices")
        assembly = synthesize("embedded", tmp_path_factory.mktemp("invoices") / "cdk.out")
    account = new_account()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(PROJECT)  # where the CDK CLI is
        account.deploy(assembly)
    return account


def test_accounts_see_nothing_of_each_other(
    cloud_account: CloudAccount, new_account: Callable[[], CloudAccount], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(PROJECT)
    other = new_account()

    first = cloud_account.deploy(stack_with_a_queue())
    cloud_account.send(first["Url"], {"order_id": "o-1"})
    second = other.deploy(stack_with_a_queue())

    assert cloud_account.number in first["Url"]
    assert other.number in second["Url"]
    assert eventually(lambda: cloud_account.messages(first["Url"])) == [{"order_id": "o-1"}]
    assert other.messages(second["Url"]) == []
    assert cloud_account.physical_id("Queue") == first["Url"]


def stack_with_a_queue() -> Stack:
    stack = Stack(new_app(), "Shop")
    queue = aws_sqs.Queue(stack, "Queue", queue_name="orders")
    CfnOutput(stack, "Url", value=queue.queue_url)
    return stack


def test_invoices_take_effect_once_though_calls_fail_and_functions_are_killed(invoices: CloudAccount) -> None:
    url, table = invoices.outputs["Invoices"]["QueueUrl"], invoices.physical_id("InvoicesTable")
    function = invoices.physical_id("ReceiverHandlerFunction")
    invoices.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "13"})

    with invoices.faults(function, rates=LOSSY) as fate:
        for number in range(30):
            invoices.send(url, {"number": f"i-{number % 20}", "iban": IBAN, "amount": 1})
        invoices.eventually(lambda: len(invoices.items(table)) == 20, seconds=240, what="20 invoices")

    assert sorted(item["number"] for item in invoices.items(table)) == sorted(f"i-{number}" for number in range(20))
    assert sum(fate.happened.values()) > 0
    assert json.dumps(fate.happened)


def test_what_is_no_app_is_refused(cloud_account: CloudAccount) -> None:
    with pytest.raises(TypeError, match="subject must be a stack of an app, an app or a folder, got int"):
        cloud_account.deploy(3)
    with pytest.raises(LookupError, match="got 'Nothing' of none"):
        cloud_account.physical_id("Nothing")


def test_an_app_is_deployed_as_its_stacks_are(cloud_account: CloudAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)
    app = stack_with_a_queue().node.root
    assert isinstance(app, App)

    assert "Url" in cloud_account.deploy(app)
