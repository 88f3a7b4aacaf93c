"""Mutants: the explorer finds each rule of the runtime that is broken on purpose."""

from collections.abc import Mapping

import pytest

from tests.explorer.mutants import commits, mover, outbox, parked, pipeline, receiver, requests, single_flight, threads
from tests.explorer.mutants.mutant import Mutant
from tests.explorer.parked.scenarios import SCENARIOS as PARKED
from tests.explorer.parked.scenarios import ParkedMessages
from tests.explorer.pipeline.scenarios import SCENARIOS as PIPELINES
from tests.explorer.pipeline.scenarios import Requests
from tests.explorer.requests.scenarios import SCENARIOS as REQUESTS
from tests.explorer.requests.scenarios import Accepted
from tests.explorer.scenarios import SCENARIOS, Payments
from tests.explorer.single_flight.scenarios import SCENARIOS as JOBS
from tests.explorer.single_flight.scenarios import Ticks
from tsunagu.testing.explorer.schedule import Violation, explore, replay

MUTANTS = (
    receiver.MUTANTS
    | commits.MUTANTS
    | threads.MUTANTS
    | mover.MUTANTS
    | outbox.MUTANTS
    | pipeline.MUTANTS
    | single_flight.MUTANTS
    | requests.MUTANTS
    | parked.MUTANTS
)
ALL: Mapping[str, Payments | Requests | Ticks | Accepted | ParkedMessages] = {
    **SCENARIOS,
    **PIPELINES,
    **JOBS,
    **REQUESTS,
    **PARKED,
}


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=list(MUTANTS))
def test_a_broken_rule_is_seen_and_the_same_schedule_passes_without_it(
    mutant: Mutant, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = ALL[mutant.scenario].within(mutant.bounds)

    with monkeypatch.context() as patch:
        mutant.apply(patch)
        with pytest.raises(Violation) as seen:
            explore(scenario, start=mutant.start)

    replay(scenario, seen.value.schedule)
