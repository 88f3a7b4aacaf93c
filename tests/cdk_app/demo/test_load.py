import json
from itertools import pairwise

import pytest

from cdk_app.demo.load import FLAWS, LoadShape, PlannedMessage, plan_messages

SHAPE = LoadShape(messages=200, accounts=8, copied_share=0.05, invalid_share=0.03)


@pytest.fixture(scope="module")
def messages() -> tuple[PlannedMessage, ...]:
    return plan_messages(7, "fifo", SHAPE)


def test_same_seed_gives_the_same_messages(messages: tuple[PlannedMessage, ...]) -> None:
    assert plan_messages(7, "fifo", SHAPE) == messages


def test_another_seed_gives_other_messages(messages: tuple[PlannedMessage, ...]) -> None:
    assert plan_messages(8, "fifo", SHAPE) != messages


def test_shares_decide_how_many_are_copied_and_how_many_are_invalid(messages: tuple[PlannedMessage, ...]) -> None:
    assert len(messages) == 200 + 10
    assert sum(message.flaw is not None for message in messages) == 6


def test_small_loads_still_hold_a_copy_and_an_invalid_message() -> None:
    messages = plan_messages(1, "fifo", LoadShape(messages=5, accounts=1))

    assert len(messages) == 6
    assert sum(message.flaw is not None for message in messages) == 1


def test_copies_follow_their_originals_under_another_request_id(messages: tuple[PlannedMessage, ...]) -> None:
    places: dict[str, list[int]] = {}
    for place, message in enumerate(messages):
        places.setdefault(message.body, []).append(place)
    copied = [places_of_one for places_of_one in places.values() if len(places_of_one) > 1]

    assert len(copied) == 10
    assert len({message.request_id for message in messages}) == len(messages)


def test_every_other_copy_stands_right_behind_its_original(messages: tuple[PlannedMessage, ...]) -> None:
    assert sum(first.body == second.body for first, second in pairwise(messages)) >= 5


def test_payments_of_one_account_share_a_group(messages: tuple[PlannedMessage, ...]) -> None:
    assert all(message.payment.account == message.group_id for message in messages if message.payment is not None)
    assert len({message.group_id for message in messages}) == 8


def test_every_kind_of_flaw_occurs_and_each_invalid_body_is_unique(messages: tuple[PlannedMessage, ...]) -> None:
    invalid = [message for message in messages if message.flaw is not None]

    assert {message.flaw for message in invalid} == set(FLAWS)
    assert len({message.body for message in invalid}) == len(invalid)


def test_valid_bodies_hold_the_fields_of_their_payment(messages: tuple[PlannedMessage, ...]) -> None:
    valid = [message for message in messages if message.payment is not None]

    assert all(message.payment and json.loads(message.body) == message.payment.fields() for message in valid)


def test_loads_of_two_queues_share_no_account() -> None:
    fifo = {message.group_id for message in plan_messages(1, "fifo", SHAPE)}
    standard = {message.group_id for message in plan_messages(1, "standard", SHAPE)}

    assert not fifo & standard
