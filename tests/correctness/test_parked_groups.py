"""Fifty messages behind a dead one wait in the dead-letter queue, and take effect in order when it is corrected."""

import functools
import json
from itertools import pairwise

from tests.correctness.desks import Desk
from tsunagu.operations.dead_letters import SqsDeadLetterSource
from tsunagu.operations.group_table import GroupTable
from tsunagu.operations.parked_groups import GroupState, discard, redrive_until_open
from tsunagu.runtime.aws.sqs import SqsQueueSender
from tsunagu.runtime.clock import SystemClock
from tsunagu.runtime.idempotency.parked_groups import ParkedGroup
from tsunagu.testing.patience import eventually

PARKED = 50
ENTRIES_PER_CALL = 10


class ParkedDesk:
    """A group of the desk that parks, as an operator sees it."""

    def __init__(self, desk: Desk, group_id: str) -> None:
        client = functools.partial(desk.cloud.client, "sqs")
        self.desk = desk
        self.group_id = group_id
        self.source = SqsDeadLetterSource(client, desk.dead_letter_queue_url)
        self.target = SqsQueueSender(client, desk.queue_url)
        dynamodb = desk.cloud.client("dynamodb")
        self.table = GroupTable(dynamodb, desk.outputs["FifoParkedItemsTableName"], desk.outputs["FifoParkedQueueArn"])

    @property
    def group(self) -> ParkedGroup:
        return self.table.read(self.group_id)

    def send(self, *keys: str, action: str = "work") -> None:
        for start in range(0, len(keys), ENTRIES_PER_CALL):
            orders = [{"key": key, "action": action} for key in keys[start : start + ENTRIES_PER_CALL]]
            self.desk.send(*orders, group=self.group_id)

    def redrive(self, bodies: dict[int, str] | None = None) -> GroupState:
        report = redrive_until_open(
            self.source, self.target, self.table, self.group_id, SystemClock(), rate_per_second=100, bodies=bodies
        )
        return report.state


def test_fifty_behind_a_dead_head_take_effect_in_order_once_it_is_corrected(desks: dict[str, Desk]) -> None:
    parked = ParkedDesk(desks["FifoParked"], "fifty")
    keys = [f"parked-{number:02}" for number in range(PARKED)]
    parked.send("parked-head", action="refuse")
    parked.send(*keys)
    parked.desk.wait_until_empty(seconds=120)

    entries = parked.table.entries(parked.group)
    assert parked.desk.effects(["parked-head", *keys]) == [0] * (1 + PARKED)
    assert [entry.number for entry in entries if entry] == list(range(1, PARKED + 2))
    assert "the desk is out of order" in str(entries[0])
    assert all(entry and "parked behind message" in entry.reason for entry in entries[1:])
    assert parked.redrive() is GroupState.DIED_AGAIN
    parked.desk.wait_until_empty(seconds=120)

    parked.send("parked-new")  # arrives before the redrive, and must wait for it
    corrected = {parked.group.head: json.dumps({"key": "parked-head"})}

    assert parked.redrive(corrected) is GroupState.OPEN
    in_order = ["parked-head", *keys, "parked-new"]
    effects = [parked.desk.effect(key) for key in in_order]
    assert [effect and effect.count for effect in effects] == [1] * len(in_order)
    assert all(earlier.recorded_at < later.recorded_at for earlier, later in pairwise(effects) if earlier and later)
    parked.send("parked-after")
    assert eventually(lambda: parked.desk.effects(["parked-after"]) == [1])


def test_rest_of_a_group_takes_effect_when_its_head_is_discarded(desks: dict[str, Desk]) -> None:
    parked = ParkedDesk(desks["FifoParked"], "discarded")
    parked.send("discarded-head", action="refuse")
    parked.send("discarded-1", "discarded-2")
    parked.desk.wait_until_empty()

    number = parked.group.head
    assert discard(parked.source, parked.table, "discarded", number, SystemClock()).head == number + 1

    assert parked.redrive() is GroupState.OPEN
    assert parked.desk.effects(["discarded-head", "discarded-1", "discarded-2"]) == [0, 1, 1]
