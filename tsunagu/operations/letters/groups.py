"""Groups dead letters by the kind of their reason."""

from collections.abc import Iterable
from dataclasses import dataclass

from tsunagu.operations.letters.origin import OpenedLetter


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterGroup:
    """Dead letters of one kind of reason.

    Attributes:
        kind: The reason without numbers and ids.
        letters: The letters, oldest first; one at least.
    """

    kind: str
    letters: tuple[OpenedLetter, ...]

    @property
    def reason(self) -> str:
        """The reason as it is, where all letters have the same; else its kind."""
        reasons = {each.reason for each in self.letters}
        return reasons.pop() if len(reasons) == 1 else self.kind

    @property
    def redriven(self) -> int:
        """How many of them were redriven before, and died again."""
        return sum(each.letter.redriven_count > 0 for each in self.letters)

    @property
    def oldest(self) -> OpenedLetter:
        """The letter that was sent first."""
        return self.letters[0]

    @property
    def newest(self) -> OpenedLetter:
        """The letter that was sent last."""
        return self.letters[-1]


def group_letters(letters: Iterable[OpenedLetter]) -> list[LetterGroup]:
    """Return the groups, the largest first."""
    found: dict[str, list[OpenedLetter]] = {}
    for each in sorted(letters, key=lambda opened: opened.letter.sent_ms):
        found.setdefault(each.reason_kind, []).append(each)
    groups = [LetterGroup(kind=kind, letters=tuple(each)) for kind, each in found.items()]
    return sorted(groups, key=lambda group: (-len(group.letters), group.kind))
