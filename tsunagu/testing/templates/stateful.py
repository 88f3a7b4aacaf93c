"""Stateful resources: which there are, what replaces them, and what becomes of messages in flight.

Source of the properties: "Update requires: Replacement" in
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tsunagu.contracts.flows import read_parts
from tsunagu.testing.templates.normal import PATH_KEY

Template = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stateful:
    """A type of resource that keeps something.

    Attributes:
        replaced_by: Properties whose change makes CloudFormation replace the resource.
        deleted: What happens when it is deleted.
        kept: What happens when it is retained, and nothing uses it any more.
    """

    replaced_by: tuple[str, ...]
    deleted: str
    kept: str


_QUEUE = Stateful(
    ("FifoQueue", "QueueName"),
    "SQS deletes the queue with all messages in it, those in flight too, and sends to its URL fail",
    "messages in the old queue, and those in flight, stay there and nobody receives them: move them to the new queue "
    "before it is forgotten",
)
_TABLE = Stateful(
    ("KeySchema", "TableName", "LocalSecondaryIndexes"),
    "DynamoDB deletes the table with its items. If it keeps idempotency items, a message in flight that is delivered "
    "again takes effect a second time",
    "the items stay in the old table, and the new one is empty. If it keeps idempotency items, a message in flight "
    "that is delivered again takes effect a second time",
)
STATEFUL: Mapping[str, Stateful] = {
    "AWS::SQS::Queue": _QUEUE,
    "AWS::DynamoDB::Table": _TABLE,
    "AWS::DynamoDB::GlobalTable": _TABLE,
    "AWS::SNS::Topic": Stateful(
        ("FifoTopic", "TopicName"),
        "SNS deletes the topic with the subscriptions of others, and publishing to its ARN fails: messages that are "
        "delivered at that moment may be lost",
        "the subscriptions of others stay with the old topic, which nothing publishes to any more",
    ),
    "AWS::S3::Bucket": Stateful(
        ("BucketName",),
        "the bucket is deleted, or the deletion fails because it has objects. A message in flight whose payload is in "
        "it cannot be read, and is dead-lettered",
        "objects stay in the old bucket. A message in flight whose payload is in it cannot be read by functions that "
        "know the new one, and is dead-lettered",
    ),
    "AWS::KMS::Key": Stateful(
        ("KeySpec", "KeyUsage", "MultiRegion", "Origin"),
        "KMS deletes the key after its waiting period. What is encrypted with it, messages in flight too, can never be "
        "read again",
        "the old key stays, and costs. Messages in flight can be read as long as the functions may use it",
    ),
    "AWS::Logs::LogGroup": Stateful(
        ("LogGroupName",),
        "the log lines so far are deleted; messages in flight are not touched",
        "the log lines so far stay in the old group; messages in flight are not touched",
    ),
    "AWS::StepFunctions::StateMachine": Stateful(
        ("StateMachineName", "StateMachineType"),
        "running executions end. A message in flight whose outcome one waits for reports to nobody",
        "running executions go on in the old machine, which nothing starts any more",
    ),
    "AWS::Kinesis::Stream": Stateful(
        ("Name", "StreamEncryption"),
        "the stream is deleted with the records in it, those that nobody has read too",
        "records that nobody has read stay in the old stream",
    ),
    "AWS::SecretsManager::Secret": Stateful(
        ("Name",), "the secret is deleted after its waiting period", "the value stays in the old secret"
    ),
}
STATEFUL_TYPES = frozenset(STATEFUL)
_KEPT = {"Retain", "RetainExceptOnCreate", "Snapshot"}


@dataclass(frozen=True, slots=True)
class Loss:
    """A stateful resource that a change of a template replaces or deletes.

    Attributes:
        path: Path of its construct; its logical id, where the path is not known.
        text: What happens, in sentences.
    """

    path: str
    text: str


def losses(before: Template, after: Template) -> Iterator[Loss]:
    """Iterate over the stateful resources of `before` that `after` replaces or deletes. Both are in normal form."""
    old, new = before.get("Resources", {}), after.get("Resources", {})
    paths = {path_of(logical_id, resource): logical_id for logical_id, resource in new.items()}
    for logical_id, resource in old.items():
        kind = STATEFUL.get(resource.get("Type", ""))
        if kind is None:
            continue
        path = path_of(logical_id, resource)
        if logical_id not in new:
            yield Loss(path, _gone(kind, logical_id, resource, paths.get(path), new))
        elif changed := _changed(kind, resource, new[logical_id]):
            yield Loss(path, _replaced(kind, logical_id, resource, changed))


def path_of(logical_id: str, resource: Mapping[str, Any]) -> str:
    """Return the path of the construct of a resource; its logical id, where the path is not known."""
    path = str(resource.get("Metadata", {}).get(PATH_KEY, logical_id))
    return path.removesuffix("/Resource")


def _changed(kind: Stateful, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    if old["Type"] != new["Type"]:
        return ["Type"]
    was, now = old.get("Properties", {}), new.get("Properties", {})
    return [name for name in kind.replaced_by if was.get(name) != now.get(name)]


def _gone(
    kind: Stateful, logical_id: str, resource: Mapping[str, Any], renamed: str | None, new: Mapping[str, Any]
) -> str:
    same = [name for name, each in new.items() if _is_same(each, resource)]
    verb = "is replaced" if renamed or len(same) == 1 else "is deleted"
    lines = [f"{_name(logical_id, resource)} {verb}: {_consequence(kind, resource, 'DeletionPolicy')}."]
    other = renamed or (same[0] if len(same) == 1 else None)
    if other is not None:
        lines.append(
            f"Its logical id was {logical_id} and is {other} now. Keep it: undo the move, or call "
            f'override_logical_id("{logical_id}") on its CfnResource.'
        )
    return " ".join(lines)


def _replaced(kind: Stateful, logical_id: str, resource: Mapping[str, Any], changed: list[str]) -> str:
    names = " and ".join(changed)
    verb = "replaces" if len(changed) == 1 else "replace"
    consequence = _consequence(kind, resource, "UpdateReplacePolicy")
    return f"{_name(logical_id, resource)} is replaced, because a change of {names} {verb} it: {consequence}."


def _consequence(kind: Stateful, resource: Mapping[str, Any], policy: str) -> str:
    return kind.kept if resource.get(policy) in _KEPT else kind.deleted


def _is_same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return (one["Type"], one.get("Properties")) == (other["Type"], other.get("Properties"))


def _name(logical_id: str, resource: Mapping[str, Any]) -> str:
    kinds = [str(part.kind) for part in read_parts(resource.get("Metadata"))]
    described = f", part of {', '.join(kinds)}" if kinds else ""
    return f"{path_of(logical_id, resource)} ({resource['Type']} {logical_id}{described})"
