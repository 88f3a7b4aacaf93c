"""An exported letter comes back as it was."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.tsunagu.operations.letters.samples import letter, ours
from tsunagu.contracts.messages import GROUP_PLACE_ATTRIBUTE
from tsunagu.errors import InvalidInputError, OperationError
from tsunagu.operations.letters.export import LetterExport, letter_line, read_export
from tsunagu.operations.letters.exported_letters import ExportedLetters
from tsunagu.operations.letters.letter import DeadLetter
from tsunagu.operations.redrive import redriven_message
from tsunagu.runtime.receiving.delivery import Delivery
from tsunagu.runtime.sending.attribute import Attribute

LARGEST = "ä" * (1_048_576 // 2)


def as_exported(found: DeadLetter) -> DeadLetter:
    (read,) = read_export([json.dumps(letter_line(found, "url"))])
    return read


@pytest.mark.parametrize(
    "attributes",
    [
        {"binary": Attribute("Binary.png", b"\xff\x00\xfe"), "number": Attribute("Number", "7")},
        {f"name-{number}": Attribute("String", "value") for number in range(10)},
        {},
    ],
    ids=["of bytes that are no UTF-8", "ten", "none"],
)
@pytest.mark.parametrize("body", ["{}", "line\nseparator \u2028 end", LARGEST], ids=["short", "lines", "1 MiB"])
def test_exported_letter_goes_back_as_the_letter_itself_would(attributes: dict[str, Attribute], body: str) -> None:
    delivery = Delivery(
        message_id="l-1",
        receipt_handle="handle",
        body=body,
        attributes=attributes,
        group_id="g",
        is_fifo=True,
        trace_header="Root=1-2-3",
    )
    found = DeadLetter(delivery, 1_234, "arn:queue")

    read = as_exported(found)

    assert redriven_message(read) == redriven_message(found)
    assert (read.sent_ms, read.moved_from, read.id) == (1_234, "arn:queue", "l-1")


def test_letter_from_a_file_has_no_place_in_a_parked_group_because_it_may_be_given_up() -> None:
    plain = letter(1)
    place = {GROUP_PLACE_ATTRIBUTE: Attribute("String", "7.1")}
    placed = replace(plain, delivery=replace(plain.delivery, attributes={**plain.delivery.attributes, **place}))

    (read,) = read_export([json.dumps(letter_line(placed, "https://sqs/dead"))])

    assert (placed.delivery.group_place, read.delivery.group_place) == ("7.1", "")
    assert read.delivery.attributes == plain.delivery.attributes


def test_export_does_not_write_over_a_file(tmp_path: Path) -> None:
    path = tmp_path / "letters.jsonl"
    path.write_text("mine")

    with pytest.raises(OperationError, match=r"the export must be a new file .*, got .* \(File exists\)"):
        LetterExport(path, "url").__enter__()
    assert path.read_text() == "mine"


def test_an_export_that_failed_before_the_first_letter_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "letters.jsonl"

    with pytest.raises(KeyboardInterrupt), LetterExport(path, "url"):
        raise KeyboardInterrupt

    assert not path.exists()


def test_only_the_owner_may_read_an_export(tmp_path: Path) -> None:
    with LetterExport(tmp_path / "folder" / "letters.jsonl", "url") as export:
        export.write([letter()])

    assert export.path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("line", ["no json", "[]", '{"tsunagu_letter": 2}', '{"order": 1}', "[" * 5_000])
def test_line_that_is_no_letter_is_named(line: str) -> None:
    good = json.dumps(letter_line(letter(), "url"))

    with pytest.raises(InvalidInputError, match="line 3: a letter that `tsunagu dlq export` wrote must be on each"):
        [*read_export([good, "", line])]


def test_letters_of_an_export_that_are_done_do_not_come_again(tmp_path: Path) -> None:
    path = tmp_path / "letters.jsonl"
    with LetterExport(path, "url") as export:
        export.write([letter(message_id=f"l-{number}", attributes=ours()) for number in range(12)])

    first = ExportedLetters(path)
    taken = first.receive()
    first.delete(taken[:4])

    again = ExportedLetters(path)
    assert [each.id for each in again.receive() + again.receive()] == [f"l-{number}" for number in range(4, 12)]


def test_letter_that_is_given_back_comes_again_before_the_others(tmp_path: Path) -> None:
    path = tmp_path / "letters.jsonl"
    with LetterExport(path, "url") as export:
        export.write([letter(message_id=f"l-{number}") for number in range(12)])
    letters = ExportedLetters(path)

    letters.give_back(letters.receive()[8:])

    assert [each.id for each in letters.receive()] == ["l-8", "l-9", "l-10", "l-11"]
