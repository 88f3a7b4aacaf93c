"""A FIFO queue's mapping with MaximumConcurrency: groups run side by side, and each group in order."""

import json
from collections.abc import Callable
from typing import Any

from tests.tsunagu.local.test_fifo_deliveries import send
from tsunagu.local.embedded_cloud import EmbeddedCloud

SLEEPS = """
import json, time
def handler(event, context):
    began = time.time()
    time.sleep(0.5)
    for record in event["Records"]:
        group = record["attributes"]["MessageGroupId"]
        print("ran", json.dumps([group, record["body"], began, time.time()]))
"""
QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {"FifoQueue": True, "VisibilityTimeout": 60}}
MAPPING = {
    "EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]},
    "FunctionName": {"Ref": "Function"},
    "BatchSize": 2,
    "Enabled": False,
    "ScalingConfig": {"MaximumConcurrency": 2},
}


def test_groups_run_side_by_side_and_the_messages_of_each_in_order(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], function: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    mapping = {"Type": "AWS::Lambda::EventSourceMapping", "Properties": MAPPING}
    ids = deploy({"Queue": QUEUE, **function(SLEEPS), "Mapping": mapping})
    for body in "123456":  # which alternate, so that a batch in the order of the queue would have both groups
        for group in "ab":
            send(cloud, ids["Queue"], body, group=group, deduplication=f"{group}{body}")
    cloud.client("lambda").update_event_source_mapping(UUID=ids["Mapping"], Enabled=True)

    def ran() -> list[list[Any]]:
        logs = cloud.client("logs")
        try:
            events = logs.filter_log_events(logGroupName=f"/aws/lambda/{ids['Function']}")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return []
        lines = [event["message"].strip() for event in events]
        found = [json.loads(line.removeprefix("ran ")) for line in lines if line.startswith("ran ")]
        return found if len(found) == 12 else []

    found = eventually(ran)

    by_group = {group: [each for each in found if each[0] == group] for group in "ab"}
    assert {group: "".join(body for _, body, *_ in runs) for group, runs in by_group.items()} == {
        "a": "123456",
        "b": "123456",
    }
    for runs in by_group.values():
        starts = sorted({began for _, _, began, _ in runs})
        assert len(starts) == 3  # batches of two, of this group alone
    assert any(a[2] < b[3] and b[2] < a[3] for a in by_group["a"] for b in by_group["b"])
