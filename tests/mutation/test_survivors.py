"""The list of survivors: `make mutation` fails for one that is not in it, and no entry outlives its code."""

import json
from pathlib import Path

import pytest

from tests.mutation.mutants import Fate, Mutant, mutants_below
from tests.mutation.survivors import Survivor, as_entry, known, report, source_of, surprising

PROJECT = Path(__file__).resolve().parents[2]
FUNCTION = "library.rooms.Room.size"
CHANGE = "- return 7\n+ return 8"
LISTED = Survivor(FUNCTION, CHANGE, "equivalent: nobody asks")


def mutant(fate: Fate, change: str = CHANGE) -> Mutant:
    return Mutant(FUNCTION, change, fate)


@pytest.mark.parametrize("fate", [Fate.SURVIVED, Fate.UNREACHED])
def test_survivor_that_is_not_in_the_list_fails_and_is_shown_as_an_entry(fate: Fate) -> None:
    lines, is_well = report([mutant(fate)], [])

    assert not is_well
    assert as_entry(FUNCTION, CHANGE) in lines


def test_survivor_that_is_in_the_list_passes() -> None:
    _, is_well = report([mutant(Fate.SURVIVED)], [LISTED])

    assert is_well


def test_only_survivors_that_are_not_in_the_list_are_tried_once_more() -> None:
    listed, unlisted, unreached, caught = (
        Mutant(FUNCTION, change, fate, change)
        for change, fate in [
            (CHANGE, Fate.SURVIVED),
            ("- a\n+ b", Fate.SURVIVED),
            ("- a\n+ c", Fate.UNREACHED),
            ("- a\n+ d", Fate.CAUGHT),
        ]
    )

    assert surprising([listed, unlisted, unreached, caught], [LISTED]) == ["- a\n+ b", "- a\n+ c"]


def test_another_change_of_the_same_function_is_not_the_one_in_the_list() -> None:
    _, is_well = report([mutant(Fate.SURVIVED, "- return 7\n+ return 9")], [LISTED])

    assert not is_well


def test_entry_that_is_caught_now_is_told() -> None:
    lines, is_well = report([mutant(Fate.CAUGHT)], [LISTED])

    assert is_well
    assert any("take it off the list" in line for line in lines)


def test_score_is_the_share_of_what_was_seen_of_what_was_tried() -> None:
    mutants = [
        mutant(Fate.CAUGHT),
        mutant(Fate.REFUSED, "- a\n+ b"),
        mutant(Fate.UNREACHED, "- a\n+ c"),
        mutant(Fate.SURVIVED, "- a\n+ d"),
        mutant(Fate.LEFT_OUT, "- a\n+ e"),
    ]

    lines, _ = report(mutants, [])

    assert lines[-1] == "ratio mutation.score = 0.500"


def test_run_that_tried_nothing_fails() -> None:
    _, is_well = report([mutant(Fate.LEFT_OUT)], [])

    assert not is_well


def test_run_that_ended_before_all_were_tried_fails() -> None:
    _, is_well = report([mutant(Fate.CAUGHT), mutant(Fate.LEFT_OUT, "- a\n+ b")], [])

    assert not is_well


def test_mutants_are_read_from_the_files_of_mutmut(tmp_path: Path) -> None:
    source = tmp_path / "library" / "rooms.py"
    source.parent.mkdir()
    copies = "def xǁRoomǁsize__mutmut_orig(self):\n    return 7\ndef xǁRoomǁsize__mutmut_1(self):\n    return 8\n"
    source.write_text(f"{copies}def x_open__mutmut_orig():\n    lock()\ndef x_open__mutmut_1():\n    pass\n")
    spans = {"xǁRoomǁsize__mutmut_orig": [1, 2], "xǁRoomǁsize__mutmut_1": [3, 4]}
    spans |= {"x_open__mutmut_orig": [5, 6], "x_open__mutmut_1": [7, 8]}
    source.with_suffix(".py.spans").write_text(json.dumps({"version": 1, "spans": spans}))
    fates = {"library.rooms.xǁRoomǁsize__mutmut_1": 0, "library.rooms.x_open__mutmut_1": 1}
    source.with_suffix(".py.meta").write_text(json.dumps({"exit_code_by_key": fates}))

    assert [*mutants_below(tmp_path)] == [
        Mutant(FUNCTION, CHANGE, Fate.SURVIVED),
        Mutant("library.rooms.open", "- lock()\n+ pass", Fate.CAUGHT),
    ]


def test_entry_is_read_as_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "list.toml").write_text(as_entry(FUNCTION, CHANGE).replace('""', f'"{LISTED.reason}"'))

    assert known(tmp_path / "list.toml") == [LISTED]


def test_each_entry_has_a_reason_and_is_there_once() -> None:
    entries = known()

    assert [entry for entry in entries if not entry.reason.strip()] == []
    assert len({entry.identity for entry in entries}) == len(entries)


@pytest.mark.parametrize("entry", known(), ids=lambda entry: entry.function)
def test_code_that_an_entry_changes_is_still_there(entry: Survivor) -> None:
    source = source_of(entry.function, PROJECT)

    assert source is not None
    gone = [line for line in entry.change.split("\n") if line.startswith("- ") and line[2:] not in source]
    assert gone == []


def test_function_that_is_gone_is_seen() -> None:
    assert source_of("tests.mutation.survivors.Survivor.identity", PROJECT) is not None
    assert source_of("tests.mutation.survivors.Survivor.nothing", PROJECT) is None
    assert source_of("tests.nothing.nothing", PROJECT) is None
