"""Two hundred orders under faults: stock, prices, shipments and notifications are right.

The expected numbers are computed here from the orders alone. Nothing of the services or their items is asked.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from cdk_app.demo.order_findings import Expectation, OrdersTable, compare_orders, wrong_notifications
from cdk_app.demo.orders import PlannedOrder
from tests.e2e.order_run import REPLAYED, SHAPE, STEPS, WARMING, WHILE_STOPPED, OrderRun


def prices(payload: Mapping[str, Any]) -> int:
    """What an order costs, by the price list: 100 and, of the article's SHA-256, the first four bytes modulo 900."""
    return sum(
        line["quantity"] * (100 + int(hashlib.sha256(line["sku"].encode()).hexdigest()[:8], 16) % 900)
        for line in payload["lines"]
    )


def stock(payloads: Iterable[Mapping[str, Any]]) -> Counter[str]:
    totals: Counter[str] = Counter()
    for payload in payloads:
        for line in payload["lines"]:
            totals[line["sku"]] += line["quantity"]
    return totals


def charges(payloads: Iterable[Mapping[str, Any]]) -> Counter[str]:
    totals: Counter[str] = Counter()
    for payload in payloads:
        totals[payload["customer"]] += prices(payload)
    return totals


def of_run(table: OrdersTable) -> dict[str, dict[str, int]]:
    """The sums of a table that belong to the run, and not to other tests: names hold its name."""
    return {
        name: {key: value for key, value in getattr(table, name).items() if "run-" in key}
        for name in ("stock", "charged", "shipped")
    }


def effects(table: OrdersTable, orders: Iterable[PlannedOrder]) -> dict[str, Counter[int]]:
    """How many of the orders have how many of each effect."""
    ids = [order.order_id for order in orders]
    return {
        effect: Counter(table.effects.get((order_id, effect), 0) for order_id in ids)
        for effect in ("RESERVATION", "CHARGE", "SHIPMENT")
    }


def good(run: OrderRun) -> list[PlannedOrder]:
    return [order for order in run.orders if not order.is_declined]


def declined(run: OrderRun) -> list[PlannedOrder]:
    return [order for order in run.orders if order.is_declined]


def test_an_order_placed_twice_is_one_request(order_run: OrderRun) -> None:
    runs: dict[str, set[tuple[str, str]]] = {}
    for order, answer in zip(order_run.placed, order_run.started, strict=True):
        runs.setdefault(order.order_id, set()).add((answer.request_id, answer.run_id))

    assert len(order_run.placed) == SHAPE.orders + SHAPE.copied
    assert {len(answers) for answers in runs.values()} == {1}
    assert len({answers.pop() for answers in runs.values()}) == SHAPE.orders


def test_a_service_that_stands_still_delays_no_other(order_run: OrderRun) -> None:
    placed = {order.order_id: order for order in order_run.placed[WARMING:WHILE_STOPPED]}
    first = {order.order_id for order in order_run.placed[:WARMING]}
    new = [order for order_id, order in placed.items() if order_id not in first]
    payable = [order for order in new if not order.is_declined]

    seen = order_run.while_stopped
    assert len(payable) > 40
    assert effects(seen, payable)["CHARGE"] == {1: len(payable)}
    assert effects(seen, new)["RESERVATION"] == {0: len(new)}
    assert order_run.waiting_while_stopped >= len(new)  # two calls with one key may both publish


def test_handlers_of_every_function_were_killed_while_they_worked(order_run: OrderRun) -> None:
    assert order_run.killed.keys() == {"preprocessor", "inventory", "billing", "shipping"}
    assert min(order_run.killed.values()) >= 1


def test_declined_orders_are_dead_letters_with_that_reason_and_no_others_are(order_run: OrderRun) -> None:
    dead = {order_run.request_ids[order.order_id] for order in declined(order_run)}

    assert len(dead) == SHAPE.declined
    assert order_run.refused.keys() == dead
    assert all("declined" in reason for reason in order_run.refused.values())


def test_declined_orders_are_reserved_and_neither_charged_nor_shipped(order_run: OrderRun) -> None:
    assert effects(order_run.before_redrive, declined(order_run)) == {
        "RESERVATION": {1: SHAPE.declined},
        "CHARGE": {0: SHAPE.declined},
        "SHIPMENT": {0: SHAPE.declined},
    }
    assert effects(order_run.before_redrive, good(order_run)) == {
        "RESERVATION": {1: SHAPE.orders - SHAPE.declined},
        "CHARGE": {1: SHAPE.orders - SHAPE.declined},
        "SHIPMENT": {1: SHAPE.orders - SHAPE.declined},
    }


