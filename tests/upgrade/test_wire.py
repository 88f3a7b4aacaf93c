"""Two releases run side by side while one is deployed, and after a rollback: each reads what the other wrote."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.upgrade import wire
from tests.upgrade.release import SEEN, WIRE, extract, run, stored


def lost(before: Any, after: Any, place: str = "") -> list[str]:
    """Return the places where `after` does not have what `before` has. It may have more."""
    if isinstance(before, dict) and isinstance(after, dict):
        return [
            each
            for name, value in before.items()
            for each in (
                lost(value, after[name], f"{place}.{name}") if name in after else [f"{place}.{name} is not there"]
            )
        ]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = enumerate(zip(before, after, strict=True))
        return [each for number, (one, other) in pairs for each in lost(one, other, f"{place}[{number}]")]
    return [] if before == after else [f"{place} was {before!r}, and is {after!r}"]


def as_json(documents: wire.Documents) -> wire.Documents:
    """Return documents as a table, queue or log has them: as JSON."""
    kept: wire.Documents = json.loads(json.dumps(documents))
    return kept


def test_this_release_reads_what_the_last_one_wrote() -> None:
    assert lost(stored(SEEN), wire.seen(stored(WIRE))) == []


def test_the_last_release_reads_what_this_one_writes(tmp_path: Path) -> None:
    written = as_json(wire.written())
    then = json.loads(run("wire.py", "read", library=extract(tmp_path).library, given=json.dumps(written)))

    assert [name for name, each in then.items() if isinstance(each, dict) and "unreadable" in each] == []
    assert lost({name: then[name] for name in stored(SEEN)}, wire.seen(written)) == []


def test_every_kind_of_document_of_the_last_release_is_still_written() -> None:
    assert stored(WIRE).keys() - wire.written().keys() == set()


@pytest.mark.parametrize("name", sorted(name for name in stored(WIRE) if name.startswith("told/")))
def test_what_people_and_their_tools_read_still_has_every_field(name: str) -> None:
    assert stored(WIRE)[name].keys() - wire.written()[name].keys() == set()


def test_nothing_in_the_stored_documents_was_unreadable_for_the_release_that_wrote_them() -> None:
    assert [name for name, each in stored(SEEN).items() if isinstance(each, dict) and "unreadable" in each] == []
    assert stored(SEEN).keys() == stored(WIRE).keys()


@pytest.mark.parametrize(
    ("before", "after", "places"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, []),
        ({"a": {"b": 1}}, {"a": {}}, [".a.b is not there"]),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, [".a[1].b was 2, and is 3"]),
        ([1], [1, 2], [" was [1], and is [1, 2]"]),
    ],
)
def test_a_loss_is_found(before: Any, after: Any, places: list[str]) -> None:
    assert lost(before, after) == places
