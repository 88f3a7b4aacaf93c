"""A handler needs each of its permissions: without one a message is not settled, and afterwards it is settled once."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from cdk_app.demo.driver import ConsumedQueue, drain, send
from cdk_app.demo.load import PlannedMessage, PlannedPayment
from cdk_app.demo.logs import log_lines
from cdk_app.demo.payment_findings import compare_payments
from tests.e2e.deployed import Deployment
from tests.e2e.permissions import count_ended_invocations, wait_for_an_invocation, without_permission
from tsunagu.contracts.items import REQUEST_ID
from tsunagu.operations.queues import count_messages

pytestmark = pytest.mark.slow  # each case waits until a message comes back


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A permission of a function's role, and a message that needs it.

    Attributes:
        action: What is taken away.
        output: Output of the stack with the name of the resource, as it is in the ARN.
        message: What is sent meanwhile.
        is_told_in_item: Whether the item keeps the reason. It cannot when a write of the item itself is denied.
    """

    action: str
    output: str
    message: PlannedMessage
    is_told_in_item: bool = False


def valid(name: str, account: str = "needy") -> PlannedMessage:
    payment = PlannedPayment(payment_id=name, account=account, amount=7, currency="EUR")
    body = f'{{"payment_id": "{name}", "account": "{account}", "amount": 7, "currency": "EUR"}}'
    return PlannedMessage(body=body, group_id=account, request_id=f"request-{name}", payment=payment)


def invalid(name: str) -> PlannedMessage:
    return PlannedMessage(body=f"{{{name}", group_id="needy", request_id=f"request-{name}", flaw="not JSON")


RECORDED = valid("recorded", account="needy-in-order")
COPY = PlannedMessage(
    body=RECORDED.body, group_id=RECORDED.group_id, request_id="request-copy", payment=RECORDED.payment
)
# Only its queue shows whether the copy was settled, so it is the first message in its queue.
IN_ORDER = [Case(action="dynamodb:BatchGetItem", output="IdempotencyTableName", message=COPY)]
IN_ANY_ORDER = [
    Case(action="sns:Publish", output="NotificationTopicArn", message=invalid("unnotified")),
    Case(action="sqs:SendMessage", output="StandardDeadLetterQueueUrl", message=invalid("unsent")),
    Case(action="dynamodb:PartiQLUpdate", output="IdempotencyTableName", message=invalid("undead")),
    Case(action="dynamodb:PartiQLInsert", output="IdempotencyTableName", message=valid("unclaimed")),
    Case(
        action="dynamodb:UpdateItem",
        output="IdempotencyTableName",
        message=valid("uncompleted"),
        is_told_in_item=True,  # by PartiQLUpdate
    ),
    Case(action="dynamodb:UpdateItem", output="PaymentsTableName", message=valid("unbalanced"), is_told_in_item=True),
    Case(action="dynamodb:PutItem", output="PaymentsTableName", message=valid("unrecorded"), is_told_in_item=True),
]
CASES = [*IN_ORDER, *IN_ANY_ORDER]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """State after the handler had the message and lacked the permission.

    Attributes:
        resource: Name of what the action was denied on.
        lines: What the handler logged meanwhile.
        item: Item of the message; None where there is none.
    """

    left_in_queue: int
    is_recorded: bool
    is_dead_letter: bool
    resource: str
    lines: Sequence[Mapping[str, Any]]
    item: Mapping[str, Any] | None


@pytest.fixture(scope="module")
def observations(settled: Deployment) -> Mapping[str, Observation]:
    """What was seen in each case, by the request id of its message."""
    in_order, in_any_order = settled.queues
    send(settled.cloud.client("sqs"), in_order, [RECORDED])
    drain(settled.cloud, settled.queues, patience_seconds=300)
    seen = {case.message.request_id: observe(settled, in_order, case) for case in IN_ORDER}
    return seen | {case.message.request_id: observe(settled, in_any_order, case) for case in IN_ANY_ORDER}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.action} on {case.output}")