def test_dead_letters_are_redriven_and_finished_after_the_repair(order_run: OrderRun) -> None:
    copies = order_run.redriven.moved - len(declined(order_run))
    assert 0 <= copies <= sum(order_run.killed.values())  # a killed handler may have sent its message or letter before
    assert order_run.redriven.problems == []
    assert order_run.letters_after == {"inventory": 0, "billing": 0, "shipping": 0}
    assert effects(order_run.before_replays, order_run.orders) == {
        "RESERVATION": {1: SHAPE.orders},
        "CHARGE": {1: SHAPE.orders},
        "SHIPMENT": {1: SHAPE.orders},
    }


def test_stock_prices_and_shipments_are_those_of_the_orders(order_run: OrderRun) -> None:
    payloads = [order.payload() for order in order_run.orders]

    assert of_run(order_run.before_replays) == {
        "stock": stock(payloads),
        "charged": charges(payloads),
        "shipped": Counter(payload["customer"] for payload in payloads),
    }
    expected = [Expectation(order=order) for order in order_run.orders]
    assert compare_orders(expected, order_run.before_replays).problems == []


def test_comparison_of_the_demonstration_finds_what_is_missing_and_what_is_doubled(order_run: OrderRun) -> None:
    as_before = [Expectation(order=order) for order in order_run.orders]
    replayed = [Expectation(order=order, shipments=2) for order in order_run.orders]

    missing = compare_orders(replayed, order_run.before_replays)
    more = compare_orders(as_before, order_run.after_replays["reserve"])

    assert (len(missing.lost), missing.doubled) == (SHAPE.orders, [])
    assert (more.lost, more.wrong) == ([], [])
    assert len([sentence for sentence in more.doubled if sentence.startswith("order ")]) == 3 * REPLAYED


def test_each_request_is_notified_once_with_what_was_charged(order_run: OrderRun) -> None:
    notified = {(each["run_id"], each["step"]): each for each in order_run.notified_before_replays if is_of_run(each)}

    assert len(notified) == SHAPE.orders
    assert {each["request_id"] for each in notified.values()} == set(order_run.request_ids.values())
    for each in notified.values():
        payload = each["request"]["inline"]
        assert each["results"]["shipping"]["inline"]["amount"] == prices(payload)
        assert order_run.request_ids[payload["order_id"]] == each["request_id"]


def test_no_run_is_notified_twice_unless_a_kill_repeated_it(order_run: OrderRun) -> None:
    expected = [Expectation(order=order) for order in order_run.orders]
    notified = [each for each in order_run.notified_before_replays if is_of_run(each)]
    run_ids = {order.order_id: answer.run_id for order, answer in zip(order_run.placed, order_run.started, strict=True)}
    redriven = [run_ids[order.order_id] for order in declined(order_run)]  # long after the kills

    wrong = wrong_notifications(expected, notified, single=redriven, kills=sum(order_run.killed.values()))

    assert [*wrong] == []


@pytest.mark.parametrize("step", ["reserve", "ship"])
def test_each_replay_has_one_notification(order_run: OrderRun, step: str) -> None:
    replays = {replay.run_id: replay.order for replay in order_run.replays if replay.step == step}
    notified = [each for each in order_run.notified_by_replays if each["run_id"] in replays]

    assert len(notified) == REPLAYED
    assert [*wrong_notifications([Expectation(order=order) for order in replays.values()], notified)] == []


@pytest.mark.parametrize("step", STEPS)
def test_a_replay_runs_its_step_and_those_after_it_and_no_other(order_run: OrderRun, step: str) -> None:
    before = order_run.before_replays if step == "reserve" else order_run.after_replays["reserve"]
    replayed = [replay.order for replay in order_run.replays if replay.step == step]
    again = 1 if step == "reserve" else 0

    seen, was = effects(order_run.after_replays[step], replayed), effects(before, replayed)
    assert len(replayed) == REPLAYED
    for effect, more in {"RESERVATION": again, "CHARGE": again, "SHIPMENT": 1}.items():
        assert seen[effect] == Counter({count + more: orders for count, orders in was[effect].items()})
    others = [order for order in order_run.orders if order not in replayed]
    assert effects(order_run.after_replays[step], others) == effects(order_run.before_replays, others)


def test_a_replay_comes_to_the_result_of_the_first_run(order_run: OrderRun) -> None:
    first = {each["request_id"]: each["results"] for each in order_run.notified_before_replays}
    notified = {each["run_id"]: each for each in order_run.notified_by_replays}

    assert {replay.run_id for replay in order_run.replays} <= notified.keys()
    for replay in order_run.replays:
        each = notified[replay.run_id]
        assert each["results"] == first[each["request_id"]]
        assert each["request_id"] == order_run.request_ids[replay.order.order_id]


def is_of_run(notification: Mapping[str, Any]) -> bool:
    return str(notification["request"].get("inline", {}).get("order_id", "")).startswith("run-")
