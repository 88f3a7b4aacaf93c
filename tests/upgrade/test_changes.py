"""Each change that an upgrade must not make in silence is found, and is accepted once the changelog tells of it."""

import copy
import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.upgrade.changelog import untold
from tests.upgrade.changes import Finding, findings
from tests.upgrade.inventory import REPLACING, inventory

QUEUE = {
    "type": "AWS::SQS::Queue",
    "path": "Orders/Channel/Queue",
    "deletion": "Retain",
    "properties": {"FifoQueue": True},
}
FUNCTION = {
    "type": "AWS::Lambda::Function",
    "path": "Orders/Receiver/Handler/Function",
    "environment": {"MAX_ATTEMPTS": "5", "QUEUE_URL": {"Ref": "Queue1"}},
}
BEFORE: dict[str, Any] = {"Orders": {"Queue1": QUEUE, "Function1": FUNCTION}}
AT_QUEUE = "AWS::SQS::Queue Orders/Channel/Queue"


def changed(**resources: Any) -> list[str]:
    """The findings where these resources are other ones, or gone (None)."""
    after = {name: each for name, each in (BEFORE["Orders"] | resources).items() if each is not None}
    return [str(each) for each in findings(BEFORE, {"Orders": after})]


def function(**variables: Any) -> dict[str, Any]:
    return {**FUNCTION, "environment": {**FUNCTION["environment"], **variables}}  # type: ignore[dict-item]


def test_the_same_stacks_have_no_findings() -> None:
    assert findings(BEFORE, copy.deepcopy(BEFORE)) == []


def test_new_resources_and_stacks_are_no_findings() -> None:
    after = {**BEFORE, "More": {}, "Orders": {**BEFORE["Orders"], "Queue2": QUEUE}}

    assert findings(BEFORE, after) == []


def test_a_resource_that_is_gone_is_deleted() -> None:
    assert changed(Queue1=None) == [f"`{AT_QUEUE}`: deleted: Queue1 is gone"]


def test_a_resource_with_another_logical_id_is_replaced() -> None:
    assert changed(Queue1=None, Queue9=QUEUE) == [f"`{AT_QUEUE}`: replaced: its logical id Queue1 is now Queue9"]


def test_a_resource_of_another_type_is_deleted() -> None:
    topic = {**QUEUE, "type": "AWS::SNS::Topic"}

    assert changed(Queue1=topic) == [f"`{AT_QUEUE}`: deleted: Queue1 is gone"]


@pytest.mark.parametrize(
    ("properties", "told"),
    [
        ({}, "FifoQueue was true, and is null"),
        ({"FifoQueue": True, "QueueName": "q"}, 'QueueName was null, and is "q"'),
    ],
)
def test_a_property_that_replaces_is_a_replacement(properties: dict[str, Any], told: str) -> None:
    assert changed(Queue1={**QUEUE, "properties": properties}) == [f"`{AT_QUEUE}`: replaced: {told}"]


def test_a_resource_that_is_no_longer_kept_is_found() -> None:
    told = "no longer kept: its DeletionPolicy was Retain, and is Delete"

    assert changed(Queue1={**QUEUE, "deletion": "Delete"}) == [f"`{AT_QUEUE}`: {told}"]


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (function(LEASE="1"), "`LEASE`: new in the environment of a function"),
        (function(MAX_ATTEMPTS="6"), '`MAX_ATTEMPTS`: another value: it was "5", and is "6"'),
        ({**FUNCTION, "environment": {"MAX_ATTEMPTS": "5"}}, "`QUEUE_URL`: no longer in the environment of a function"),
    ],
)
def test_another_environment_is_found(after: dict[str, Any], told: str) -> None:
    assert changed(Function1=after) == [told]


CHANGELOG = """# Changelog
## [Unreleased]
### Changed
- Functions get `LEASE`.
### Replaces resources
- `AWS::SQS::Queue */Channel/Queue`: …
## [1.0.0]
- `OLD` and `AWS::SNS::Topic *`
### Replaces resources
- `AWS::KMS::Key *`
"""


@pytest.mark.parametrize(
    "subject",
    ["LEASE", AT_QUEUE, "AWS::SQS::Queue Shop/Orders/Channel/Queue"],
)
def test_what_the_changelog_names_is_told(subject: str) -> None:
    assert untold([Finding(subject, "…")], CHANGELOG) == []


@pytest.mark.parametrize(
    "subject",
    [
        "OLD",
        "LEAS",
        "AWS::KMS::Key Orders/Key",
        "AWS::SNS::Topic Orders/Topic",
        "AWS::SQS::Queue Orders/DeadLetterQueue",
    ],
)
def test_what_it_does_not_name_or_named_for_an_earlier_release_is_untold(subject: str) -> None:
    assert untold([Finding(subject, "…")], CHANGELOG) == [Finding(subject, "…")]


def test_a_resource_that_is_named_elsewhere_in_the_section_is_untold() -> None:
    changelog = CHANGELOG.replace("### Replaces resources", "### Fixed", 1)

    assert untold([Finding(AT_QUEUE, "…")], changelog) != []


def test_an_inventory_has_stateful_resources_with_their_paths_and_functions_with_their_environment(
    tmp_path: Path,
) -> None:
    queue = {"Type": "AWS::SQS::Queue", "DeletionPolicy": "Retain", "Properties": {"FifoQueue": True, "KmsKey": "k"}}
    code = {"Type": "AWS::Lambda::Function", "Properties": {"Environment": {"Variables": {"A": "b"}}}}
    template = {"Resources": {"Queue1": queue, "Function1": code, "Alarm1": {"Type": "AWS::CloudWatch::Alarm"}}}
    entry = [{"type": "aws:cdk:logicalId", "data": "Queue1"}]
    (tmp_path / "Orders.template.json").write_text(json.dumps(template))
    (tmp_path / "Orders.metadata.json").write_text(json.dumps({"/Orders/Channel/Queue/Resource": entry}))

    assert inventory(tmp_path) == {
        "Orders": {
            "Queue1": QUEUE,
            "Function1": {"type": "AWS::Lambda::Function", "path": "Function1", "environment": {"A": "b"}},
        }
    }


@pytest.mark.slow  # the schemas take four seconds to read
def test_every_property_that_the_schemas_of_aws_call_create_only_is_known() -> None:
    manager = importlib.import_module("cfnlint.schema").PROVIDER_SCHEMA_MANAGER

    for kind, known in REPLACING.items():
        schema = manager.get_resource_schema("us-east-1", kind).schema
        create_only = {path.removeprefix("/properties/") for path in schema.get("createOnlyProperties", ())}

        assert create_only - set(known) == set(), kind
