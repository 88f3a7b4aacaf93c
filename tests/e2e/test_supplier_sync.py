"""The sample on the embedded cloud: a price list in slices, under ticks that come too early, with a killed worker."""

from cdk_app.demo.one_at_a_time import OneAtATime
from tests.e2e.deployed import Deployment


def test_runs_do_not_overlap_and_each_leaves_a_whole_price_list(deployment: Deployment) -> None:
    report = OneAtATime().run(deployment.cloud, deployment.outputs, lambda _: None)

    assert report.problems == []
    assert (report.lost, report.doubled, report.dead_lettered, report.killed) == (0, 0, 0, 1)
    assert report.effects >= 3
    assert report.duplicates >= 3
    assert report.sent == report.effects + report.duplicates
