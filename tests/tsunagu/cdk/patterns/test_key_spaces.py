"""Keys belong to the receiver; sharing them is said by all; a mix-up that an app can see is refused at synth."""

from typing import Any

import pytest
from aws_cdk import App, Duration, Environment, Stack
from aws_cdk import aws_dynamodb as dynamodb

from tests.tsunagu.cdk.constructs.synthesized import resources
from tests.tsunagu.cdk.patterns.test_service_pipeline import props as pipeline_props
from tests.tsunagu.cdk.patterns.test_service_pipeline import variables
from tsunagu.cdk.assets import HandlerPackage
from tsunagu.cdk.constructs.idempotency_table import IdempotencyTable, IdempotencyTableProps
from tsunagu.cdk.constructs.queue_channel import QueueChannel, QueueChannelProps
from tsunagu.cdk.patterns.idempotent_receiver import IdempotentReceiver, IdempotentReceiverProps
from tsunagu.cdk.patterns.service_pipeline import ServicePipeline
from tsunagu.contracts.environment import ReceiverEnvironment
from tsunagu.errors import InvalidPropsError

INDEXED = IdempotencyTableProps(request_index=True, run_index=True)
SHARED_KEYS = ReceiverEnvironment.variable_name("shared_keys")
HERE = Environment(account="111122223333", region="eu-central-1")
ELSEWHERE = Environment(account="111122223333", region="eu-west-1")


def receiver(
    stack: Stack, name: str, package: HandlerPackage, table: IdempotencyTable, **settings: Any
) -> IdempotentReceiver:
    channel = QueueChannel(stack, f"{name}Channel", QueueChannelProps(handler_timeout=Duration.seconds(5)))
    props = IdempotentReceiverProps(package=package, channel=channel, table=table, **settings)
    return IdempotentReceiver(stack, name, props)


def pipeline(stack: Stack, construct_id: str, package: HandlerPackage, **settings: Any) -> ServicePipeline:
    return ServicePipeline(stack, construct_id, pipeline_props(package, **settings))


def table(stack: Stack, **settings: Any) -> IdempotencyTable:
    return IdempotencyTable(stack, "Items", IdempotencyTableProps(**settings))


def named(stack: Stack, name: str = "shared") -> IdempotencyTable:
    found = dynamodb.Table.from_table_attributes(stack, "Found", table_name=name)
    return table(stack, existing=found, request_index=True, run_index=True)


def shared_keys_of(stack: Stack) -> list[str]:
    functions = resources(stack, "AWS::Lambda::Function").values()
    return sorted(each["Properties"]["Environment"]["Variables"][SHARED_KEYS] for each in functions)


def test_keys_are_shared_by_the_receivers_that_say_so(stack: Stack, package: HandlerPackage) -> None:
    items = table(stack)
    for name in ("Fifo", "Standard"):
        receiver(stack, name, package, items, shared_keys="payments")

    assert shared_keys_of(stack) == ["payments", "payments"]


def test_keys_belong_to_each_receiver_by_default(stack: Stack, package: HandlerPackage) -> None:
    items = table(stack)
    for name in ("Fifo", "Standard"):
        receiver(stack, name, package, items)

    assert shared_keys_of(stack) == ["", ""]


@pytest.mark.parametrize("first", ["payments", None])
def test_sharing_that_only_one_of_two_receivers_of_a_package_says_is_refused(
    stack: Stack, package: HandlerPackage, first: str | None
) -> None:
    items = table(stack)
    receiver(stack, "One", package, items, shared_keys=first)

    with pytest.raises(InvalidPropsError, match=r"^.*Two: shared_keys must be given to every receiver .* none for"):
        receiver(stack, "Two", package, items, shared_keys=None if first else "payments")


def test_receivers_of_a_package_may_share_under_several_names(stack: Stack, package: HandlerPackage) -> None:
    items = table(stack)
    for name, shared_keys in (("One", "a"), ("Two", "a"), ("Three", "b")):
        receiver(stack, name, package, items, shared_keys=shared_keys)

    assert shared_keys_of(stack) == ["a", "a", "b"]


@pytest.mark.parametrize("wrong", ["", "a b", "orders.start", "orders@queue", "a#b", "x" * 65])
def test_name_of_shared_keys_that_could_be_another_key_space_is_refused(
    stack: Stack, package: HandlerPackage, wrong: str
) -> None:
    with pytest.raises(InvalidPropsError, match="shared_keys must be 1 to 64 letters"):
        receiver(stack, "One", package, table(stack), shared_keys=wrong)


