"""What is explored of a pipeline: who asks for what, who meets faults, and bounds of what may go wrong."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tests.explorer.pipeline.plant import PipelinePlant
from tests.explorer.pipeline.setting import Ask, Fate, PipelineSetting
from tsunagu.testing.explorer.bounds import Bounds
from tsunagu.testing.explorer.schedule import Choices

CALLERS, SERVICES = frozenset({"callers"}), frozenset({"services"})
ALONE, ONE_SWITCH = Bounds(), Bounds(switches=1)
ALL_CLAIMS = 10  # bytes

START = Ask()


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """Requests, and a plant that has to deal with them.

    Attributes:
        asks: Who asks while things go wrong.
        bounds: What may go wrong beside one crash or one failed call.
        before: Who asks before anything goes wrong.
        after: Who asks once all is quiet.
        is_mended: A service that refuses is mended once all is quiet, and its dead letters are put back.
    """

    name: str
    asks: Sequence[Ask] = (START,)
    setting: PipelineSetting
    bounds: Bounds = ALONE
    before: Sequence[Ask] = ()
    after: Sequence[Ask] = ()
    is_mended: bool = False

    def run(self, choices: Choices) -> None:
        """Run to the end.

        Raises:
            Violation: An invariant did not hold.
        """
        plant = PipelinePlant(self.setting, Bounds(), choices)
        if self.before:
            plant.is_calm = True
            plant.ask(self.before)
            plant.run_until_quiet()
            plant.is_calm = False
        plant.allow(self.bounds)
        plant.ask(self.asks)
        plant.run_until_quiet()
        if self.is_mended:
            plant.mend()
            plant.run_until_quiet()
        if self.after:
            plant.ask(self.after)
            plant.run_until_quiet()

    def within(self, bounds: Bounds) -> "Requests":
        """The same, within other bounds."""
        return replace(self, bounds=bounds)

    def with_trouble_for_all(self) -> "Requests":
        """The same, where callers and services meet faults, and services begin in any order."""
        return replace(self, setting=replace(self.setting, troubled=CALLERS | SERVICES, has_mirrors=False))


_EVERYWHERE = PipelineSetting()
_CLAIMS = PipelineSetting(inline_bytes=ALL_CLAIMS)
_AT_CALLERS = PipelineSetting(troubled=CALLERS)
_AT_SERVICES = PipelineSetting(troubled=SERVICES)
_IMPATIENT = Ask(name="impatient", most_calls=1, fate=Fate.UNKNOWN)
_RIVALS = (Ask(name="first", fate=Fate.RIVAL), Ask(name="second", order_id="o2", fate=Fate.RIVAL))

_SHIP_AGAIN = Ask(name="operator", key="r1", from_step="ship", is_replay=True)
_BILL_AGAIN = Ask(name="operator", key="r1", from_step="reserve", only="billing", is_replay=True)

_ALL = [
    Requests(name="start", setting=_AT_CALLERS, bounds=ONE_SWITCH),
    Requests(name="start, claims", setting=replace(_AT_CALLERS, inline_bytes=ALL_CLAIMS), bounds=ONE_SWITCH),
    Requests(name="asked twice", asks=[START, Ask(name="other caller")], setting=_AT_CALLERS, bounds=ONE_SWITCH),
    Requests(name="rivals", asks=_RIVALS, setting=_AT_CALLERS, bounds=ONE_SWITCH),
    Requests(name="given up", asks=[_IMPATIENT], setting=_AT_CALLERS, after=[Ask(name="later")]),
    Requests(name="siblings", setting=replace(_AT_SERVICES, has_mirrors=True), bounds=ONE_SWITCH),
    Requests(name="siblings, claims", setting=replace(_AT_SERVICES, inline_bytes=ALL_CLAIMS)),
    Requests(name="siblings, plain", setting=replace(_AT_SERVICES, writes=False)),
    Requests(
        name="delivered twice",
        asks=[Ask(from_step="ship")],
        setting=_AT_SERVICES,
        bounds=Bounds(redeliveries=1, switches=1),
    ),
    Requests(
        name="two requests",
        asks=[START, Ask(name="other", key="k2", order_id="o2")],
        setting=replace(_AT_SERVICES, batch_size=2),
    ),
    Requests(name="refused", setting=replace(_AT_SERVICES, refusing="billing"), is_mended=True),
    Requests(name="replay", before=[START], asks=[_SHIP_AGAIN], setting=_EVERYWHERE),
    Requests(name="replay of one service", before=[START], asks=[_BILL_AGAIN], setting=_CLAIMS),
]

SCENARIOS = {f"pipeline: {each.name}": replace(each, name=f"pipeline: {each.name}") for each in _ALL}
