"""An operator who is killed anywhere loses nothing: the same command goes on, and each letter is processed once."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.tsunagu.operations.letters.dead_queue import HIDDEN_SECONDS, Letters, LettersPort, Operator
from tsunagu.operations.letters.discard import discard
from tsunagu.operations.letters.export import LetterExport
from tsunagu.operations.letters.letter import DeadLetter
from tsunagu.operations.redrive import redrive
from tsunagu.runtime.sending.publish import SendResult
from tsunagu.testing.fakes import Killed

BODIES = [f"body-{number}" for number in range(23)]
LATER_MS = {"soon": HIDDEN_SECONDS * 1_000, "after five minutes": 301_000}


def is_even(letter: DeadLetter) -> bool:
    return int(letter.delivery.body.removeprefix("body-")) % 2 == 0


def everything(_: DeadLetter) -> bool:
    return True


def points_of(groups: tuple[str | None, ...], *, only_even: bool) -> int:
    """Return how many moments there are at which the operator may be killed."""
    letters, operator = Letters(BODIES, groups), Operator()
    redrive_all(letters, operator, only_even=only_even)
    return 2 * len(operator.calls)


def redrive_all(letters: Letters, operator: Operator, *, only_even: bool = False) -> None:
    selects = is_even if only_even else everything
    redrive(letters.source(operator), letters.target(operator), letters.clock, selects=selects, rate_per_second=500)


GROUPS = {"standard": (None,), "one group": ("g",), "three groups": ("a", "b", "c")}


@pytest.mark.parametrize("later", LATER_MS)
@pytest.mark.parametrize("kind", GROUPS)
def test_killed_redrive_loses_nothing_and_keeps_the_order_of_groups(kind: str, later: str) -> None:
    groups = GROUPS[kind]
    for point in range(points_of(groups, only_even=False)):
        letters = Letters(BODIES, groups)
        with pytest.raises(Killed):
            redrive_all(letters, Operator(killed_at=point))
        assert {*letters.left} | {*letters.processed()} == {*BODIES}, point

        letters.clock.ms += LATER_MS[later]
        redrive_all(letters, Operator())

        assert letters.left == [], point
        assert sorted(letters.processed()) == sorted(BODIES), point
        for group in {*groups} - {None}:
            of_group = [body for body in BODIES if letters.groups[body] == group]
            assert [body for body in letters.processed() if letters.groups[body] == group] == of_group, point


def test_redrive_that_is_killed_again_and_again_ends() -> None:
    letters = Letters(BODIES)
    for point in (1, 4, 2, 5, 3):
        with pytest.raises(Killed):
            redrive_all(letters, Operator(killed_at=point))
        letters.clock.ms += HIDDEN_SECONDS * 1_000

    redrive_all(letters, Operator())

    assert (letters.left, sorted(letters.processed())) == ([], sorted(BODIES))


def test_killed_redrive_of_a_selection_leaves_the_others_alone() -> None:
    for point in range(points_of((None,), only_even=True)):
        letters = Letters(BODIES)
        with pytest.raises(Killed):
            redrive_all(letters, Operator(killed_at=point), only_even=True)
        letters.clock.ms += HIDDEN_SECONDS * 1_000

        redrive_all(letters, Operator(), only_even=True)

        assert (sorted(letters.left), sorted(letters.processed())) == (sorted(BODIES[1::2]), sorted(BODIES[::2]))


def test_letter_that_is_discarded_is_in_an_export_whenever_the_operator_is_killed(tmp_path: Path) -> None:
    with LetterExport(tmp_path / "all.jsonl", "url") as export:
        operator = Operator()
        discard(Letters(BODIES).source(operator), export)
    for point in range(2 * len(operator.calls)):
        letters, path = Letters(BODIES), tmp_path / f"{point}.jsonl"
        with pytest.raises(Killed), LetterExport(path, "url") as export:
            discard(letters.source(Operator(killed_at=point)), export)

        lines = path.read_text().splitlines() if path.exists() else []
        exported = [json.loads(line)["body"] for line in lines]
        assert {*letters.left} | {*exported} == {*BODIES}, point


class KeptLetters(LettersPort):
    """A queue whose letters the operator may not delete."""

    def delete(self, letters: Sequence[DeadLetter]) -> list[str]:
        return [f"{letter.id}: AccessDenied" for letter in letters]


def test_letters_that_may_not_be_deleted_can_be_received_again_at_once(tmp_path: Path) -> None:
    letters = Letters(BODIES)

    with LetterExport(tmp_path / "all.jsonl", "url") as export:
        report = discard(KeptLetters(letters, Operator()), export)

    assert (report.discarded, len(report.problems)) == (0, 10)
    assert len(letters.dead.receive(10)) == 10
    assert len(letters.dead.receive(10)) == 10
    assert len(letters.dead.receive(10)) == 3


def test_no_two_letters_of_a_group_are_sent_by_one_call() -> None:
    letters, operator = Letters(BODIES, ("a", "b", "c")), Operator()
    target = letters.target(operator)

    redrive(letters.source(operator), target, letters.clock, rate_per_second=500)

    assert all(len(groups) == len({*groups}) for groups in target.in_flight)
    assert sum(len(groups) for groups in target.in_flight) == len(BODIES)


def test_letter_that_cannot_be_sent_stops_its_group_and_says_so() -> None:
    letters = Letters(BODIES[:4], ("a", "b"))

    class Refusing:
        def send(self, sent: Sequence[DeadLetter]) -> list[SendResult]:
            return [SendResult(None, "no") if letter.delivery.group_id == "a" else SendResult("m") for letter in sent]

    report = redrive(letters.source(Operator()), Refusing(), letters.clock)

    assert report.problems == ["dead-1: no", "dead-3: not sent: group a failed before it"]
    assert (report.moved, letters.left) == (2, ["body-0", "body-2"])
    assert len(letters.dead.receivable()) == 2


def test_letter_of_a_group_is_deleted_before_the_next_one_is_sent() -> None:
    letters, operator = Letters(BODIES[:3], ("g",)), Operator()

    redrive_all(letters, operator)

    assert operator.calls == ["receive", *["send", "delete"] * 3, "receive"]