def test_a_message_is_not_settled_without(observations: Mapping[str, Observation], case: Case) -> None:
    observation = observations[case.message.request_id]

    assert observation.left_in_queue >= 1
    if case.message is not COPY:
        assert not observation.is_recorded
    if case.action != "sns:Publish":  # the notification follows the send
        assert not observation.is_dead_letter


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.action} on {case.output}")
def test_missing_permission_is_logged_and_counted(observations: Mapping[str, Observation], case: Case) -> None:
    observation = observations[case.message.request_id]

    denied = [line for line in observation.lines if "error_code" in line]
    assert {line["operation"] for line in denied} == {case.action}
    # On AWS the error of a denied call names the table. Here it does not, and a transaction may need the action on two.
    assert all(observation.resource in line["resource"] for line in denied)
    assert all(line["error_code"].startswith(("AccessDenied", "AuthorizationError")) for line in denied)
    faults = [line for line in observation.lines if "ConfigurationFaults" in line]
    assert all(line["ConfigurationFaults"] >= 1 and line["function_name"] for line in faults)
    assert faults


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.is_told_in_item], ids=lambda case: f"{case.action} on {case.output}"
)
def test_item_keeps_the_missing_permission_and_no_attempt(observations: Mapping[str, Observation], case: Case) -> None:
    observation = observations[case.message.request_id]

    assert observation.item is not None
    assert re.search(
        f"{case.action} on .*{observation.resource}.*: AccessDeniedException", observation.item["reason"]["S"]
    )
    assert (observation.item["status"], observation.item["attempts"]) == ({"S": "RELEASED"}, {"N": "0"})


def test_each_message_is_settled_once_when_the_permissions_are_back(
    settled: Deployment, observations: Mapping[str, Observation]
) -> None:
    drain(settled.cloud, settled.queues, patience_seconds=300)

    in_order, in_any_order = settled.queues
    for queue, sent in ((in_order, [RECORDED, COPY]), (in_any_order, [case.message for case in IN_ANY_ORDER])):
        bodies = {message.body for message in sent}
        letters = [letter for letter in settled.dead_letters(queue) if letter.body in bodies]
        findings = compare_payments(sent, settled.table(), letters, ordered=queue.fifo)
        assert (findings.lost, findings.doubled, findings.wrong) == ([], [], [])


def observe(deployment: Deployment, queue: ConsumedQueue, case: Case) -> Observation:
    """Send the case's message while the permission is missing, and look after the handler has ended."""
    cloud = deployment.cloud
    role = cloud.client("lambda").get_function_configuration(FunctionName=queue.function_name)["Role"].split("/")[-1]
    resource = deployment.payments[case.output].rsplit("/", 1)[-1].rsplit(":", 1)[-1]
    with without_permission(cloud.client("iam"), role, case.action, resource):
        lines_before = len([*log_lines(cloud, queue.function_name)])
        ended_before = count_ended_invocations(cloud, queue.function_name)
        send(cloud.client("sqs"), queue, [case.message])
        wait_for_an_invocation(cloud, queue.function_name, ended_before)
        items = deployment.idempotency_items()
        return Observation(
            left_in_queue=count_messages(cloud.client("sqs"), queue.queue_url),
            is_recorded=bool(case.message.payment and case.message.payment.payment_id in deployment.table().payments),
            is_dead_letter=case.message.body in {letter.body for letter in deployment.dead_letters(queue)},
            resource=resource,
            lines=[*json_lines([*log_lines(cloud, queue.function_name)][lines_before:])],
            item=next((item for item in items if item[REQUEST_ID]["S"] == case.message.request_id), None),
        )


def json_lines(texts: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """Yield the lines of a log that are JSON objects."""
    for text in texts:
        try:
            line = json.loads(text)
        except ValueError:  # the Python interpreter itself writes text
            continue
        if isinstance(line, dict):
            yield line
