"""The promises of a plant: what must hold after each schedule, when all is quiet."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tests.explorer.journal import source_id
from tests.explorer.sent import Fate, Sent
from tsunagu.contracts.items import Status
from tsunagu.testing.explorer.schedule import Violation

if TYPE_CHECKING:
    from tests.explorer.plant import Plant


MOST_RECEIVES_BESIDE_A_KILLER = 3  # after a kill that nobody foresaw, and one among suspects with equal attempts


class Promises:
    """Checks the promises of a plant."""

    def __init__(self, plant: "Plant") -> None:
        self._plant = plant
        self._journal = plant.journal

    def check(self) -> None:
        """Check what must hold when the queue is empty.

        Raises:
            Violation: It does not.
        """
        unsent = {
            sent.done[0] for sent in self._journal.sent.values() if sent.text is None and sent.fate is Fate.UNSENT
        }
        for item in self._plant.store.items.values():
            ends = {Status.COMMITTED} if item.id in unsent else {Status.COMPLETED, Status.DEAD}
            if item.status not in ends:
                raise Violation(f"{item.id}: an item must end {' or '.join(ends)}, got {item.status}")
        dead = {Fate.DEAD, Fate.UNSENT, Fate.RIVAL}
        if not self._plant.is_mended:
            dead.add(Fate.REDRIVEN)  # its copy was dead-lettered again; so may it be, if it was not acknowledged
        for letter in self._plant.dead_letter_queue.waiting:
            message_id = source_id(letter)
            if self._journal.sent[message_id].fate not in dead:
                raise Violation(f"{letter.id}: a dead letter must not stay behind, got one of {message_id}")
        self.check_effects()
        for sent in self._journal.sent.values():
            self._check_fate(sent)
        self._check_order([name for name, _ in self._journal.ledger()])
        self._check_order([run.payment_id for run in self._journal.runs])
        self._check_order([body.split("/")[0] for body in self._journal.forwards])

    def _check_fate(self, sent: Sent) -> None:
        if sent.id in self._plant.queue.set_aside:
            raise Violation(f"{sent.id}: the receiver must decide about a message, got one dead-lettered by SQS")
        if sent.fate is Fate.REDRIVEN:
            if self._plant.is_mended:
                self._check_effect(sent)
            return
        letters = self._journal.letters(sent.id)
        if sent.fate is Fate.DONE or (sent.fate is Fate.RIVAL and not letters):
            if letters:
                raise Violation(f"{sent.id}: a valid message must not be dead-lettered, got {letters}")
            self._check_done(sent)
        else:
            self._check_dead(sent, letters)

    def check_effects(self) -> None:
        """Check that nothing took effect more often than it may, which must hold at any time.

        Raises:
            Violation: It does not.
        """
        for payment in {(sent.payment_id, sent.amount) for sent in self._journal.sent.values()}:
            hits = sum(run.was_hit for run in self._journal.runs if (run.payment_id, run.amount) == payment)
            payment_id, amount = payment
            times = self._journal.amounts(payment_id).count(amount)
            if times > 1 + hits:
                raise Violation(f"{payment_id}: must take effect {1 + hits} times at most, got {times}")

    def _check_effect(self, sent: Sent) -> None:
        amounts = self._journal.amounts(sent.payment_id)
        if sent.amount not in amounts:
            raise Violation(f"{sent.payment_id}: must take effect with {sent.amount}, got {amounts}")

    def _check_done(self, sent: Sent) -> None:
        self._check_effect(sent)
        forwards = [body for body in self._journal.forwards if body.startswith(f"{sent.payment_id}/")]
        if len(forwards) != sent.forwards:
            raise Violation(f"{sent.payment_id}: must send {sent.forwards} messages on, got {forwards}")
        self._check_receives(sent)
        waited_ms = self._journal.acknowledged_ms[sent.id] - self._journal.disturbed_ms
        if waited_ms > self._plant.setting.longest_wait_ms:
            raise Violation(f"{sent.id}: must not wait that long after the last disturbance, got {waited_ms} ms")

    def _check_receives(self, sent: Sent) -> None:
        """Check that a neighbour of a killer does not wait for its last attempt. In its group, it must."""
        if sent.group is not None or self._journal.kills < self._journal.disturbances:
            return
        receives = self._journal.receives.get(sent.id, 0)
        if receives > MOST_RECEIVES_BESIDE_A_KILLER:
            raise Violation(f"{sent.id}: must be done by receive {MOST_RECEIVES_BESIDE_A_KILLER}, got {receives}")

    def _check_dead(self, sent: Sent, letters: list[str]) -> None:
        if not letters or not all(reason and sent.reason in reason for reason in letters):
            raise Violation(f"{sent.id}: must be in the dead-letter queue with its reason, got {letters}")
        if len(letters) > 1 + self._journal.disturbances:
            raise Violation(
                f"{sent.id}: must be in the dead-letter queue once a disturbance at most, got {len(letters)}"
            )
        if not self._journal.is_notified(sent.id):
            raise Violation(f"{sent.id}: SNS must be notified of its dead letter")
        if self._journal.attempts[sent.payment_id] + self._journal.disturbances < sent.least_attempts:
            raise Violation(f"{sent.id}: must have {sent.least_attempts} attempts, got {self._journal.attempts}")
        if sent.fate is Fate.UNSENT:
            self._check_effect(sent)
        elif sent.amount in self._journal.amounts(sent.payment_id):
            raise Violation(f"{sent.id}: a dead message must not have taken effect")

    def _check_order(self, happened: Sequence[str]) -> None:
        order = list(dict.fromkeys(happened))
        grouped = [sent for sent in self._journal.sent.values() if sent.group is not None]
        redriven = {sent.payment_id for sent in grouped if sent.fate is Fate.REDRIVEN}
        order = [name for name in order if name not in redriven]
        wanted = dict.fromkeys(sent.payment_id for sent in grouped)
        in_order = [name for name in wanted if name in order]
        if in_order and order != in_order:
            raise Violation(f"effects of a group must be in order {in_order}, got {order}")
