"""The numbers of docs/verification.md are those of the explorer."""

from tests.docs.test_links import PROJECT
from tests.explorer.mutants import parked, pipeline, requests, single_flight
from tests.explorer.parked.scenarios import SCENARIOS as PARKED
from tests.explorer.pipeline.scenarios import SCENARIOS as PIPELINES
from tests.explorer.requests.scenarios import SCENARIOS as REQUESTS
from tests.explorer.scenarios import SCENARIOS
from tests.explorer.single_flight.scenarios import SCENARIOS as JOBS
from tests.explorer.test_mutants import MUTANTS


def test_page_says_how_many_scenarios_and_broken_versions_the_explorer_has() -> None:
    page = " ".join((PROJECT / "docs/verification.md").read_text(encoding="utf-8").split())
    others = (pipeline.MUTANTS, single_flight.MUTANTS, requests.MUTANTS, parked.MUTANTS)
    broken = len(MUTANTS) - sum(map(len, others))

    for said in (
        f"with one crash or one lost answer: {len(SCENARIOS)} scenarios,",
        f"It finds the fault in each of {broken} broken versions of the runtime.",
        f"it covers starts, joins, claims and replays: {len(PIPELINES)} scenarios,",
        f"{len(pipeline.MUTANTS)} broken versions.",
        f"kills, aborts and clocks that differ: {len(JOBS)} scenarios,",
        f"{len(single_flight.MUTANTS)} broken versions.",
        f"two sweepers and redrives: {len(REQUESTS)} scenarios,",
        f"{len(requests.MUTANTS)} broken versions.",
        f"is corrected or discarded: {len(PARKED)} scenarios,",
        f"{len(parked.MUTANTS)} broken versions.",
    ):
        assert said in page
