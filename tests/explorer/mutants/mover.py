"""The redrive, broken on purpose, one rule each."""

from dataclasses import replace
from typing import Any

from tests.explorer.mutants.mutant import Mutants, Patch
from tsunagu.operations import redrive
from tsunagu.testing.explorer.bounds import Bounds

MUTANTS = Mutants()
seen_in = MUTANTS.seen_in


@seen_in("standard, transaction: redrive")
@seen_in("fifo, plain: redrive", Bounds(crashes=1))
def mover_deletes_before_it_sends(patch: Patch) -> None:
    move = redrive._move  # noqa: SLF001

    def mutant(letters: Any, source: Any, target: Any, report: Any, sent: Any) -> None:
        source.delete(letters)
        move(letters, source, target, report, sent)

    patch.setattr(redrive, "_move", mutant)


@seen_in("standard, plain: redrive", Bounds(lost=1))
def mover_deletes_what_it_could_not_send(patch: Patch) -> None:
    move = redrive._move  # noqa: SLF001

    def mutant(letters: Any, source: Any, target: Any, report: Any, sent: Any) -> None:
        move(letters, source, target, report, sent)
        source.delete(letters)

    patch.setattr(redrive, "_move", mutant)


@seen_in("standard, plain: redrive", Bounds(lost=1))
def mover_does_not_say_what_it_could_not_send(patch: Patch) -> None:
    def mutant(letters: Any, source: Any, target: Any, report: Any, sent: Any) -> None:
        results = target.send(letters)
        source.delete([letter for letter, result in zip(letters, results, strict=True) if result.error is None])
        report.moved += sum(result.error is None for result in results)

    patch.setattr(redrive, "_move", mutant)


@seen_in("fifo, transaction: redrive")
def redrive_under_one_deduplication_id(patch: Patch) -> None:
    patch.setattr(redrive, "redrive_deduplication_id", lambda *_of: "redrive")


@seen_in("fifo, plain: redrive")
def redrive_under_the_deduplication_id_of_the_body(patch: Patch) -> None:
    message = redrive._message  # noqa: SLF001
    patch.setattr(redrive, "_message", lambda letter: replace(message(letter), deduplication_id=letter.delivery.body))
