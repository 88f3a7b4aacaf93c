"""How the pipeline behaves while a function lacks one of its permissions."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Any

from cdk_app.demo.order_findings import Expectation
from cdk_app.demo.orders import PlannedOrder
from cdk_app.demo.pipeline import replay_once
from tests.e2e.order_desk import OrderDesk
from tests.e2e.permissions import count_ended_invocations, wait_for_an_invocation, without_permission
from tsunagu.errors import NotAcceptedError
from tsunagu.operations.preprocessor_client import PreprocessorClient

NOTE_BYTES = 100_000  # above what travels inline


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A permission of a role, and an order that needs it.

    Attributes:
        role: Whose role it is.
        action: What is taken away.
        resource: Output of the stack that names the resource, or a part of its ARN.
        is_large: Whether the order is too large to travel inline.
        is_invalid: Whether the request is not an order, so that it must become a dead letter.
        is_done_before: Whether the effect is committed before the permission is needed.
    """

    role: str
    action: str
    resource: str
    is_large: bool = False
    is_invalid: bool = False
    is_done_before: bool = False

    @property
    def order(self) -> PlannedOrder:
        name = f"needy-{self.role}-{self.action.replace(':', '-')}-{self.resource}"
        return PlannedOrder(order_id=name, customer=name, lines=[("needy-article", 1)])

    @property
    def expectation(self) -> Expectation:
        counts = 0 if self.is_invalid else 1
        return Expectation(order=self.order, reservations=counts, charges=counts, shipments=counts)

    def start(self) -> dict[str, Any]:
        start = self.order.start()
        if self.is_large:
            return {**start, "payload": {**start["payload"], "note": "n" * NOTE_BYTES}}
        return {**start, "payload": {"order_id": self.order.order_id}} if self.is_invalid else start


INVENTORY = [
    Case(role="inventory", action="dynamodb:PartiQLInsert", resource="IdempotencyTableName"),
    Case(role="inventory", action="dynamodb:UpdateItem", resource="IdempotencyTableName"),
    Case(role="inventory", action="dynamodb:UpdateItem", resource="OrdersTableName"),
    Case(role="inventory", action="dynamodb:PutItem", resource="OrdersTableName"),
    Case(role="inventory", action="s3:GetObjectVersion", resource="ClaimBucketName", is_large=True),
    Case(role="inventory", action="dynamodb:BatchGetItem", resource="IdempotencyTableName", is_done_before=True),
    Case(role="inventory", action="sns:Publish", resource="TopicsShip", is_done_before=True),
    Case(role="inventory", action="dynamodb:PartiQLUpdate", resource="IdempotencyTableName", is_invalid=True),
    Case(role="inventory", action="sqs:SendMessage", resource="InventoryDeadLetterQueueUrl", is_invalid=True),
    Case(role="inventory", action="sns:Publish", resource="DeadLetterTopicArn", is_invalid=True),
]
PREPROCESSOR = [
    Case(role="preprocessor", action="dynamodb:PartiQLInsert", resource="IdempotencyTableName"),
    Case(role="preprocessor", action="dynamodb:PartiQLUpdate", resource="IdempotencyTableName"),
    Case(role="preprocessor", action="sns:Publish", resource="TopicsReserve"),
    Case(role="preprocessor", action="s3:PutObject", resource="ClaimBucketName", is_large=True),
]
# What a command needs whose idempotency key was used before.
DUPLICATE = Case(role="preprocessor", action="dynamodb:BatchGetItem", resource="IdempotencyTableName")
REPLAY = Case(role="preprocessor", action="dynamodb:Query", resource="RequestIndex")


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """State after inventory had the message and lacked the permission.

    Attributes:
        waiting: Messages of inventory, waiting or in flight.
        reservations: Reservations of the order.
        shipments: Shipments of the order.
        is_dead_letter: Whether the invalid request is a dead letter.
    """

    waiting: int
    reservations: int
    shipments: int
    is_dead_letter: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What was seen without each permission: the state of inventory, and the preprocessor's error."""

    inventory: Mapping[Case, Observation]
    preprocessor: Mapping[Case, str | None]


def see_preprocessor(desk: OrderDesk) -> dict[Case, str | None]:
    """Ask the preprocessor without each of its permissions; return the types of its errors."""
    seen = {case: see_preprocessor_without(desk, case, case.start()) for case in PREPROCESSOR}
    done = desk.preprocessor.ask(DUPLICATE.start())
    seen[DUPLICATE] = see_preprocessor_without(desk, DUPLICATE, DUPLICATE.start())
    seen[REPLAY] = see_preprocessor_without(desk, REPLAY, replay_once(done.request_id, "reserve"))
    return seen


def ask_preprocessor_again(desk: OrderDesk) -> None:
    """Start what could not be started without a permission."""
    desk.preprocessor.ask_all(case.start() for case in PREPROCESSOR)


def see_inventory_without(desk: OrderDesk, case: Case) -> Observation:
    """Deliver an order to inventory without the permission. Inventory is the last service of its step."""
    inventory = desk.queues["inventory"].function_name
    with ExitStack() as stop:
        stop.enter_context(desk.stopped("inventory"))
        started = desk.preprocessor.ask(case.start())
        desk.drain("billing")
        with without(desk, inventory, case):
            ended_before = count_ended_invocations(desk.cloud, inventory)
            stop.close()
            wait_for_an_invocation(desk.cloud, inventory, ended_before)
            effects = desk.table().effects
            return Observation(
                waiting=desk.waiting("inventory"),
                reservations=effects.get((case.order.order_id, "RESERVATION"), 0),
                shipments=effects.get((case.order.order_id, "SHIPMENT"), 0),
                is_dead_letter=case.is_invalid and started.request_id in desk.reasons("inventory"),
            )


def see_preprocessor_without(desk: OrderDesk, case: Case, command: Mapping[str, object]) -> str | None:
    """Return the type of the error that the preprocessor answers without the permission; None when it accepts."""
    preprocessor = PreprocessorClient(desk.cloud.client("lambda"), desk.preprocessor.function_name)
    with without(desk, preprocessor.function_name, case):
        try:
            preprocessor.ask(command)
        except NotAcceptedError as error:
            return error.error_type
        return None


def without(desk: OrderDesk, function_name: str, case: Case) -> AbstractContextManager[None]:
    """Take a permission from a function while a block runs."""
    configuration = desk.cloud.client("lambda").get_function_configuration(FunctionName=function_name)
    resource = desk.stack.get(case.resource, case.resource).rsplit("/", 1)[-1]
    return without_permission(desk.cloud.client("iam"), configuration["Role"].split("/")[-1], case.action, resource)
