from typing import Any

from cdk_app.demo.order_findings import MESSAGES_PER_BATCH, Expectation, wrong_notifications
from cdk_app.demo.orders import PlannedOrder

ORDERS = [
    PlannedOrder(order_id=f"order-{number:02}", customer="c", lines=[("article", 1)])
    for number in range(2 * MESSAGES_PER_BATCH)
]
EXPECTED = [Expectation(order=order) for order in ORDERS]


def notification(order: PlannedOrder, run_id: str = "") -> dict[str, Any]:
    return {"run_id": run_id or f"run-of-{order.order_id}", "request": {"inline": order.payload()}}


ONCE_EACH = [notification(order) for order in ORDERS]


def test_one_notification_a_run_is_right() -> None:
    assert [*wrong_notifications(EXPECTED, ONCE_EACH, single=[ONCE_EACH[0]["run_id"]])] == []


def test_three_copies_of_each_notification_are_too_many_with_and_without_a_kill() -> None:
    assert [*wrong_notifications(EXPECTED, 3 * ONCE_EACH)] == [
        "20 runs and 0 kills must have at most 20 notifications, got 60"
    ]
    assert [*wrong_notifications(EXPECTED, 3 * ONCE_EACH, kills=1)] == [
        "20 runs and 1 kills must have at most 30 notifications, got 60"
    ]


def test_one_copy_is_too_many_where_nothing_was_killed() -> None:
    assert [*wrong_notifications(EXPECTED, [*ONCE_EACH, ONCE_EACH[0]])] == [
        "20 runs and 0 kills must have at most 20 notifications, got 21"
    ]


def test_a_kill_may_repeat_the_notifications_of_one_batch_and_no_more() -> None:
    batch = ONCE_EACH[:MESSAGES_PER_BATCH]

    assert [*wrong_notifications(EXPECTED, [*ONCE_EACH, *batch], kills=1)] == []
    assert [*wrong_notifications(EXPECTED, [*ONCE_EACH, *batch, batch[0]], kills=1)] == [
        "20 runs and 1 kills must have at most 30 notifications, got 31"
    ]


def test_a_run_that_no_kill_touched_has_exactly_one_notification() -> None:
    run_id = ONCE_EACH[0]["run_id"]

    wrong = wrong_notifications(EXPECTED, [*ONCE_EACH, *2 * [ONCE_EACH[0]]], single=[run_id, "run-unheard"], kills=1)

    assert [*wrong] == [
        "run run-of-order-00 must have one notification, got 3",
        "run run-unheard must have one notification, got 0",
    ]


def test_copies_do_not_replace_the_notification_of_another_run() -> None:
    replayed = Expectation(order=ORDERS[0], shipments=2)

    wrong = wrong_notifications([replayed], [ONCE_EACH[0], ONCE_EACH[0]], kills=1)

    assert [*wrong] == ["order order-00 must have notifications of 2 runs, got 1 in 2 notifications"]


def test_a_replay_is_notified_as_a_run_of_its_own() -> None:
    replayed = Expectation(order=ORDERS[0], shipments=2)

    assert [*wrong_notifications([replayed], [notification(ORDERS[0]), notification(ORDERS[0], "replay")])] == []


def test_notifications_of_an_order_that_must_end_nowhere_are_wrong() -> None:
    declined = Expectation(order=ORDERS[0], charges=0, shipments=0)

    assert [*wrong_notifications([declined], [notification(ORDERS[0])])] == [
        "order order-00 must have notifications of 0 runs, got 1 in 1 notifications"
    ]
