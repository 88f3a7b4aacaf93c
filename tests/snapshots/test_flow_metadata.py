"""What the stacks of the app say of their resources: every kind, no reference, and no path twice."""

from tests.snapshots.stages import templates
from tsunagu.contracts.flows import METADATA_KEY, Kind, Part, read_parts


def parts_of(stack: str) -> list[Part]:
    resources = templates("dev")[stack]["Resources"].values()
    return [part for resource in resources for part in read_parts(resource.get("Metadata"))]


def test_every_kind_is_written_by_a_construct() -> None:
    assert {part.kind for stack in templates("dev") for part in parts_of(stack)} == {*map(str, Kind)}


def test_no_metadata_has_a_reference_which_could_be_an_export() -> None:
    for template in templates("dev").values():
        for resource in template["Resources"].values():
            found = resource.get("Metadata", {}).get(METADATA_KEY, {"parts": []})
            assert not any(isinstance(value, dict) for part in found["parts"] for value in part.values())


def test_no_two_things_of_a_kind_have_the_same_path_in_a_stack() -> None:
    for stack in templates("dev"):
        paths = [(part.kind, part.path) for part in parts_of(stack)]
        assert len(paths) == len(set(paths))
