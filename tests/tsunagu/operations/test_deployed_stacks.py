from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest

from tests.tsunagu.account import Account
from tsunagu.errors import AmbiguousNameError, NotFoundError
from tsunagu.operations.deployed_stacks import DeployedStack, find_stack, find_stacks, is_of_stage, own_part
from tsunagu.operations.pipelines import find_pipeline
from tsunagu.operations.scope import StackScope, find_stack_in, stacks_in

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

CREATED_MS = 1_704_067_200_000


def stack(name: str, **outputs: str) -> DeployedStack:
    return DeployedStack(name=name, outputs=outputs, created_ms=CREATED_MS)


INVOICES = stack("tsunagu-dev-invoices", FifoQueueUrl="https://sqs.example/invoices.fifo")
BILLING = stack("tsunagu-dev-billing-pipeline", PipelineName="billing", PreprocessorFunctionName="p")
SHIPPING = stack("shipping", PipelineName="shipping", PreprocessorFunctionName="p")


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


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("tsunagu-dev-invoices", "invoices"),
        ("bookings-dev", "bookings"),
        ("Dev-Warehouse", "Warehouse"),
        ("acme-dev-orders", "orders"),
        ("dev", ""),
    ],
)
def test_stage_is_a_part_of_a_name_wherever_it_stands(name: str, own: str) -> None:
    assert (is_of_stage(name, "dev"), own_part(name, "dev")) == (True, own)


@pytest.mark.parametrize("name", ["devices", "bookings-devel", "tsunagu-prod-dev1", "shipping"])
def test_letters_inside_of_a_part_are_no_stage(name: str) -> None:
    assert not is_of_stage(name, "dev")


def test_stage_with_a_hyphen_is_a_part_too() -> None:
    assert own_part("shop-eu-prod", "eu-prod") == "shop"
    assert not is_of_stage("shop-eu-prod", "us-prod")


@pytest.mark.parametrize(
    ("name", "found"), [("bookings", "bookings-dev"), ("warehouse", "Dev-Warehouse"), ("invoices", INVOICES.name)]
)
def test_stack_of_any_team_is_found_by_its_own_part_and_the_stage(
    account: Account, cloudformation: "CloudFormationClient", name: str, found: str
) -> None:
    account.stacks.update({"bookings-dev": {}, "bookings-prod": {}, "Dev-Warehouse": {}})

    assert find_stack_in(cloudformation, name, "dev").name == found
    assert [each.name for each in stacks_in(cloudformation, StackScope(stage="prod"))] == ["bookings-prod"]


def test_own_part_that_two_stacks_of_a_stage_have_needs_the_whole_name(
    account: Account, cloudformation: "CloudFormationClient"
) -> None:
    account.stacks.update({"bookings-dev": {}, "acme-dev-bookings": {}})

    with pytest.raises(AmbiguousNameError, match=r"got acme-dev-bookings, bookings-dev: give its whole name$"):
        find_stack_in(cloudformation, "bookings", "dev")


def test_pipeline_of_an_earlier_release_is_found_by_the_name_in_its_output(
    cloudformation: "CloudFormationClient",
) -> None:
    found = find_pipeline(cloudformation, StackScope(stage="dev"), "billing")

    assert (found.stack_name, found.function_name) == (BILLING.name, "p")


def test_only_pipeline_of_a_stage_needs_no_name(cloudformation: "CloudFormationClient") -> None:
    assert find_pipeline(cloudformation, StackScope(stage="dev")).stack_name == BILLING.name


def test_pipeline_of_a_stack_without_a_stage_is_found_by_the_name_of_the_stack(
    cloudformation: "CloudFormationClient",
) -> None:
    assert find_pipeline(cloudformation, StackScope(stack="shipping")).stack_name == SHIPPING.name


@pytest.mark.parametrize(
    ("scope", "name", "sentence"),
    [
        (
            StackScope(stage="dev"),
            "shipping",
            "the stacks of the stage dev must have the pipeline shipping, got billing",
        ),
        (StackScope(stack="invoices"), None, "the stack invoices must have a pipeline, got none"),
        (
            StackScope(),
            "bilings",
            "the stacks of the region must have the pipeline bilings, got billing, shipping: did you mean billing?",
        ),
    ],
)
def test_missing_pipeline_lists_those_that_are_deployed(
    cloudformation: "CloudFormationClient", scope: StackScope, name: str | None, sentence: str
) -> None:
    with pytest.raises(NotFoundError) as refusal:
        find_pipeline(cloudformation, scope, name)

    assert str(refusal.value) == sentence


def test_one_of_several_pipelines_must_be_named(cloudformation: "CloudFormationClient") -> None:
    with pytest.raises(AmbiguousNameError) as refusal:
        find_pipeline(cloudformation, StackScope())

    assert str(refusal.value) == (
        "--pipeline must name one pipeline, got billing of tsunagu-dev-billing-pipeline, shipping of shipping"
    )


@pytest.mark.parametrize(
    ("name", "stage", "found"),
    [
        ("shipping", None, "shipping"),
        ("invoices", "dev", "tsunagu-dev-invoices"),
        ("tsunagu-dev-invoices", None, "tsunagu-dev-invoices"),
        ("tsunagu-dev-invoices", "dev", "tsunagu-dev-invoices"),
        ("billing-pipeline", None, "tsunagu-dev-billing-pipeline"),
    ],
)
def test_stack_is_found_by_its_whole_name_or_its_own_part(
    cloudformation: "CloudFormationClient", name: str, stage: str | None, found: str
) -> None:
    assert find_stack_in(cloudformation, name, stage).name == found


def test_part_of_a_name_in_two_stages_needs_the_stage(account: Account, cloudformation: "CloudFormationClient") -> None:
    account.stacks["tsunagu-prod-invoices"] = {}

    with pytest.raises(AmbiguousNameError, match="got tsunagu-dev-invoices, tsunagu-prod-invoices: give its whole"):
        find_stack_in(cloudformation, "invoices")

    assert find_stack_in(cloudformation, "invoices", "prod").name == "tsunagu-prod-invoices"


def test_for_a_misspelt_stack_or_stage_others_are_suggested(cloudformation: "CloudFormationClient") -> None:
    with pytest.raises(NotFoundError, match=r"got none of this name at .*: did you mean shipping\?"):
        find_stack_in(cloudformation, "shiping")
    with pytest.raises(NotFoundError, match=r"the stage must be a part of .*, got the stacks .*: did you mean dev\?"):
        stacks_in(cloudformation, StackScope(stage="devv"))
