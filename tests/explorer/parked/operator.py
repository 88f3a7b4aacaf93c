"""An operator of a parked group: redrives, corrects or discards by the real code, and tries again after a failure."""

from enum import Enum, auto
from typing import TYPE_CHECKING

from tests.explorer.mover import LettersPort, Mover, SourcePort
from tests.explorer.parked.setting import GROUP
from tsunagu.operations.parked_groups import GroupState, discard, redrive_group
from tsunagu.runtime.errors import UnavailableError
from tsunagu.runtime.idempotency.item import Change
from tsunagu.runtime.idempotency.parked_groups import ParkedEntry, ParkedGroup
from tsunagu.runtime.idempotency.store import Outcome
from tsunagu.testing.explorer.ports import last, unavailable
from tsunagu.testing.explorer.sandbox import SandboxClock

if TYPE_CHECKING:
    from tests.explorer.parked.plant import ParkedPlant

CORRECTED = '{"key": "m1", "corrected": true}'


class Order(Enum):
    """What an operator is asked to do."""

    REDRIVE = auto()
    CORRECT = auto()  # the head, and redrive
    DISCARD = auto()  # the head


class Operator(Mover):
    """Works on the group until it has done what it was asked to do."""

    plant: "ParkedPlant"

    def __init__(self, plant: "ParkedPlant") -> None:
        super().__init__(plant)
        self.name = self.owner = "operator"
        self._time = SandboxClock(plant)
        self._order: Order | None = None
        self._before = plant.group

    @property
    def has_work(self) -> bool:
        """Whether it has not done yet what it was asked to do."""
        return self._order is not None

    @property
    def can_work(self) -> bool:
        """Whether it would find a letter of the group now, or has to look at the group itself."""
        return self._order is not None and (
            self._order is Order.DISCARD
            or not self.plant.group.is_parked
            or bool(self.plant.dead_letter_queue.receivable())
        )

    def give(self, order: Order) -> None:
        """Ask it to do something."""
        self._order = order
        self._before = self.plant.group

    def begin(self) -> None:
        """Begin to do it."""
        self.received, self.was_disturbed = {}, False
        self.start(self._discard if self._order is Order.DISCARD else self._redrive)

    def _redrive(self) -> None:
        bodies = {self._before.head: CORRECTED} if self._order is Order.CORRECT else {}
        try:
            report = redrive_group(
                LettersPort(self),
                SourcePort(self),
                GroupsPort(self),
                GROUP,
                self._time,
                bodies=bodies,
                before=self._before,
            )
        except (ConnectionError, UnavailableError):
            return  # the operator saw it, and calls again
        self.plant.say(f"operator ends: {report.moved} moved, {report.state}")
        if report.state in {GroupState.OPEN, GroupState.DIED_AGAIN}:
            self._order = None

    def _discard(self) -> None:
        try:
            discard(LettersPort(self), GroupsPort(self), GROUP, self._before.head, self._time)
        except (ConnectionError, UnavailableError):
            return
        self._order = None


class GroupsPort:
    """The group, as the operator reads and changes it."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator

    def read(self, group_id: str) -> ParkedGroup:
        """Return the group."""
        plant = self._operator.plant
        return plant.point(
            self._operator, f"reads group {group_id}", lambda: plant.group, failures={"unavailable": unavailable}
        )

    def entries(self, group: ParkedGroup) -> list[ParkedEntry | None]:
        """Return the entries of the group."""
        plant = self._operator.plant
        return plant.point(
            self._operator,
            "reads entries",
            lambda: [*plant.store.groups.entries(group)],
            failures={"unavailable": unavailable},
        )

    def change(self, change: Change) -> bool:
        """Give up a message, or move the head past it."""
        plant = self._operator.plant

        def apply() -> bool:
            head, before = plant.head_key, plant.group.head
            is_applied = plant.store.groups.change(change).outcome is Outcome.APPLIED
            if plant.group.head > before:
                plant.journal.discarded.add(head)
            return is_applied

        failures = {"unavailable": unavailable, "unanswered": lambda: last(apply(), unavailable())}
        return plant.point(self._operator, "changes the group", apply, failures=failures)
