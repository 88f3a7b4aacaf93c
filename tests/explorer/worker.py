"""A worker: a sandbox that runs the payments receiver."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lambdas.payments.service import Payment
from tsunagu.runtime.receiving.receiver import Receiver, ReceiverConfig
from tsunagu.testing.events.places import QUEUE_ARN
from tsunagu.testing.explorer.ports import OutboxPort
from tsunagu.testing.explorer.queues import Stored
from tsunagu.testing.explorer.sandbox import FUNCTION_TIMEOUT_SECONDS, Sandbox

if TYPE_CHECKING:
    from tests.explorer.plant import Plant


class Worker(Sandbox):
    """Receives payments."""

    plant: "Plant"

    def __init__(self, name: str, plant: "Plant", skew_ms: int = 0) -> None:
        super().__init__(name, plant, plant.queue, skew_ms)

    def new_receiver(self) -> Receiver[Payment]:
        plant, setting = self.plant, self.plant.setting
        config = ReceiverConfig(
            scope="payments",
            queue_arn=QUEUE_ARN,
            function_timeout_seconds=FUNCTION_TIMEOUT_SECONDS,
            max_attempts=setting.max_attempts,
            window_seconds=setting.window_seconds,
            lease_seconds=setting.lease_seconds,
            concurrency=setting.concurrency,
            group_commit=setting.group_commit,
        )
        return Receiver(
            config,
            self.ports(OutboxPort(self, plant.send_on), plant.dead_letter_queue, plant.notifications),
            parse=Payment.from_json,
            key=lambda payment: payment.payment_id,
            process=setting.process(self),
        )

    def acknowledges(self, message_id: str) -> None:
        self.plant.journal.acknowledged(message_id)

    def gives_back(self, messages: Sequence[Stored]) -> None:
        self.plant.journal.answered([message for message in messages if message.group is not None])
