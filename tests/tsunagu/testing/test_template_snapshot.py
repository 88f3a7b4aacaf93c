"""Snapshots of templates: hashes are masked, differences can be read, stateful resources are guarded."""

import copy
from pathlib import Path
from typing import Any

import pytest

from tests.apps import new_app
from tsunagu.testing import TemplateSnapshot

HASH, OTHER_HASH = "ab" * 32, "cd" * 32
TEMPLATE: dict[str, Any] = {
    "Resources": {
        "OrdersQueue1A2B3C4D": {
            "Type": "AWS::SQS::Queue",
            "Properties": {"VisibilityTimeout": 180, "Tags": [{"Key": "a", "Value": "b"}]},
            "UpdateReplacePolicy": "Delete",
            "DeletionPolicy": "Delete",
            "Metadata": {"aws:cdk:path": "Shop/Orders/Queue/Resource"},
        },
        "Table5E6F": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {"KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]},
            "UpdateReplacePolicy": "Retain",
            "DeletionPolicy": "Retain",
            "Metadata": {"aws:cdk:path": "Shop/Table/Resource"},
        },
        "Handler7A8B": {
            "Type": "AWS::Lambda::Function",
            "Properties": {"Code": {"S3Key": f"{HASH}.zip"}, "Timeout": 30},
            "Metadata": {"aws:cdk:path": "Shop/Handler/Resource", "aws:asset:path": f"asset.{HASH}"},
        },
        "CDKMetadata": {"Type": "AWS::CDK::Metadata", "Properties": {"Analytics": "v2:deflate64:H4s"}},
    },
    "Parameters": {"BootstrapVersion": {"Type": "AWS::SSM::Parameter::Value<String>"}},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the snapshot of the template."""
    TemplateSnapshot(tmp_path, is_updated=True).check(TEMPLATE)
    return tmp_path


def changed(**properties: Any) -> dict[str, Any]:
    """Return the template with other properties of the queue."""
    template = copy.deepcopy(TEMPLATE)
    template["Resources"]["OrdersQueue1A2B3C4D"]["Properties"] |= properties
    return template


def refusal(folder: Path, template: Any, *, is_updated: bool = False, **options: Any) -> str:
    """Return what the check of a template says that it must refuse."""
    with pytest.raises(AssertionError) as refused:
        TemplateSnapshot(folder, is_updated=is_updated).check(template, **options)
    return str(refused.value)


def test_another_handler_and_another_cdk_are_the_same_template(folder: Path) -> None:
    template = copy.deepcopy(TEMPLATE)
    template["Resources"]["Handler7A8B"]["Properties"]["Code"]["S3Key"] = f"{OTHER_HASH}.zip"
    template["Resources"]["Handler7A8B"]["Metadata"]["aws:asset:path"] = f"asset.{OTHER_HASH}"
    template["Resources"]["CDKMetadata"]["Properties"]["Analytics"] = "v2:other"

    TemplateSnapshot(folder, is_updated=False).check(template)


def test_a_difference_names_construct_property_and_both_values(folder: Path) -> None:
    template = changed(VisibilityTimeout=90, Tags=[{"Key": "a", "Value": "b"}, {"Key": "c", "Value": "d"}])
    template["Resources"]["New"] = {"Type": "AWS::SNS::Topic", "Metadata": {"aws:cdk:path": "Shop/Topic/Resource"}}
    template["Outputs"] = {"Url": {"Value": "https://example.com"}}

    assert refusal(folder, template).splitlines() == [
        "template is not as it was read:",
        "~ Shop/Orders/Queue (AWS::SQS::Queue OrdersQueue1A2B3C4D)",
        '    Tags: + {"Key": "c", "Value": "d"}',
        "    VisibilityTimeout: 180 -> 90",
        "+ Shop/Topic (AWS::SNS::Topic New)",
        'Outputs: + {"Url": {"Value": "https://example.com"}}',
        "If this is what you want, run pytest --update-templates, and commit the snapshot.",
    ]


def test_an_update_writes_what_is_there_now(folder: Path) -> None:
    TemplateSnapshot(folder, is_updated=True).check(changed(VisibilityTimeout=90))

    TemplateSnapshot(folder, is_updated=False).check(changed(VisibilityTimeout=90))


@pytest.mark.parametrize("is_updated", [False, True], ids=["compared", "updated"])
def test_a_deleted_queue_is_refused_with_what_happens_to_messages_in_flight(folder: Path, is_updated: bool) -> None:
    template = copy.deepcopy(TEMPLATE)
    del template["Resources"]["OrdersQueue1A2B3C4D"]

    said = refusal(folder, template, is_updated=is_updated)

    assert said.startswith("template loses 1 stateful resource:\n  Shop/Orders/Queue (AWS::SQS::Queue Orders")
    assert "is deleted: SQS deletes the queue with all messages in it, those in flight too" in said
    assert "check(..., replaces=['Shop/Orders/Queue'])" in said


def test_a_moved_construct_is_named_with_the_logical_id_that_it_must_keep(folder: Path) -> None:
    template = copy.deepcopy(TEMPLATE)
    template["Resources"]["NewOrdersQueue9Z"] = template["Resources"].pop("OrdersQueue1A2B3C4D")
    template["Resources"]["NewOrdersQueue9Z"]["Metadata"] = {"aws:cdk:path": "Shop/New/Orders/Queue/Resource"}

    said = refusal(folder, template)

    assert "is replaced: SQS deletes the queue" in said
    assert "Its logical id was OrdersQueue1A2B3C4D and is NewOrdersQueue9Z now" in said
    assert 'override_logical_id("OrdersQueue1A2B3C4D")' in said


def test_a_property_that_replaces_a_queue_is_named(folder: Path) -> None:
    assert "because a change of FifoQueue replaces it: SQS deletes" in refusal(folder, changed(FifoQueue=True))


def test_a_retained_table_is_said_to_stay_without_use(folder: Path) -> None:
    template = copy.deepcopy(TEMPLATE)
    template["Resources"]["Table5E6F"]["Properties"]["KeySchema"][0]["AttributeName"] = "pk"

    said = refusal(folder, template)

    assert (
        "because a change of KeySchema replaces it: the items stay in the old table, and the new one is empty" in said
    )
    assert "a message in flight that is delivered again takes effect a second time" in said


def test_a_loss_that_the_test_accepts_can_be_updated(folder: Path) -> None:
    template = copy.deepcopy(TEMPLATE)
    del template["Resources"]["OrdersQueue1A2B3C4D"]
    accepted = ["Shop/Orders/Queue"]

    assert "is not as it was read" in refusal(folder, template, replaces=accepted)
    TemplateSnapshot(folder, is_updated=True).check(template, replaces=accepted)
    TemplateSnapshot(folder, is_updated=False).check(template)


def test_a_missing_snapshot_is_not_written_by_itself(tmp_path: Path) -> None:
    assert "there is no snapshot" in refusal(tmp_path, TEMPLATE)
    assert [*tmp_path.iterdir()] == []


def test_what_is_no_stack_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"subject must be a stack, an app, a folder with an assembly .* got int"):
        TemplateSnapshot(tmp_path, is_updated=True).check(3)


def test_a_stack_and_its_app_are_synthesized_with_paths_and_nested_stacks(tmp_path: Path) -> None:
    from aws_cdk import NestedStack, Stack, aws_sqs  # noqa: PLC0415 - starts Node, which the other tests do not need

    app = new_app()
    stack = Stack(app, "Shop")
    aws_sqs.Queue(stack, "Queue")
    aws_sqs.Queue(NestedStack(stack, "Inner"), "Queue")
    Stack(app, "Other")

    TemplateSnapshot(tmp_path / "stack", is_updated=True).check(stack)
    TemplateSnapshot(tmp_path / "app", is_updated=True).check(app)

    assert [path.name for path in sorted((tmp_path / "app").iterdir())] == [
        "Other.template.json",
        "Shop.template.json",
        "ShopInnerE5AC8EA9.template.json",
    ]
    assert "Shop/Queue/Resource" in (tmp_path / "stack/Shop.template.json").read_text()


def test_the_fixture_keeps_a_folder_for_each_test_and_has_an_option(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_stacks="""
        import pytest

        @pytest.mark.parametrize("stage", ["dev", "prod"])
        def test_template(template_snapshot, stage):
            queue = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": stage}}
            template_snapshot.check({"Resources": {"Queue": queue}})
        """
    )
    run = ("-p", "tsunagu.testing.plugin", "-p", "no:xdist", "-p", "no:syrupy", "-p", "no:cacheprovider")

    pytester.runpytest_inprocess(*run).assert_outcomes(failed=2)
    pytester.runpytest_inprocess(*run, "--update-templates").assert_outcomes(passed=2)
    pytester.runpytest_inprocess(*run).assert_outcomes(passed=2)

    found = pytester.path.rglob("*.template.json")
    assert sorted(path.relative_to(pytester.path).as_posix() for path in found) == [
        "template_snapshots/test_stacks/test_template_dev/template.template.json",
        "template_snapshots/test_stacks/test_template_prod/template.template.json",
    ]
