"""The state machines of the sample, as they were when someone last read them, with a line for each field."""

import json
from typing import TYPE_CHECKING, Any

import pytest
from syrupy.extensions.json import JSONSnapshotExtension

from tests.snapshots.stages import STAGES, resources_of, template_of

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion

MACHINE = "AWS::StepFunctions::StateMachine"


def definitions(stage: str) -> dict[str, Any]:
    """The definitions of a stage by the logical id of their machine, without its hash."""
    machines = resources_of(template_of(stage, "supplier-sync"), MACHINE)
    return {name[:-8]: json.loads(found["Properties"]["DefinitionString"]) for name, found in machines.items()}


def test_definitions_are_those_that_were_read(snapshot: "SnapshotAssertion") -> None:
    assert definitions("prod") == snapshot.with_defaults(extension_class=JSONSnapshotExtension)


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_has_the_same_definitions(stage: str) -> None:
    assert definitions(stage) == definitions("prod")
