"""What dies, is redriven and dies again within SQS's five minutes is never swallowed."""

import functools
import time

import pytest

from tests.correctness.desks import Desk
from tests.correctness.handlers.desk.handler import REPAIRED
from tsunagu.operations.dead_letters import SqsDeadLetterSource
from tsunagu.operations.redrive import QueueTarget, RedriveReport, redrive
from tsunagu.runtime.aws.sqs import SqsQueueSender
from tsunagu.runtime.clock import SystemClock

FIVE_MINUTES = 300


def redrive_all(desk: Desk) -> RedriveReport:
    client = functools.partial(desk.cloud.client, "sqs")
    source = SqsDeadLetterSource(client, desk.dead_letter_queue_url)
    return redrive(source, QueueTarget(SqsQueueSender(client, desk.queue_url)), SystemClock(), rate_per_second=100)


@pytest.mark.parametrize("name", ["FifoTransaction", "StandardPlain"])
def test_dead_letters_that_die_again_and_again_are_all_there_until_they_take_effect(
    desks: dict[str, Desk], name: str
) -> None:
    desk, keys = desks[name], [f"{name}-refused-{number}" for number in range(3)]
    desk.cloud.client("sqs").purge_queue(QueueUrl=desk.dead_letter_queue_url)
    started = time.monotonic()
    desk.send(*({"key": key, "action": "refuse"} for key in keys), group="refused")
    desk.wait_until_empty()
    assert desk.dead_keys() == keys

    for _ in range(2):
        assert redrive_all(desk) == RedriveReport(moved=3)
        desk.wait_until_empty()
        assert (desk.dead_keys(), desk.effects(keys)) == (keys, [0, 0, 0])

    repair(desk)
    redrive_all(desk)
    desk.wait_until_empty()
    assert (desk.dead_keys(), desk.effects(keys)) == ([], [1, 1, 1])
    assert time.monotonic() - started < FIVE_MINUTES
    break_again(desk)


def repair(desk: Desk) -> None:
    table_name = desk.outputs["EffectsTableName"]
    desk.cloud.client("dynamodb").put_item(TableName=table_name, Item={"key": {"S": REPAIRED}})


def break_again(desk: Desk) -> None:
    table_name = desk.outputs["EffectsTableName"]
    desk.cloud.client("dynamodb").delete_item(TableName=table_name, Key={"key": {"S": REPAIRED}})