def test_shared_keys_without_a_table_to_share_are_refused(stack: Stack, package: HandlerPackage) -> None:
    channel = QueueChannel(stack, "Channel", QueueChannelProps(handler_timeout=Duration.seconds(5)))

    with pytest.raises(InvalidPropsError, match="table must be given with shared_keys"):
        IdempotentReceiverProps(package=package, channel=channel, shared_keys="payments")


@pytest.mark.parametrize("order", [(1, 4), (4, 1)])
def test_key_is_kept_until_the_last_copy_through_any_queue(
    stack: Stack, package: HandlerPackage, order: tuple[int, int]
) -> None:
    items = table(stack)

    def with_retention(days: int) -> None:
        settings = QueueChannelProps(handler_timeout=Duration.seconds(5), retention=Duration.days(days))
        channel = QueueChannel(stack, f"Channel{days}", settings)
        props = IdempotentReceiverProps(package=package, channel=channel, table=items, shared_keys="payments")
        IdempotentReceiver(stack, f"Receiver{days}", props)

    with_retention(order[0])
    with pytest.raises(InvalidPropsError, match=r"idempotency_window of .*Receiver1 must be at least .* shares keys"):
        with_retention(order[1])


def test_two_pipelines_of_one_name_on_one_table_are_refused(stack: Stack, package: HandlerPackage) -> None:
    items = table(stack, request_index=True, run_index=True)
    pipeline(stack, "One", package, table=items)

    with pytest.raises(InvalidPropsError, match=r"Two: name must be another one than that of .*One.* got orders"):
        pipeline(stack, "Two", package, table=items)


def test_pipelines_of_other_names_and_a_receiver_share_a_table(stack: Stack, package: HandlerPackage) -> None:
    items = table(stack, request_index=True, run_index=True)
    pipeline(stack, "One", package, table=items)
    pipeline(stack, "Two", package, table=items, name="returns")
    receiver(stack, "Receiver", package, items)

    assert len(resources(stack, "AWS::DynamoDB::Table")) == 1


def test_two_constructs_of_one_table_are_seen_through(stack: Stack, package: HandlerPackage) -> None:
    first = table(stack, request_index=True, run_index=True)
    again = IdempotencyTable(
        stack, "Again", IdempotencyTableProps(existing=first.table, request_index=True, run_index=True)
    )
    pipeline(stack, "One", package, table=first)

    with pytest.raises(InvalidPropsError, match="name must be another one"):
        pipeline(stack, "Two", package, table=again)


@pytest.mark.parametrize(
    ("environments", "name", "is_one"),
    [
        ((HERE, HERE), "shared", True),
        ((HERE, ELSEWHERE), "shared", False),
        ((HERE, HERE), "other", False),
        ((None, None), "shared", False),
    ],
    ids=["same", "another region", "another name", "nobody knows"],
)
def test_table_that_two_stacks_know_by_name_is_one_where_it_can_be_seen(
    package: HandlerPackage, environments: tuple[Environment | None, ...], name: str, is_one: bool
) -> None:
    app = App()
    one, two = (Stack(app, f"S{number}", env=env) for number, env in enumerate(environments))
    pipeline(one, "Pipeline", package, table=named(one))

    if is_one:
        with pytest.raises(InvalidPropsError, match="name must be another one"):
            pipeline(two, "Pipeline", package, table=named(two, name))
    else:
        pipeline(two, "Pipeline", package, table=named(two, name))


def test_table_known_by_its_arn_is_that_of_the_same_name(package: HandlerPackage) -> None:
    app = App()
    one, two = Stack(app, "One", env=HERE), Stack(app, "Two", env=HERE)
    arn = "arn:aws:dynamodb:eu-central-1:111122223333:table/shared"
    by_arn = dynamodb.Table.from_table_attributes(two, "Found", table_arn=arn)
    pipeline(one, "Pipeline", package, table=named(one))

    with pytest.raises(InvalidPropsError, match="name must be another one"):
        pipeline(two, "Pipeline", package, table=table(two, existing=by_arn, request_index=True, run_index=True))


def test_preprocessor_knows_the_place_of_its_pipeline(package: HandlerPackage) -> None:
    stack = Stack(App(), "Shop", env=HERE)
    pipeline(stack, "Orders", package)

    place = variables(stack, "Preprocessor")["PIPELINE_PLACE"]
    assert place == {"Fn::Join": ["", ["111122223333/eu-central-1/", {"Ref": "AWS::StackName"}, "/Orders"]]}
