"""What is read from a cloud assembly before it is deployed: regions, accounts, and the platforms of functions."""

import json
from pathlib import Path
from typing import Any

import pytest

from tsunagu.errors import EmbeddedCloudError
from tsunagu.local.assembly_files import regions
from tsunagu.local.function_platforms import FunctionPlatform, foreign_functions, machine_platform

MACHINE = FunctionPlatform("3.11", "x86_64")


def assembly(folder: Path, **environments: str) -> Path:
    """Write the manifest of an assembly: stacks by name, with the environment of each."""
    artifacts: dict[str, Any] = {"Tree": {"type": "cdk:tree"}}
    for name, environment in environments.items():
        artifacts[name] = {"type": "aws:cloudformation:stack", "environment": environment}
    folder.mkdir(exist_ok=True)
    (folder / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))
    return folder


def write_template(folder: Path, name: str, **functions: dict[str, Any]) -> None:
    resources = {key: {"Type": "AWS::Lambda::Function", "Properties": found} for key, found in functions.items()}
    resources["Queue"] = {"Type": "AWS::SQS::Queue", "Properties": {}}
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.template.json").write_text(json.dumps({"Resources": resources}))


def test_each_region_of_an_app_is_bootstrapped_once_and_the_cloud_s_own_first(tmp_path: Path) -> None:
    folder = assembly(
        tmp_path,
        Anywhere="aws://unknown-account/unknown-region",
        Own="aws://000000000000/us-east-1",
        Near="aws://unknown-account/eu-central-1",
        Far="aws://000000000000/ap-east-1",
    )
    assembly(folder / "assembly-Stage", Staged="aws://000000000000/eu-central-1")

    assert regions(folder) == ["us-east-1", "ap-east-1", "eu-central-1"]


def test_stack_of_another_account_is_refused_with_what_to_do(tmp_path: Path) -> None:
    folder = assembly(tmp_path, Mine="aws://000000000000/us-east-1", Theirs="aws://123456789012/us-east-1")

    with pytest.raises(EmbeddedCloudError, match=r"stack Theirs must be for account 0{12} .*, got 123456789012"):
        regions(folder)


def test_functions_of_another_platform_are_named_by_platform(tmp_path: Path) -> None:
    write_template(
        tmp_path,
        "Shop",
        Here={"Runtime": "python3.11", "Architectures": ["x86_64"]},
        Default={"Runtime": "python3.11"},
        Newer={"Runtime": "python3.13"},
        Other={"Runtime": "python3.11", "Architectures": ["arm64"]},
        Image={"PackageType": "Image", "Architectures": ["arm64"]},
        Node={"Runtime": "nodejs22.x", "Architectures": ["arm64"]},
        Token={"Runtime": {"Ref": "Runtime"}, "Architectures": {"Ref": "Architectures"}},
    )
    write_template(tmp_path / "assembly-Stage", "Shop.nested", Newer={"Runtime": "python3.13"})

    assert foreign_functions(tmp_path, MACHINE) == {
        FunctionPlatform("3.13", "x86_64"): ["Shop/Newer", "Shop.nested/Newer"],
        FunctionPlatform("3.11", "arm64"): ["Shop/Other"],
        FunctionPlatform("", "arm64"): ["Shop/Image"],
    }


def test_platform_of_the_machine_has_the_names_of_lambda() -> None:
    assert machine_platform().architecture in {"x86_64", "arm64"}
