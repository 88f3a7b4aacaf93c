"""How a stack is, beside what plain calls of AWS say."""

import time
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from tests.tsunagu.operations.shop import STACK, Shop
from tsunagu.contracts.requests import open_partition
from tsunagu.operations.inventory import read_inventory
from tsunagu.operations.status.metrics import judged
from tsunagu.operations.status.model import AlarmStatus, StackStatus
from tsunagu.operations.status.read import read_status

NOW_MS = int(time.time() * 1_000)
EXECUTION = "arn:aws:states:eu-central-1:123456789012:execution:nightly:gone"


@pytest.fixture
def shop(aws: None) -> Shop:
    return Shop()


def status_of(shop: Shop) -> StackStatus:
    return read_status(shop.aws(), read_inventory(shop.cloudformation.client, STACK), now_ms=NOW_MS)


def whats(status: StackStatus) -> list[str]:
    return [need.what for need in status.needs]


def test_a_stack_where_nothing_waits_needs_nobody(shop: Shop) -> None:
    status = status_of(shop)

    assert (status.needs, status.denied) == ([], [])
    assert [(queue.name, queue.depth, queue.oldest_seconds, queue.dead_letters) for queue in status.queues] == [
        ("Orders", (0, 0, 0), 0.0, 0),
        ("Legacy/Queue", (0, 0, 0), 0.0, 0),
    ]
    assert [(schedule.name, schedule.state) for schedule in status.schedules] == [("Nightly/Schedule", "ENABLED")]
    assert [(job.name, job.lease, job.last_state) for job in status.jobs] == [("nightly", None, "")]
    assert (status.alarms, status.alarm_count) == ([], 1)


def test_dead_letters_need_a_person_with_the_command_that_lists_them(shop: Shop) -> None:
    shop.send("LegacyDead")
    shop.send("LegacyDead")

    status = status_of(shop)

    assert [(need.what, need.command) for need in status.needs] == [
        ("2 dead letters in Legacy/Dead", "tsunagu dlq list Legacy/Dead --stack shop")
    ]
    assert [queue.dead_letters for queue in status.queues] == [0, 2]


def test_age_of_the_oldest_message_is_that_of_the_newest_minute(shop: Shop) -> None:
    shop.send("Orders")
    shop.send("Legacy")
    for seconds_ago, age in ((180, 30.0), (60, 150.0)):
        put_age("shop-Orders", seconds_ago, age)

    ages = {queue.name: queue.oldest_seconds for queue in status_of(shop).queues}

    assert ages == {"Orders": 150.0, "Legacy/Queue": None}  # unknown: CloudWatch has no metric of it


def put_age(queue: str, seconds_ago: int, age: float) -> None:
    metric: Any = {
        "MetricName": "ApproximateAgeOfOldestMessage",
        "Dimensions": [{"Name": "QueueName", "Value": queue}],
        "Timestamp": datetime.fromtimestamp(NOW_MS / 1_000 - seconds_ago, UTC),
        "Value": age,
    }
    boto3.client("cloudwatch").put_metric_data(Namespace="AWS/SQS", MetricData=[metric])


def test_mapping_that_was_disabled_by_hand_needs_a_person(shop: Shop) -> None:
    uuid = shop.cloudformation.stacks[STACK].physical_ids["Mapping"]
    boto3.client("lambda").update_event_source_mapping(UUID=uuid, Enabled=False)

    (need,) = status_of(shop).needs

    assert need.what.startswith("Orders does not consume Orders: its mapping is Disabl")
    assert need.command == f"aws lambda update-event-source-mapping --uuid {uuid} --enabled"


def test_function_without_concurrency_needs_a_person(shop: Shop) -> None:
    boto3.client("lambda").put_function_concurrency(FunctionName="shop-Receiver", ReservedConcurrentExecutions=0)

    assert whats(status_of(shop)) == ["Orders is stopped: its reserved concurrency is 0"]


def test_schedule_that_was_disabled_by_hand_needs_a_person(shop: Shop) -> None:
    tick = boto3.client("scheduler").get_schedule(Name="shop-Tick")
    boto3.client("scheduler").update_schedule(
        Name="shop-Tick",
        ScheduleExpression="rate(1 minute)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target=tick["Target"],
        State="DISABLED",
    )

    assert whats(status_of(shop)) == ["the schedule Nightly/Schedule is disabled, although the stack has it enabled"]


