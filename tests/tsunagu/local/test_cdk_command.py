"""Synthesis in a child process, and the real CDK CLI against the embedded cloud."""

import json
import sys
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

    with pytest.raises(EmbeddedCloudError, match=r"must have a cdk\.json with app, or an app\.py, got neither in "):
        synthesize("embedded", tmp_path / "out")


@pytest.mark.parametrize(
    "command", ["python3 other/main.py", "python other/main.py", f"{sys.executable} -m other.main", "./run.sh a"]
)
def test_app_is_the_command_of_cdk_json(project: Path, command: str) -> None:
    (project / "app.py").write_text("raise SystemExit('not this one')")
    (project / "other").mkdir()
    (project / "other" / "main.py").write_text(f"import sys\nassert sys.prefix == {sys.prefix!r}\n{APP}")
    (project / "run.sh").write_text('#!/bin/sh\ntest "$1" = a && exec python3 other/main.py\n')
    (project / "run.sh").chmod(0o755)
    (project / "cdk.json").write_text(json.dumps({"app": command}))

    output = synthesize("embedded", project / "out")

    assert json.loads((output / "context.json").read_text())["stage"] == "embedded"


def test_app_gets_account_and_region_as_from_the_cdk_cli(project: Path) -> None:
    (project / "app.py").write_text(
        f"{APP}\nnames = ('CDK_DEFAULT_ACCOUNT', 'CDK_DEFAULT_REGION')\n"
        "(output / 'environment').write_text(' '.join(os.environ[name] for name in names))"
    )

    output = synthesize("embedded", project / "out")

    assert (output / "environment").read_text() == "000000000000 us-east-1"


def test_app_gets_what_earlier_look_ups_found(project: Path) -> None:
    (project / "cdk.context.json").write_text(json.dumps({"vpc-provider:id": "vpc-1", "owner": "look-up"}))
    (project / "cdk.json").write_text(json.dumps({"context": {"owner": "cdk.json", "stage": "dev"}}))

    context = json.loads((synthesize("embedded", project / "out") / "context.json").read_text())

    assert (context["vpc-provider:id"], context["owner"], context["stage"]) == ("vpc-1", "cdk.json", "embedded")


def test_zones_of_a_vpc_need_no_look_up(project: Path) -> None:
    context = json.loads((synthesize("embedded", project / "out") / "context.json").read_text())

    assert context["availability-zones:account=000000000000:region=us-east-1"][0] == "us-east-1a"


def test_build_of_cdk_json_runs_before_the_app(project: Path) -> None:
    (project / "cdk.json").write_text(json.dumps({"app": "python3 built.py", "build": "cp app.py built.py"}))

    assert (synthesize("embedded", project / "out") / "context.json").is_file()


def test_build_that_fails_is_one_sentence(project: Path) -> None:
    (project / "cdk.json").write_text(json.dumps({"build": "false"}))

    with pytest.raises(EmbeddedCloudError, match="the build of the app must succeed, got exit code 1: see "):
        synthesize("embedded", project / "out")


def test_assembly_in_place_of_an_app_is_taken_as_it_is(project: Path, assembly: Path) -> None:
    (project / "cdk.json").write_text(json.dumps({"app": assembly.name}))

    assert synthesize("embedded", project / "out") == assembly


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", r"cdk\.json must be JSON, got "),
        ("[]", r"cdk\.json must hold an object, got list"),
        ('{"app": ""}', r"app of .*cdk\.json must be a command, got ''"),
        ('{"app": ["python3", "app.py"]}', r"app of .*cdk\.json must be a command, got \["),
        ('{"build": 1}', r"build of .*cdk\.json must be a command, got 1"),
        ('{"context": []}', r"context of .*cdk\.json must be an object, got \[\]"),
    ],
)
def test_cdk_json_that_is_wrong_is_one_sentence(project: Path, content: str, sentence: str) -> None:
    (project / "cdk.json").write_text(content)

    with pytest.raises(EmbeddedCloudError, match=sentence):
        synthesize("embedded", project / "out")


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
