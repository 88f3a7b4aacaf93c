"""What is deployed, as it was when someone last read it. `make snapshots` rewrites it; read the difference then."""

import copy
from typing import TYPE_CHECKING, Any

import pytest
from syrupy.extensions.json import JSONSnapshotExtension

from tests.snapshots.stages import STAGES, templates

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion


@pytest.fixture
def snapshot_json(snapshot: "SnapshotAssertion") -> "SnapshotAssertion":
    return snapshot.with_defaults(extension_class=JSONSnapshotExtension)


@pytest.mark.parametrize("stage", STAGES)
def test_templates_of_a_stage_are_those_that_were_read(stage: str, snapshot_json: "SnapshotAssertion") -> None:
    assert {name: without_hashes(template) for name, template in templates(stage).items()} == snapshot_json


def without_hashes(template: dict[str, Any]) -> dict[str, Any]:
    """Leave out what changes with every line of a handler: the names of the assets."""
    masked = copy.deepcopy(template)
    for resource in masked["Resources"].values():
        code = resource["Properties"].get("Code")
        if resource["Type"] == "AWS::Lambda::Function" and "S3Key" in code:
            code["S3Key"] = "asset.zip"
    return masked
