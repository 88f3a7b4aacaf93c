"""What must hold for accepted requests once all is quiet: each ended in time, once, as it may, and was published."""

from typing import TYPE_CHECKING

from tests.explorer.requests.journal import letter_item_id
from tests.explorer.requests.outside import CANCELLED, CONFLICT
from tests.explorer.requests.setting import MINUTE_MS
from tsunagu.contracts.messages import DEAD_LETTER_REASON_ATTRIBUTE
from tsunagu.contracts.requests import NO_EXPIRATION, ShownStatus
from tsunagu.runtime.requests.record import RequestRecord
from tsunagu.runtime.retry import LONGEST_SECONDS
from tsunagu.testing.explorer.schedule import Violation
from tsunagu.testing.explorer.stage import OUTAGE_MS

if TYPE_CHECKING:
    from tests.explorer.requests.journal import RequestJournal
    from tests.explorer.requests.plant import RequestPlant

MOMENT_MS = 1_000  # the clock of the plant stops just after what it waited for


class RequestPromises:
    """Checks the promises of a plant."""

    def __init__(self, plant: "RequestPlant") -> None:
        self._plant = plant
        self._journal: RequestJournal = plant.journal

    def check(self) -> None:
        """Check what must hold when nothing is left to be done.

        Raises:
            Violation: It does not.
        """
        self._check_accepted()
        for record in self._plant.store.records():
            self._check_end(record)
        self._check_cancellations()
        self._check_published()
        self._check_letters()

    def _check_accepted(self) -> None:
        for item_id, body in self._journal.accepted.items():
            record = self._plant.store.find(item_id)
            if record is None or record.body != body:
                raise Violation(f"{item_id}: what was accepted must not be lost, got {record}")

    def _check_end(self, record: RequestRecord) -> None:
        setting, item_id = self._plant.setting, record.item.id
        shown = record.shown_status(self._plant.ms)
        endings = [each for each in self._journal.endings if each.item_id == item_id]
        if not endings or shown != endings[-1].status:
            raise Violation(f"{item_id}: must end, and stay as it ended, got {shown} and {endings}")
        may_end = setting.endings_when_mended if self._plant.is_mended else setting.endings
        self._check_ending(record, endings[-1].status, may_end)
        if not 0 < record.item.expiration < NO_EXPIRATION:
            raise Violation(f"{item_id}: must expire once it has ended, got {record.item.expiration}")
        for ending in endings:
            if ending.took_ms > self._longest_ms(item_id):
                raise Violation(f"{item_id}: must end within {self._longest_ms(item_id)} ms, got {ending.took_ms}")

    def _check_ending(self, record: RequestRecord, status: ShownStatus, may_end: frozenset[ShownStatus]) -> None:
        item_id, reason = record.item.id, self._plant.setting.reason
        if status not in may_end:
            raise Violation(f"{item_id}: must end as {', '.join(may_end)}, got {status}: {record.reason}")
        if status is ShownStatus.FAILED and reason not in record.reason:
            raise Violation(f"{item_id}: must say {reason}, got {record.reason}")

    def _longest_ms(self, item_id: str) -> int:
        """Return the stated bound: the deadline and two sweeps, and for each disturbance an outage and a sweep.

        What is committed has no deadline: its worker, or a resend, ends it after waits of its own.
        """
        rules = self._plant.setting.rules
        hidden_seconds = 2 * (LONGEST_SECONDS + rules.resend_after_seconds)
        committed_ms = int(hidden_seconds * 1_000) if item_id in self._journal.was_committed else 0
        return rules.deadline_seconds * 1_000 + 2 * MINUTE_MS + self._disturbed_ms + committed_ms

    @property
    def _disturbed_ms(self) -> int:
        return self._journal.disturbances * (OUTAGE_MS + MINUTE_MS)

    def _check_cancellations(self) -> None:
        for client in self._plant.clients:
            record = self._plant.store.find(client.item_id)
            is_cancelled = record is not None and record.cancelled_ms > 0
            if client.cancellation == CANCELLED and not is_cancelled:
                raise Violation(f"{client.name}: what was cancelled must stay so, got {record}")
            if client.cancellation == CONFLICT and is_cancelled:
                raise Violation(f"{client.name}: what was not cancelled must not be, got {record}")

    def _check_published(self) -> None:
        """Check that each ending was published: by the next sweep, once, and once more for each disturbance."""
        longest_ms = MINUTE_MS + MOMENT_MS + self._disturbed_ms
        for ending in self._journal.endings:
            published = self._journal.published[ending.delivery_id, ending.status]
            times = len(published)
            most = self._plant.setting.sweepers + self._journal.disturbances
            least = 0 if ending in self._journal.reopened_early else 1
            if not least <= times <= most:
                raise Violation(
                    f"{ending.item_id}: {ending.status} must be published {least} to {most} times, got {times}"
                )
            if published and published[0] - ending.ended_ms > longest_ms:
                waited_ms = published[0] - ending.ended_ms
                raise Violation(f"{ending.item_id}: must be published within {longest_ms} ms, got {waited_ms} ms")

    def _check_letters(self) -> None:
        """Check that a letter tells of a request that failed.

        Or of one whose outbox was given up by a worker that was too late to say so.
        """
        failed = [each.item_id for each in self._journal.endings if each.status is ShownStatus.FAILED]
        for letter in self._plant.dead_letter_queue.waiting:
            was_given_up = "were refused" in str(letter.attributes.get(DEAD_LETTER_REASON_ATTRIBUTE, ""))
            if not was_given_up and letter_item_id(letter.body) not in failed:
                raise Violation(f"{letter.id}: a dead letter must not stay of a request that did not fail")
