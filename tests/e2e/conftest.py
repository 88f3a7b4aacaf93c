"""One embedded cloud and one deployment for all end-to-end tests, with IAM enforced."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cdk_app.local.demo.driver import count_messages
from cdk_app.local.demo.load import LoadShape, plan_messages
from cdk_app.local.demo.logs import log_lines
from cdk_app.local.demo.receive_once import ReceiveOnce
from cdk_app.local.embedded_cloud import EmbeddedCloud, synthesize
from tests.e2e.deployed import Deployment, Run

PROJECT = Path(__file__).parents[2]
FLOW = ReceiveOnce(
    seed=2026, shape=LoadShape(messages=500, accounts=20, copied_share=0.05, invalid_share=0.01), kills=3
)


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    directory = tmp_path_factory.mktemp("embedded")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(PROJECT)
        assembly = synthesize("embedded", directory / "cdk.out")
        with EmbeddedCloud.start(directory / "cloud") as cloud:
            yield Deployment(cloud=cloud, assembly=assembly, outputs=cloud.deploy(assembly))


@pytest.fixture(scope="session")
def run(deployment: Deployment) -> Run:
    """The load of 500 messages a queue, driven with three kills a queue and drained."""
    inbox = _subscribe(deployment)
    report = FLOW.run(deployment.cloud, deployment.outputs, lambda _: None)
    return Run(
        report=report,
        loads={lane.name: plan_messages(FLOW.seed, lane.name, FLOW.shape) for lane in deployment.lanes},
        table=deployment.table(),
        dead_letters={lane.name: deployment.dead_letters(lane) for lane in deployment.lanes},
        notifications=_receive_notifications(deployment, inbox),
        items=deployment.idempotency_items(),
        log_lines=[text for lane in deployment.lanes for text in log_lines(deployment.cloud, lane.function_name)],
        left_in_queues=[count_messages(deployment.cloud.client("sqs"), lane.queue_url) for lane in deployment.lanes],
    )


@pytest.fixture(scope="session")
def settled(deployment: Deployment, run: Run) -> Deployment:
    """The deployment once the load is through: for tests that send messages which are not in the load's books."""
    return deployment


def _subscribe(deployment: Deployment) -> str:
    """Subscribe a queue of the test's own to the notifications, and return its address."""
    sqs, topic_arn = deployment.cloud.client("sqs"), deployment.payments["NotificationTopicArn"]
    url: str = sqs.create_queue(QueueName="notified")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
        },
    }
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    deployment.cloud.client("sns").subscribe(
        TopicArn=topic_arn, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"}
    )
    return url


def _receive_notifications(deployment: Deployment, inbox: str) -> list[dict[str, Any]]:
    sqs, notifications = deployment.cloud.client("sqs"), []
    while messages := sqs.receive_message(QueueUrl=inbox, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages"):
        for message in messages:
            notifications.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=inbox, ReceiptHandle=message["ReceiptHandle"])
    return notifications
