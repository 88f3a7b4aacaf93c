"""A message that kills its handler dies alone, and its batch does not pay for it."""

import json

import pytest

from tests.correctness.desks import Desk
from tsunagu.contracts.items import Status

DESKS = ("FifoTransaction", "FifoPlain", "StandardTransaction", "StandardPlain")


@pytest.fixture(scope="module")
def killed(desks: dict[str, Desk]) -> dict[str, Desk]:
    """Every desk, after it had two good orders and one that kills in a batch, and the killer was dead."""
    for desk in desks.values():
        with desk.held():
            desk.send(*orders(desk), group="killer")
    for desk in desks.values():
        desk.wait_until_empty()
    return desks


def orders(desk: Desk) -> list[dict[str, str]]:
    return [
        {"key": f"{desk.name}-good-1"},
        {"key": f"{desk.name}-killer", "action": "kill"},
        {"key": f"{desk.name}-good-2"},
    ]


def good(name: str) -> list[str]:
    return [f"{name}-good-1", f"{name}-good-2"]


@pytest.mark.parametrize("name", DESKS)
def test_neighbours_of_a_killer_take_effect_and_the_killer_alone_is_dead(killed: dict[str, Desk], name: str) -> None:
    desk = killed[name]

    # Without a transaction the completions of a standard batch share one call at its end: the first kill, which nobody
    # could foresee, comes before it. From then on the killer is a suspect, and everything else is settled before it.
    most = 2 if name == "StandardPlain" else 1
    assert set(desk.effects(good(name))) <= {1, most}
    letters = {json.loads(letter.body)["key"]: letter.reason for letter in desk.dead_letters()}
    assert letters[f"{name}-killer"] == "killed in attempt 2"
    assert letters.keys().isdisjoint(good(name))
    assert desk.statuses().keys() == {Status.COMPLETED, Status.DEAD}


@pytest.mark.parametrize("name", ["StandardTransaction", "StandardPlain"])
def test_neighbours_of_a_killer_wait_two_deliveries_at_most(killed: dict[str, Desk], name: str) -> None:
    """In a FIFO group, the messages behind a killer wait for its last attempt, because the group is in order."""
    effects = [killed[name].effect(key) for key in good(name)]

    assert [effect is not None and effect.deliveries <= 3 for effect in effects] == [True, True]
