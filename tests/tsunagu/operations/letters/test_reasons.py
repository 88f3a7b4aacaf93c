"""Letters of one kind are one group, and letters of two kinds are two."""

import pytest

from tests.tsunagu.operations.letters.samples import letter, opened, ours
from tsunagu.operations.letters.groups import group_letters
from tsunagu.operations.letters.reasons import reason_kind
from tsunagu.testing.fakes import START_MS


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("5 attempts failed, the last with TimeoutError", "N attempts failed, the last with TimeoutError"),
        ("an amount must be at least 1, got -3.5", "an amount must be at least N, got N"),
        ("must have at most 1,048,576 bytes", "must have at most N bytes"),
        ("order o-17 is unknown", "order … is unknown"),
        ("no item 019a1b2c-3d4e-7f60-8a1b-2c3d4e5f6071 here", "no item … here"),
        ("expired at 2026-03-01T04:00:00Z", "expired at …"),
        ("HTTP 404 of shop", "HTTP 404 of shop"),
        ("KeyError: 'amount'", "KeyError: 'amount'"),
        ("S3 refused UTF-8", "S3 refused UTF-8"),
        ("two\n  lines", "two lines"),
    ],
)
def test_kind_of_a_reason_has_no_numbers_and_ids(reason: str, kind: str) -> None:
    assert reason_kind(reason) == kind


def test_groups_are_the_largest_first_with_their_oldest_and_newest_letter() -> None:
    reasons = ["order o-1 is unknown", "order o-2 is unknown", "HTTP 500", "order o-3 is unknown"]
    letters = [
        opened(letter(message_id=f"l-{n}", attributes=ours(reason), sent_ms=START_MS + n))
        for n, reason in enumerate(reasons)
    ]

    unknown, failed = group_letters(reversed(letters))

    assert (unknown.reason, len(unknown.letters)) == ("order … is unknown", 3)
    assert (unknown.oldest.letter.id, unknown.newest.letter.id) == ("l-0", "l-3")
    assert (failed.reason, len(failed.letters)) == ("HTTP 500", 1)


def test_group_counts_the_letters_that_were_redriven_before() -> None:
    letters = [opened(letter(attributes={**ours(), "tsunagu_redriven": "2"})), opened(letter(attributes=ours()))]

    (group,) = group_letters(letters)

    assert group.redriven == 1