def test_alarm_that_is_raised_needs_a_person(shop: Shop) -> None:
    shop.raise_alarm()

    status = status_of(shop)

    (need,) = status.needs
    assert need.what.startswith("the alarm Orders/DeadLetterAlarm is raised since 20")
    assert need.command == "aws cloudwatch describe-alarms --alarm-names shop-Alarm"


@pytest.mark.parametrize(("age_seconds", "is_new"), [(60, True), (86_300, True), (86_500, False)])
def test_alarm_that_looks_back_further_than_its_stack_exists_needs_nobody(
    shop: Shop, age_seconds: int, *, is_new: bool
) -> None:
    shop.make_new(age_seconds, NOW_MS)
    shop.raise_alarm()

    status = status_of(shop)

    assert [alarm.is_of_new_stack for alarm in status.alarms or ()] == [is_new]
    assert len(status.needs) == (0 if is_new else 1)


@pytest.mark.parametrize(("others", "is_new"), [([True], True), ([True, False], False), ([], False)])
def test_composite_alarm_is_that_of_a_new_stack_if_all_others_that_are_raised_are(
    others: list[bool], *, is_new: bool
) -> None:
    def alarm(name: str, *, is_of_new_stack: bool = False) -> AlarmStatus:
        return AlarmStatus(name=name, alarm_name=name, reason="", since_ms=0, is_of_new_stack=is_of_new_stack)

    raised = [alarm("health"), *(alarm(str(number), is_of_new_stack=each) for number, each in enumerate(others))]

    assert [each.is_of_new_stack for each in judged(raised, {"health"})] == [is_new, *others]


def job_item(owner: str) -> dict[str, Any]:
    return {
        "id": {"S": "nightly:job"},
        "owner": {"S": owner},
        "run": {"N": "7"},
        "slot": {"S": "2026-11-28T14:00:00Z"},
        "lease": {"N": "1795878000999"},
        "since": {"N": "1795874401000"},
    }


def test_lease_of_an_execution_that_has_ended_needs_a_person(shop: Shop) -> None:
    shop.put_item(**job_item(EXECUTION))

    status = status_of(shop)

    assert [(job.lease.run if job.lease else None, job.is_left_behind) for job in status.jobs] == [(7, True)]
    assert [(need.what, need.command) for need in status.needs] == [
        (
            "the lease of nightly is held by an execution that has ended; it ends by itself at 2026-11-28T15:00:00Z",
            "tsunagu lease release nightly --stack shop",
        )
    ]


def test_lease_of_an_execution_that_runs_needs_nobody(shop: Shop) -> None:
    machine = shop.cloudformation.stacks[STACK].physical_ids["Machine"]
    running = boto3.client("stepfunctions").start_execution(stateMachineArn=machine)["executionArn"]
    shop.put_item(**job_item(running))

    status = status_of(shop)

    assert (status.needs, [job.last_state for job in status.jobs]) == ([], ["RUNNING"])


def test_run_that_failed_needs_a_person(shop: Shop) -> None:
    machine = shop.cloudformation.stacks[STACK].physical_ids["Machine"]
    execution = boto3.client("stepfunctions").start_execution(stateMachineArn=machine)["executionArn"]
    boto3.client("stepfunctions").stop_execution(executionArn=execution)

    (need,) = status_of(shop).needs

    assert need.what == "the last run of nightly ended as ABORTED"
    assert need.command == "tsunagu why nightly --stack shop"


def open_request(number: int, due_ms: int) -> dict[str, Any]:
    return {
        "id": {"S": f"api:request#jo:{number}"},
        "open": {"S": open_partition("api", f"{number % 16:x}")},
        "due": {"N": str(due_ms)},
    }


def test_open_requests_are_counted_and_overdue_ones_need_a_person(shop: Shop) -> None:
    for number in range(20):
        shop.put_item(**open_request(number, NOW_MS + 1_000))
    shop.put_item(**open_request(20, NOW_MS - 3_600_000))

    status = status_of(shop)

    assert [(api.name, api.open, api.overdue, api.has_more) for api in status.requests] == [("Api", 21, 1, False)]
    assert [(need.what, need.command) for need in status.needs] == [
        (
            "1 open requests of Api are overdue: its sweeper does not end them",
            "aws logs tail /aws/lambda/shop-Sweeper --since 15m",
        )
    ]
