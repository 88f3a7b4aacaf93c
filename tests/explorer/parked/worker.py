"""A worker that parks groups."""

from typing import TYPE_CHECKING, Any

from tests.explorer.parked.journal import WINDOW_SECONDS
from tsunagu.runtime.errors import PermanentError
from tsunagu.runtime.receiving.message import Message
from tsunagu.runtime.receiving.receiver import Receiver, ReceiverConfig
from tsunagu.testing.events.places import QUEUE_ARN
from tsunagu.testing.explorer.ports import GroupPort, OutboxPort
from tsunagu.testing.explorer.sandbox import FUNCTION_TIMEOUT_SECONDS, Sandbox

if TYPE_CHECKING:
    from tests.explorer.parked.plant import ParkedPlant

NEXT_QUEUE_URL = "https://sqs/next"


class ParkingWorker(Sandbox):
    """Receives the messages of the group."""

    plant: "ParkedPlant"

    def __init__(self, name: str, plant: "ParkedPlant") -> None:
        super().__init__(name, plant, plant.queue)

    def new_receiver(self) -> Receiver[dict[str, Any]]:
        """Return the receiver of a new process."""
        setting = self.plant.setting
        config = ReceiverConfig(
            scope="parked",
            queue_arn=QUEUE_ARN,
            function_timeout_seconds=FUNCTION_TIMEOUT_SECONDS,
            max_attempts=setting.max_attempts,
            window_seconds=WINDOW_SECONDS,
            table_name="items",
        )
        ports = self.ports(
            OutboxPort(self, self.plant.send_on),
            self.plant.dead_letter_queue,
            self.plant.notifications,
            GroupPort(self, setting.reads_early),
        )
        return Receiver(config, ports, parse=lambda body: body, key=lambda body: body["key"], process=self._process)

    def _process(self, body: dict[str, Any], message: Message) -> None:
        key = body["key"]
        self.plant.journal.started(key)
        if key in self.plant.setting.poison and not self.plant.is_mended and "corrected" not in body:
            msg = "the account is closed"
            raise PermanentError(msg)
        if key in self.plant.setting.unsendable:
            message.outbox.send(NEXT_QUEUE_URL, key)
        message.put("effects", {"key": key})

    def acknowledges(self, message_id: str) -> None:
        """Check a message that is acknowledged."""
        self.plant.journal.acknowledged(message_id)
