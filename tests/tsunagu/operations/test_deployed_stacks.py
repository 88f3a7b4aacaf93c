from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest

from tests.tsunagu.account import Account
from tsunagu.errors import NotFoundError
from tsunagu.operations.deployed_stacks import DeployedStack, find_stack, find_stacks
from tsunagu.operations.pipelines import find_pipeline

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

INVOICES = DeployedStack(name="tsunagu-dev-invoices", outputs={"FifoQueueUrl": "https://sqs.example/invoices.fifo"})
BILLING = DeployedStack(name="tsunagu-dev-billing-pipeline", outputs={"PipelineName": "billing"})
SHIPPING = DeployedStack(name="shipping", outputs={"PipelineName": "shipping"})


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    account = Account(stacks={stack.name: stack.outputs for stack in (INVOICES, BILLING, SHIPPING)})
    with account.served(monkeypatch):
        yield account


@pytest.fixture
def cloudformation(account: Account) -> "CloudFormationClient":
    return boto3.client("cloudformation")


def test_stack_is_found_with_its_outputs(cloudformation: "CloudFormationClient") -> None:
    assert find_stack(cloudformation, INVOICES.name) == INVOICES


def test_stack_that_is_not_deployed_is_named(cloudformation: "CloudFormationClient") -> None:
    with pytest.raises(NotFoundError, match=r"^the stack other must be deployed, got none of this name at http://"):
        find_stack(cloudformation, "other")


def test_missing_output_lists_those_that_the_stack_has() -> None:
    with pytest.raises(NotFoundError, match="must have the output StandardQueueUrl, got FifoQueueUrl"):
        INVOICES.output("StandardQueueUrl")


def test_stacks_of_a_stage_are_found_by_their_names(cloudformation: "CloudFormationClient") -> None:
    assert find_stacks(cloudformation, "dev") == [BILLING, INVOICES]


def test_pipeline_is_found_by_the_name_in_its_output(cloudformation: "CloudFormationClient") -> None:
    assert find_pipeline(cloudformation, stage="dev", name="billing") == BILLING


def test_only_pipeline_of_a_stage_needs_no_name(cloudformation: "CloudFormationClient") -> None:
    assert find_pipeline(cloudformation, stage="dev") == BILLING


def test_pipeline_of_a_stack_without_a_stage_is_found_by_the_name_of_the_stack(
    cloudformation: "CloudFormationClient",
) -> None:
    assert find_pipeline(cloudformation, stage="dev", stack_name="shipping") == SHIPPING


@pytest.mark.parametrize(
    ("stage", "name", "sentence"),
    [
        ("dev", "shipping", "the stacks tsunagu-dev-* must have the pipeline shipping, got billing"),
        ("prod", "billing", "the stacks tsunagu-prod-* must have the pipeline billing, got none"),
        ("prod", None, "the stacks tsunagu-prod-* must have a pipeline, got none"),
    ],
)
def test_missing_pipeline_lists_those_of_the_stage(
    cloudformation: "CloudFormationClient", stage: str, name: str | None, sentence: str
) -> None:
    with pytest.raises(NotFoundError) as refusal:
        find_pipeline(cloudformation, stage=stage, name=name)

    assert str(refusal.value) == sentence


def test_one_of_several_pipelines_must_be_named(account: Account, cloudformation: "CloudFormationClient") -> None:
    account.stacks["tsunagu-dev-returns"] = {"PipelineName": "returns"}

    with pytest.raises(NotFoundError) as refusal:
        find_pipeline(cloudformation, stage="dev")

    assert str(refusal.value) == (
        "--pipeline must name one pipeline of the stacks tsunagu-dev-*, which have billing, returns"
    )
