"""What is explored of parked groups: messages, what an operator does, and bounds of what may go wrong."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.explorer.parked.operator import Order
from tests.explorer.parked.plant import ParkedPlant
from tests.explorer.parked.setting import Arrival, ParkedSetting, arrivals
from tsunagu.testing.explorer.bounds import Bounds
from tsunagu.testing.explorer.schedule import Choices

ALONE, ONE_SWITCH = Bounds(), Bounds(switches=1)
THREE = ParkedSetting(at_first=arrivals("m1", "m2", "m3"), poison=frozenset({"m1"}))


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedMessages:
    """Messages of a group, and what an operator does with it.

    Attributes:
        orders: What the operator does, once all is quiet, one after the other.
        mended_before: Before which of these orders the plant is mended, by its index. Default: before the last one.
        bounds: What may go wrong beside one crash or one failed call.
        is_calm_at_first: Nothing goes wrong before the first order.
        is_long: Whether it is explored with the slow tests alone.
    """

    name: str
    setting: ParkedSetting
    orders: Sequence[Order] = (Order.REDRIVE,)
    mended_before: int = -1
    bounds: Bounds = ALONE
    is_calm_at_first: bool = False
    is_long: bool = False

    def run(self, choices: Choices) -> None:
        """Run to the end.

        Raises:
            Violation: An invariant did not hold.
        """
        plant = ParkedPlant(self.setting, Bounds() if self.is_calm_at_first else self.bounds, choices)
        plant.run_until_quiet()
        if self.is_calm_at_first:
            plant.allow(self.bounds)
        for number, order in enumerate(self.orders):
            plant.is_mended |= number == self.mended_before % max(1, len(self.orders))
            plant.ask(order)
            plant.run_until_quiet()
        if self.orders:
            plant.check_open()

    def within(self, bounds: Bounds) -> "ParkedMessages":
        """The same, within other bounds."""
        return replace(self, bounds=bounds)


_ARRIVING = replace(THREE, at_first=arrivals("m1", "m2"), later=arrivals("m3"))
_TWO_ARRIVING = replace(_ARRIVING, later=arrivals("m3", "m4"))
_MIDDLE = replace(THREE, poison=frozenset({"m2"}))
_NAMELESS = ParkedSetting(at_first=(Arrival(key="m1", text="no json"), *arrivals("m2")), later=arrivals("m3"))
_NEVER = 99


def _calm(name: str, setting: ParkedSetting, *orders: Order, **more: Any) -> ParkedMessages:
    return ParkedMessages(name=name, setting=setting, orders=orders, is_calm_at_first=True, **more)


_ALL = [
    ParkedMessages(name="parked", setting=THREE, orders=()),
    ParkedMessages(name="parked beside another worker", setting=THREE, bounds=ONE_SWITCH, orders=()),
    ParkedMessages(
        name="parked, read early", setting=replace(THREE, reads_early=True), bounds=ONE_SWITCH, orders=(), is_long=True
    ),
    ParkedMessages(name="parked, one at a time", setting=replace(THREE, batch_size=1), orders=()),
    ParkedMessages(name="dead in the middle", setting=_MIDDLE),
    ParkedMessages(name="dead in the middle beside another worker", setting=_MIDDLE, bounds=ONE_SWITCH, is_long=True),
    ParkedMessages(name="redrive", setting=THREE),
    _calm("redrive beside another worker", THREE, Order.REDRIVE, bounds=ONE_SWITCH, is_long=True),
    _calm("arrival during the redrive", _ARRIVING, Order.REDRIVE),
    _calm("arrivals during the redrive", _TWO_ARRIVING, Order.REDRIVE, is_long=True),
    _calm(
        "arrivals, read early",
        replace(_TWO_ARRIVING, reads_early=True, batch_size=2),
        Order.REDRIVE,
        is_long=True,
    ),
    _calm("dies again", _ARRIVING, Order.REDRIVE, Order.REDRIVE),
    _calm("dies again among arrivals", _TWO_ARRIVING, Order.REDRIVE, Order.REDRIVE, is_long=True),
    _calm("two die", replace(THREE, poison=frozenset({"m1", "m2"})), Order.CORRECT, Order.REDRIVE),
    _calm("corrected head", _ARRIVING, Order.CORRECT, mended_before=_NEVER),
    _calm("corrected text", _NAMELESS, Order.CORRECT),
    _calm("discarded head", _ARRIVING, Order.DISCARD, Order.REDRIVE, mended_before=_NEVER),
    ParkedMessages(name="outbox refused", setting=replace(THREE, poison=frozenset(), unsendable=frozenset({"m1"}))),
    ParkedMessages(name="copies", setting=replace(THREE, at_first=arrivals("m1", "m2", "m1", "m3"))),
    ParkedMessages(name="outage", setting=THREE, bounds=Bounds(outages=1), is_long=True),
]

SCENARIOS = {f"group, {each.name}": replace(each, name=f"group, {each.name}") for each in _ALL}
