"""What holds for every stack of the app."""

import pytest

from tests.snapshots.stages import resources_of, template_of

STATEFUL = {
    "order-api": ("AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::Logs::LogGroup", "AWS::SQS::Queue"),
    "payments": ("AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::Logs::LogGroup", "AWS::SQS::Queue"),
    "order-pipeline": (
        "AWS::DynamoDB::Table",
        "AWS::KMS::Key",
        "AWS::Logs::LogGroup",
        "AWS::S3::Bucket",
        "AWS::SQS::Queue",
    ),
    "reports": ("AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::Logs::LogGroup", "AWS::S3::Bucket", "AWS::SQS::Queue"),
}
# A message of an accepted request has the id of its record alone, so its queue has SQS's own key.
WITH_QUEUE_KEYS = ("payments", "order-pipeline", "order-api")
# Wheels of another architecture are other files. An API has the name of its stack in its own, by which people find it.
ALLOWED = {"order-api": {"Code", "Name"}}

each_stack = pytest.mark.parametrize("stack", STATEFUL)


@each_stack
@pytest.mark.parametrize(("stage", "policy"), [("dev", "Delete"), ("stg", "Retain"), ("prod", "Retain")])
def test_stage_decides_what_becomes_of_stateful_resources(stage: str, policy: str, stack: str) -> None:
    for resource_type in STATEFUL[stack]:
        found = resources_of(template_of(stage, stack), resource_type).values()
        assert {resource["DeletionPolicy"] for resource in found} == {policy}
        assert {resource["UpdateReplacePolicy"] for resource in found} == {policy}


@pytest.mark.parametrize("stack", WITH_QUEUE_KEYS)
def test_every_queue_is_encrypted_with_another_key_than_every_topic(stack: str) -> None:
    template = template_of("dev", stack)
    queues = resources_of(template, "AWS::SQS::Queue").values()
    topics = resources_of(template, "AWS::SNS::Topic").values()
    queue_keys = {str(queue["Properties"]["KmsMasterKeyId"]) for queue in queues}
    topic_keys = {str(topic["Properties"]["KmsMasterKeyId"]) for topic in topics}

    assert (len(queue_keys), len(topic_keys)) == (1, 2)  # the topic of alarms has a key of its own
    assert queue_keys.isdisjoint(topic_keys)


@each_stack
def test_embedded_stage_differs_from_dev_in_python_and_architecture_only(stack: str) -> None:
    differences = set()
    for name, resource in template_of("dev", stack)["Resources"].items():
        other = template_of("embedded", stack)["Resources"][name]
        keys = {*resource["Properties"], *other["Properties"]}
        differences |= {key for key in keys if resource["Properties"].get(key) != other["Properties"].get(key)}

    assert differences - ALLOWED.get(stack, set()) == {"Runtime", "Architectures"}
