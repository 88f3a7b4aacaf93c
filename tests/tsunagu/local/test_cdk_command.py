"""Synthesis in a child process, and the real CDK CLI against the embedded cloud."""

import json
from pathlib import Path

import pytest

from tsunagu.errors import EmbeddedCloudError
from tsunagu.local.cdk_command import cdk_command, synthesize
from tsunagu.local.embedded_cloud import EmbeddedCloud

APP = """
import os, pathlib
output = pathlib.Path(os.environ["CDK_OUTDIR"])
(output / "context.json").write_text(os.environ["CDK_CONTEXT_JSON"])
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


@pytest.fixture
def assembly(tmp_path: Path) -> Path:
    """A cloud assembly of one stack, as `cdk synth` writes it."""
    template = {
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
        "Outputs": {"QueueUrl": {"Value": {"Ref": "Queue"}}},
    }
    artifact = {
        "type": "aws:cloudformation:stack",
        "environment": "aws://unknown-account/unknown-region",
        "properties": {"templateFile": "Probe.template.json"},
    }
    folder = tmp_path / "assembly"
    folder.mkdir()
    (folder / "Probe.template.json").write_text(json.dumps(template))
    (folder / "manifest.json").write_text(json.dumps({"version": "36.0.0", "artifacts": {"Probe": artifact}}))
    return folder


def test_app_gets_its_stage_and_the_context_of_the_project(project: Path) -> None:
    (project / "cdk.json").write_text(json.dumps({"context": {"tsunagu": {"stages": {}}}}))

    output = synthesize("embedded", project / "out")

    context = json.loads((output / "context.json").read_text())
    assert (context["tsunagu"], context["stage"]) == ({"stages": {}}, "embedded")


def test_template_is_the_one_that_the_cdk_cli_would_write(project: Path) -> None:
    output = synthesize("embedded", project / "out")

    context = json.loads((output / "context.json").read_text())
    assert context["aws:cdk:enable-path-metadata"]
    assert context["aws:cdk:enable-asset-metadata"]


def test_synthesis_leaves_nothing_of_an_earlier_one(project: Path) -> None:
    (project / "out").mkdir()
    (project / "out" / "old.template.json").touch()

    output = synthesize("embedded", project / "out")

    assert [entry.name for entry in output.iterdir()] == ["context.json"]


def test_app_that_fails_is_one_sentence_with_its_log(project: Path) -> None:
    (project / "app.py").write_text("raise SystemExit('no such stage')")

    with pytest.raises(EmbeddedCloudError, match="the app must synthesize, got exit code 1: see ") as caught:
        synthesize("embedded", project / "out")

    assert "no such stage" in Path(str(caught.value.log_path)).read_text()


def test_folder_without_an_app_cannot_be_synthesized(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(EmbeddedCloudError, match=r"the current folder must have an app\.py to synthesize, got "):
        synthesize("embedded", tmp_path / "out")


def test_missing_cdk_cli_is_one_sentence(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(project))

    with pytest.raises(EmbeddedCloudError, match="deploying needs the CDK CLI, got none"):
        cdk_command()


def test_real_cdk_cli_deploys_twice_and_finds_no_difference_and_destroys(
    cloud: EmbeddedCloud, assembly: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository)

    outputs = cloud.deploy(assembly)
    queue = outputs["Probe"]["QueueUrl"]
    assert cloud.client("sqs").send_message(QueueUrl=queue, MessageBody="x")

    assert cloud.deploy(assembly) == outputs
    cloud.run_cdk("diff", "--app", str(assembly), "--fail")
    cloud.run_cdk("destroy", "--app", str(assembly), "--all", "--force")
    stacks = [stack["StackName"] for stack in cloud.client("cloudformation").describe_stacks()["Stacks"]]
    assert "Probe" not in stacks


def test_failed_deployment_is_one_sentence_with_its_log(
    cloud: EmbeddedCloud, assembly: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository)
    (assembly / "Probe.template.json").write_text('{"Resources": {"Nothing": {"Type": "AWS::No::Such"}}}')

    with pytest.raises(EmbeddedCloudError, match="cdk deploy must succeed on the embedded cloud, got exit code"):
        cloud.deploy(assembly)
