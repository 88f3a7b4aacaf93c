"""What the pipeline does while a permission of one of its functions is away."""

import json
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Any

from cdk_app.demo.logs import log_lines
from cdk_app.demo.order_findings import Expectation
from cdk_app.demo.orders import PlannedOrder
from cdk_app.demo.pipeline import replay_question
from tests.e2e.order_desk import OrderDesk
from tests.e2e.permissions import without_permission

NOTE_BYTES = 100_000  # above what travels inline
LOOK_SECONDS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A permission of a role, and an order that needs it.

    Attributes:
        role: Whose role it is.
        action: What is taken away.
        resource: Output of the stack that tells the resource, or a part of its ARN.
        is_large: Whether the order does not travel inline.
        is_invalid: Whether the order is none, so that it must become a dead letter.
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
# What a question about a request that was started before needs.
DUPLICATE = Case(role="preprocessor", action="dynamodb:BatchGetItem", resource="IdempotencyTableName")
REPLAY = Case(role="preprocessor", action="dynamodb:Query", resource="RequestIndex")


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What there was when inventory had the message and lacked the permission.

    Attributes:
        waiting: Messages of inventory, waiting or in flight.
        reservations: Reservations of the order.
        shipments: Shipments of the order.
        is_dead_letter: Whether the request, if it must become one, is a dead letter.
    """

    waiting: int
    reservations: int
    shipments: int
    is_dead_letter: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What was seen while each permission was away: of inventory, and the preprocessor's answer."""

    inventory: Mapping[Case, Observation]
    preprocessor: Mapping[Case, Mapping[str, Any]]


def see_preprocessor(desk: OrderDesk) -> dict[Case, Mapping[str, Any]]:
    """Ask the preprocessor without each of its permissions."""
    seen: dict[Case, Mapping[str, Any]] = {
        case: see_preprocessor_without(desk, case, case.start()) for case in PREPROCESSOR
    }
    done = desk.preprocessor.ask(DUPLICATE.start())
    seen[DUPLICATE] = see_preprocessor_without(desk, DUPLICATE, DUPLICATE.start())
    seen[REPLAY] = see_preprocessor_without(desk, REPLAY, replay_question(done.request_id, "reserve"))
    return seen


def ask_preprocessor_again(desk: OrderDesk) -> None:
    """Start what could not be started without a permission."""
    desk.preprocessor.ask_all(case.start() for case in PREPROCESSOR)


def see_inventory_without(desk: OrderDesk, case: Case) -> Observation:
    """Let inventory meet an order without the permission, as the last service of its step."""
    with ExitStack() as stop:
        stop.enter_context(desk.stopped("inventory"))
        started = desk.preprocessor.ask(case.start())
        desk.drain("billing")
        with without(desk, desk.queues["inventory"].function_name, case):
            ended_before = _ended_invocations(desk)
            stop.close()
            _wait_for_an_invocation(desk, ended_before)
            effects = desk.table().effects
            return Observation(
                waiting=desk.waiting("inventory"),
                reservations=effects.get((case.order.order_id, "RESERVATION"), 0),
                shipments=effects.get((case.order.order_id, "SHIPMENT"), 0),
                is_dead_letter=case.is_invalid and started.request_id in desk.reasons("inventory"),
            )


def see_preprocessor_without(desk: OrderDesk, case: Case, question: Mapping[str, object]) -> dict[str, Any]:
    """Return what the preprocessor answers while the permission is away."""
    preprocessor = desk.preprocessor
    with without(desk, preprocessor.function_name, case):
        answer = desk.cloud.client("lambda").invoke(
            FunctionName=preprocessor.function_name, Payload=json.dumps(question).encode()
        )
        content: dict[str, Any] = json.loads(answer["Payload"].read())
        return content


def without(desk: OrderDesk, function_name: str, case: Case) -> AbstractContextManager[None]:
    """Take a permission of a function away while a block runs."""
    configuration = desk.cloud.client("lambda").get_function_configuration(FunctionName=function_name)
    resource = desk.stack.get(case.resource, case.resource).rsplit("/", 1)[-1]
    return without_permission(desk.cloud.client("iam"), configuration["Role"].split("/")[-1], case.action, resource)


def _wait_for_an_invocation(desk: OrderDesk, ended_before: int) -> None:
    deadline = time.monotonic() + LOOK_SECONDS
    while _ended_invocations(desk) == ended_before:
        assert time.monotonic() < deadline, "inventory never got the message"
        time.sleep(0.05)


def _ended_invocations(desk: OrderDesk) -> int:
    lines = log_lines(desk.cloud, desk.queues["inventory"].function_name)
    return sum("platform.report" in text for text in lines)
