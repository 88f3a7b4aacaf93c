"""The price of a tick follows the machine: its states are those of the definition, its calls those of its states."""

import copy
from typing import Any

import pytest

from benchmarks.cost.one_at_a_time import LIMITS
from benchmarks.cost.usage import usd
from benchmarks.schedule.__main__ import FIXED, main
from benchmarks.schedule.ticks import (
    RUN_PATH,
    SKIPPED_PATH,
    Guard,
    check_path,
    guard_tick,
    machine_tick,
    unguarded_tick,
)
from tests.snapshots.stages import resources_of, template_of
from tsunagu.cdk.patterns.single_flight_definition import run_definition

DEFINITION = run_definition("job", LIMITS)


def test_run_takes_and_releases_the_lease_and_sends_one_message() -> None:
    used = machine_tick(DEFINITION, RUN_PATH)

    assert (used["states.transition"], used["dynamodb.write"], used["dynamodb.read"]) == (6, 2, 0)
    assert used["sqs.fifo-request"] == 1


def test_skipped_tick_tries_the_lease_and_reads_who_holds_it() -> None:
    used = machine_tick(DEFINITION, SKIPPED_PATH)

    assert (used["states.transition"], used["dynamodb.write"], used["dynamodb.read"]) == (5, 1, 1)
    assert used["sqs.fifo-request"] == 0


def test_machine_without_a_guard_starts_and_invokes() -> None:
    assert unguarded_tick()["states.transition"] == 2


@pytest.mark.parametrize("path", [RUN_PATH, SKIPPED_PATH])
def test_another_way_through_the_machine_is_noticed(path: tuple[str, ...]) -> None:
    changed: dict[str, Any] = copy.deepcopy(dict(DEFINITION))
    changed["States"]["Take"]["Next"] = "Notify"
    changed["States"]["Take"]["Catch"][0]["Next"] = "Notify"

    with pytest.raises(ValueError, match="Take must lead to"):
        check_path(changed, path)
    with pytest.raises(ValueError, match="must start at"):
        check_path({**DEFINITION, "StartAt": "Send"}, path)


def test_guard_costs_less_when_it_sends_nothing_and_more_when_it_is_slow() -> None:
    runs, skips = (usd(guard_tick(Guard(), runs=runs)) for runs in (True, False))

    assert skips < runs < usd(guard_tick(Guard(seconds=5), runs=True))


def test_alarms_and_metrics_are_those_of_the_sample_on_a_stage_that_runs() -> None:
    template = template_of("prod", "supplier-sync")
    alarms = [name for name in resources_of(template, "AWS::CloudWatch::Alarm") if "SupplierSyncAlarms" in name]

    assert len(alarms) == FIXED["cloudwatch.alarm"]
    assert len(resources_of(template, "AWS::Logs::MetricFilter")) == FIXED["cloudwatch.metric"]


def test_report_is_printed_with_its_assumptions(capsys: pytest.CaptureFixture[str]) -> None:
    main()

    printed = capsys.readouterr().out
    assert "assumed" in printed
    assert "ratio schedule.usd.skipped = " in printed
