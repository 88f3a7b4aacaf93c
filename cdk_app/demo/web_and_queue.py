"""The flow `web-and-queue`: orders over HTTP and by a queue, at the same time, into one function."""

import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from cdk_app.demo.driver import KILL_PATIENCE_SECONDS, ConsumedQueue, drain, kill_next_working_handlers
from cdk_app.demo.errors import DemoError
from cdk_app.demo.flow import FlowReport, Outputs, Progress, outputs_of
from cdk_app.demo.logs import count_deferrals
from cdk_app.demo.payment_findings import find_dead_letters
from cdk_app.demo.signed_api import ApiAnswer, SignedApi
from cdk_app.demo.web_order_findings import SentOrder, compare_web_orders, read_orders
from cdk_app.demo.web_orders import PlannedOrder, WebShape, plan_orders
from lambdas.contracts.order_api import ORDER_CANCELLED
from tsunagu.contracts.web import TYPE_NAME
from tsunagu.local.embedded_cloud import EmbeddedCloud
from tsunagu.operations.sending import compose_message, send_messages

STACK_NAME = "tsunagu-embedded-order-api"
SHAPE = WebShape(requests=40, messages=100, invalid_share=0.03)
CALLERS = 4  # threads that send requests
WARMING = 10  # orders that start handlers before the first kill
# A request whose handler was killed is open until the lease of the handler ends. Then its caller gets an answer.
PATIENCE_SECONDS = 120.0
SEND_AGAIN_SECONDS = 0.5
# The request is open, or no handler answered: its caller sends it again, with the same key.
SENT_AGAIN = frozenset({409, 429, 500, 502, 503, 504})
PAGE_ORDERS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class WebAndQueue:
    """Sends orders both ways at once, kills handlers, and compares the table of orders with what was sent.

    Attributes:
        seed: Decides every order.
        shape: How many orders of which kind.
        kills: How often handlers are killed.
        stack_name: The stack of the orders.
        name: Key of the flow in the report.
        examples: None: requests are sent over HTTP, and signed.
    """

    seed: int = 1
    shape: WebShape = SHAPE
    kills: int = 1
    stack_name: str = STACK_NAME
    name: str = "web-and-queue"
    examples: Sequence[str] = ()

    def run(self, cloud: EmbeddedCloud, outputs: Outputs, progress: Progress) -> FlowReport:
        """Drive the flow; see `Flow`."""
        began = time.monotonic()
        stack = outputs_of(outputs, self.stack_name)
        counter = OrderCounter.for_new_user(cloud, stack)
        orders = plan_orders(self.seed, self.name, self.shape)
        progress(f"sending {len(orders)} orders over HTTP and by the queue, and killing a handler while it works")
        sent = counter.send(orders[:WARMING])
        with ThreadPoolExecutor(1) as killer:
            kill = killer.submit(counter.kill, self.kills)
            sent += counter.send(orders[WARMING:])
            killed = kill.result()
        drain(cloud, [counter.queue], progress)  # so that each order is there before it is cancelled
        sent = counter.cancel(sent)
        drain(cloud, [counter.queue], progress)
        progress("comparing the table of orders with what was sent")
        letters = find_dead_letters(cloud.client("sqs"), counter.queue.dead_letter_queue_url)
        stored = read_orders(cloud.client("dynamodb"), stack["OrderApiTableName"])
        findings = compare_web_orders(sent, stored, letters)
        return FlowReport(
            sent=sum(order.copies for order in orders),
            effects=findings.effects,
            duplicates=findings.duplicates,
            dead_lettered=len({letter.body for letter in letters}),
            lost=len(findings.lost),
            doubled=len(findings.doubled),
            killed=killed,
            deferred=count_deferrals(cloud, counter.queue.function_name),
            seconds=round(time.monotonic() - began, 1),
            refused=sum(order.flaw is not None for order in orders if order.way == "http"),
            problems=[
                *findings.problems,
                *counter.wrong_list({str(order["order_id"]) for order in stored}),
                *([] if killed else ["a handler must be killed while it works, got none"]),
            ],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCounter:
    """Where orders are sent, over HTTP and to the queue.

    Attributes:
        cloud: Where the stack is deployed.
        api: The API.
        api_function_name: Function that serves it.
        queue: The queue, with the function that consumes it.
    """

    cloud: EmbeddedCloud
    api: SignedApi
    api_function_name: str
    queue: ConsumedQueue

    @classmethod
    def for_new_user(cls, cloud: EmbeddedCloud, stack: Mapping[str, str]) -> "OrderCounter":
        """Return the deployed counter of a stack, by its outputs, for a new IAM user."""
        queue = ConsumedQueue(
            name="orders",
            queue_url=stack["OrderApiQueueUrl"],
            dead_letter_queue_url=stack["OrderApiDeadLetterQueueUrl"],
            function_name=stack["OrderApiQueueFunctionName"],
            fifo=False,
        )
        api = SignedApi.for_new_user(cloud, stack["OrderApiUrl"])
        return cls(cloud=cloud, api=api, api_function_name=stack["OrderApiFunctionName"], queue=queue)

    def send(self, orders: Sequence[PlannedOrder]) -> list[SentOrder]:
        """Send orders: messages in one thread and requests in several, at the same time, each copy by itself.

        A caller whose request is open, or whose handler died, sends it again.

        Raises:
            DemoError: The queue did not accept a message.
            OSError: No answer came.
        """
        with ThreadPoolExecutor(CALLERS + 1) as callers:
            messages = callers.submit(self._send_messages, [order for order in orders if order.way == "queue"])
            sent = list(callers.map(self._send, orders))
            messages.result()
        return sent

    def cancel(self, sent: Sequence[SentOrder]) -> list[SentOrder]:
        """Cancel what is to be cancelled, over HTTP and by the queue. Each order is there already.

        Raises:
            DemoError: The queue did not accept a message.
            OSError: No answer came.
        """
        by_queue = [each for each in sent if each.order.cancelled == "queue"]
        bodies = [(json.dumps({"order_id": each.order_id}), f"cancel {each.order.key}") for each in by_queue]
        self._send_bodies([(body, ORDER_CANCELLED, request_id) for body, request_id in bodies])
        return [self._cancel(each) if each.order.cancelled == "http" else each for each in sent]

    def kill(self, times: int) -> int:
        """Kill handlers of the queue's function while they work, and return how many were killed."""
        return sum(
            kill_next_working_handlers(self.cloud, self.queue.function_name, patience_seconds=KILL_PATIENCE_SECONDS)
            for _ in range(times)
        )

    def wrong_list(self, order_ids: set[str]) -> list[str]:
        """Read the list of the API page by page; return a sentence if it does not have each order once."""
        listed: list[str] = []
        path: str | None = f"/orders?limit={PAGE_ORDERS}"
        while path:
            page = self.api.call("GET", path).json()
            listed += [order["order_id"] for order in page["orders"]]
            cursor = page["next_cursor"]
            path = f"/orders?cursor={cursor}&limit={PAGE_ORDERS}" if cursor else None
        if len(listed) == len(order_ids) and set(listed) == order_ids:
            return []
        return [f"the list must have each of {len(order_ids)} orders once, got {len(listed)} of {len(set(listed))}"]

    def _send(self, order: PlannedOrder) -> SentOrder:
        if order.way == "queue":
            return SentOrder(order=order)
        repeated: list[int] = []
        answers = [self._post("/orders", order.body, order.key, repeated) for _ in range(order.copies)]
        return SentOrder(order=order, answers=answers, repeated=repeated)

    def _cancel(self, sent: SentOrder) -> SentOrder:
        repeated: list[int] = []
        answer = self._post(f"/orders/{sent.order_id}/cancel", "", f"cancel-{sent.order.key}", repeated)
        return replace(sent, cancelled=answer, repeated=[*sent.repeated, *repeated])

    def _post(self, path: str, body: str, key: str, repeated: list[int]) -> ApiAnswer:
        deadline = time.monotonic() + PATIENCE_SECONDS
        answer = self.api.post(path, body, key=key)
        while answer.status in SENT_AGAIN and time.monotonic() < deadline:
            repeated.append(answer.status)
            time.sleep(SEND_AGAIN_SECONDS)
            answer = self.api.post(path, body, key=key)
        return answer

    def _send_messages(self, orders: Sequence[PlannedOrder]) -> None:
        copies = [(order, number) for order in orders for number in range(order.copies)]
        self._send_bodies([(order.body, order.message_type, f"{order.key}-{number}") for order, number in copies])

    def _send_bodies(self, messages: Sequence[tuple[str, str | None, str]]) -> None:
        """Send messages, each with body, type and request id."""
        outgoing = []
        for body, message_type, request_id in messages:
            message = compose_message(body, request_id=request_id)
            typed = {} if message_type is None else {TYPE_NAME: message_type}
            outgoing.append(replace(message, attributes={**message.attributes, **typed}))
        for error in send_messages(self.cloud.client("sqs"), self.queue.queue_url, outgoing):
            if error is not None:
                msg = f"the queue of the orders must accept every message, got {error}"
                raise DemoError(msg)
