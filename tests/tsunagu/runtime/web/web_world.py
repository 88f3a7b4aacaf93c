"""Web applications and consumers with fakes: a table, a queue, and a clock that tests move."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from tests.tsunagu.runtime.world import FakeContext, World, record
from tsunagu.contracts import requests
from tsunagu.runtime.receiving.receiver import Receiver
from tsunagu.runtime.requests.outbox_sweeper import OutboxSweeper, OutboxSweeperConfig, OutboxSweeperPorts
from tsunagu.runtime.requests.sweep_run import SweepReport
from tsunagu.runtime.telemetry import Metrics
from tsunagu.runtime.web.consumers import Consumers, TypedPayload
from tsunagu.runtime.web.dispatcher import Dispatcher
from tsunagu.runtime.web.request_items import RequestConfig, RequestPorts
from tsunagu.runtime.web.sandbox_loop import SandboxLoop
from tsunagu.testing.events.http import http_api_event as http_api
from tsunagu.testing.open_requests import FakeUnsentRequests

SCOPE = "orders"
WINDOW_SECONDS = 3_600
SWEEP_MS = 50_000


class WebWorld(World):
    """Fakes, and any number of sandboxes of one function."""

    def __init__(self) -> None:
        super().__init__()
        self.type_name = "type"
        self.overrides: dict[Any, Any] = {}
        self.loop = SandboxLoop()
        self.consumers = Consumers("type", self.loop.run, lambda: self.overrides)
        self.app: Any = None
        self.base_path = "/"
        self.place = ""
        self.unsent = FakeUnsentRequests(self.store)
        self._sandbox: Dispatcher | None = None
        self._ids = 0

    def on(self, message_type: str, key: Any = "order_id", *, strict: bool = False) -> Callable[[Any], Any]:
        def register(function: Any) -> Any:
            self.consumers.add(message_type, function, key, strict=strict)
            return function

        return register

    @property
    def sandbox(self) -> Dispatcher:
        if self._sandbox is None:
            self._sandbox = Dispatcher(
                self.app,
                self._receiver if self.consumers.by_type else None,
                self._requests,
                self.loop,
                is_threaded=self.concurrency > 1 and self.consumers.are_async,
                base_path=self.base_path,
            )
        return self._sandbox

    def new_sandbox(self) -> None:
        """End the sandbox, as a kill does: the next event gets another one."""
        self.close()

    def close(self) -> None:
        if self._sandbox is not None:
            self._sandbox.close()
        self._sandbox = None

    def handle(self, event: object, *, remaining_ms: int = 10_000) -> dict[str, Any]:
        return self.sandbox.handle(event, FakeContext(remaining_ms))

    def receive_typed(self, *records: dict[str, Any]) -> list[str]:
        """Hand over a batch; return the message ids that SQS must deliver again."""
        response = self.handle({"Records": list(records)})
        return [failure["itemIdentifier"] for failure in response["batchItemFailures"]]

    def request(
        self, method: str, path: str, body: object = None, *, key: str | None = None, **named: Any
    ) -> tuple[int, Any, Mapping[str, str]]:
        """Send a request through an HTTP API; return status, body and headers."""
        headers = {**named.pop("headers", {}), **({} if key is None else {"idempotency-key": key})}
        text = None if body is None else json.dumps(body)
        answer = self.handle(http_api(method, path, body=text, headers=headers, **named))
        is_json = answer["body"] and "json" in answer["headers"].get("content-type", "")
        return answer["statusCode"], json.loads(answer["body"]) if is_json else answer["body"], answer["headers"]

    def sweep(self) -> SweepReport:
        """Run the sweeper once."""
        ports = self.ports()
        config = OutboxSweeperConfig(scope=SCOPE, place=self.place, window_seconds=WINDOW_SECONDS)
        sweeper_ports = OutboxSweeperPorts(
            unsent=self.unsent,
            store=self.store,
            outbox=self.outbox,
            metrics=Metrics("Tsunagu", "orders-sweeper", self.clock, self.metrics),
            clock=self.clock,
            new_owner=ports.new_owner,
            rng=ports.rng,
        )
        return OutboxSweeper(config, sweeper_ports).run(self.clock.ms + SWEEP_MS)

    def sweep_for(self, minutes: int) -> None:
        """Let minutes pass, with a sweep at the end of each."""
        for _ in range(minutes):
            self.clock.ms += 60_000
            self.sweep()

    def indexed(self) -> list[str]:
        """Return the ids of the items that the sweeper can find."""
        return [item_id for item_id, others in self.store.others.items() if requests.OPEN in others]

    def reasons(self) -> list[str]:
        """Return the reasons of the dead letters."""
        return [str(letter.attributes["tsunagu_dead_letter_reason"]) for letter in self.dead_letter_queue.sent]

    def bodies_sent(self) -> list[str]:
        return [message.outbox_message.body for message in self.outbox.sent]

    def _receiver(self) -> Receiver[TypedPayload]:
        consumers = self.consumers
        return Receiver(
            self.config(),
            self.ports(),
            parse=consumers.parse,
            key=consumers.key,
            process=consumers.process,
            read=consumers.read,
        )

    def _requests(self) -> tuple[RequestConfig, RequestPorts]:
        ports = self.ports()
        config = RequestConfig(scope=SCOPE, window_seconds=WINDOW_SECONDS, timeout_seconds=10, place=self.place)
        return config, RequestPorts(
            store=self.store,
            outbox=self.outbox,
            metrics=Metrics("Tsunagu", "orders", self.clock, self.metrics),
            clock=self.clock,
            new_id=self._new_id,
            new_owner=ports.new_owner,
            rng=ports.rng,
        )

    def _new_id(self) -> str:
        self._ids += 1
        return f"request-{self._ids}"


def typed(message_type: str | None, key: str = "o-1", message_id: str = "m-1", **fields: Any) -> dict[str, Any]:
    """Return a record with the type in a message attribute."""
    attributes = {} if message_type is None else {"type": message_type}
    return record({"order_id": key, **fields}, message_id, attributes=attributes)
