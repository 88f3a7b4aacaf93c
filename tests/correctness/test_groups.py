"""What fails at the head of a FIFO group harms no one behind it."""

from itertools import pairwise

from tests.correctness.desks import Desk


def test_nine_behind_a_failing_head_take_effect_in_order_once_it_is_dead(desks: dict[str, Desk]) -> None:
    desk = desks["FifoTransaction"]
    innocent = [f"innocent-{number}" for number in range(9)]
    before = desk.dead_keys()

    with desk.held():
        desk.send({"key": "failing-head", "action": "fail"}, *({"key": key} for key in innocent), group="head")
    desk.wait_until_empty()

    effects = [desk.effect(key) for key in innocent]
    assert [effect and effect.count for effect in effects] == [1] * 9
    assert all(earlier.recorded_at < later.recorded_at for earlier, later in pairwise(effects) if earlier and later)
    assert desk.dead_keys() == sorted([*before, "failing-head"])
