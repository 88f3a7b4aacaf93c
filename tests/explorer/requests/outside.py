"""Who acts outside of the library's code: clients of the gateway, and the pipe from the table's stream to the queue."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.explorer.requests.setting import CALLER, SCOPE, Post
from tsunagu.contracts.requests import message_body, request_item_id
from tsunagu.runtime.sending.publish import OutgoingMessage
from tsunagu.testing.explorer.ports import last
from tsunagu.testing.explorer.stage import Actor

if TYPE_CHECKING:
    from tests.explorer.requests.plant import RequestPlant

ASKS_AGAIN_MS = 5_000
PIPE_TRIES_AGAIN_MS = 1_000

ACCEPTED, CONFLICT, DIFFERENT, UNKNOWN = 202, 409, 422, 500
CANCELLED = 200


class Client(Actor):
    """Somebody who posts a request until the gateway answers, and may cancel it after that.

    Attributes:
        post: What is posted.
        item_id: Id of the record.
        next_ms: When it acts next.
        answer: Status of the answer to the POST; 0: none yet.
        cancellation: Status of the answer to the DELETE; 0: none yet.
    """

    plant: "RequestPlant"

    def __init__(self, plant: "RequestPlant", post: Post) -> None:
        super().__init__(post.name, plant)
        self.post = post
        self.item_id = request_item_id(SCOPE, CALLER, post.request_id)
        self.next_ms = plant.ms + post.later_ms
        self.answer = 0
        self.cancellation = 0

    @property
    def has_plans(self) -> bool:
        """Whether it posts or cancels later."""
        return not self.answer or (self.answer == ACCEPTED and self.post.cancels and not self.cancellation)

    def begin(self) -> None:
        """Post, or cancel what was accepted."""
        self.start(self._cancel if self.answer else self._post)

    def _post(self) -> None:
        plant, now_ms = self.plant, self.plant.ms  # the gateway takes its time from the arrival of the request

        def apply() -> int:
            def write() -> int:
                is_accepted, is_new = plant.store.post(self.post, now_ms)
                if is_new:
                    plant.stream.append(self.item_id)
                return ACCEPTED if is_accepted else DIFFERENT

            return plant.journal.watch(self, [self.item_id], write)

        code = self._call("posts", apply)
        if code == UNKNOWN:
            self.next_ms = plant.ms + ASKS_AGAIN_MS
            return
        self.answer = code
        plant.journal.answered(self.item_id, code, self.post.body)

    def _cancel(self) -> None:
        plant, now_ms = self.plant, self.plant.ms

        def apply() -> int:
            def write() -> int:
                return CANCELLED if plant.store.delete_request(self.item_id, now_ms) else CONFLICT

            return plant.journal.watch(self, [self.item_id], write)

        code = self._call("cancels", apply)
        if code == UNKNOWN:
            self.next_ms = plant.ms + ASKS_AGAIN_MS
            return
        self.cancellation = code

    def _call(self, call: str, apply: "Callable[[], int]") -> int:
        failures = {"unavailable": lambda: UNKNOWN, "unanswered": lambda: last(apply(), UNKNOWN)}
        return self.plant.point(self, call, apply, faults=(), failures=failures)


class Pipe(Actor):
    """Takes new records from the stream of the table, and sends their keys to the queue.

    Attributes:
        next_ms: When it tries next.
    """

    plant: "RequestPlant"

    def __init__(self, plant: "RequestPlant") -> None:
        super().__init__("pipe", plant)
        self.next_ms = plant.ms + plant.setting.pipe_starts_ms

    @property
    def has_work(self) -> bool:
        """Whether there is a record that it will deliver."""
        return self.plant.setting.has_pipe and bool(self.plant.stream)

    def begin(self) -> None:
        """Deliver the next record."""
        self.start(self._deliver)

    def _deliver(self) -> None:
        plant, item_id = self.plant, self.plant.stream[0]

        def send() -> None:
            plant.queue.put(OutgoingMessage(body=message_body(item_id)))

        def apply() -> None:
            send()
            plant.stream.pop(0)

        def delay() -> None:
            self.next_ms = plant.ms + PIPE_TRIES_AGAIN_MS

        def send_unanswered() -> None:
            send()
            delay()

        failures = {
            "unavailable": delay,
            "unanswered": send_unanswered,
            "lost for good": lambda: last(plant.stream.pop(0), None),
        }
        plant.point(self, "delivers", apply, faults=(), failures=failures)
