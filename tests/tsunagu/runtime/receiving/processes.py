"""Business functions that several tests of the receiver run."""

from tsunagu.runtime.errors import PermanentError
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.receiving.message import Message

QUEUE_URL = "https://sqs/next"


def nothing(_body: JsonObject, _message: Message) -> None:
    pass


def refuse(_body: JsonObject, _message: Message) -> None:
    msg = "never"
    raise PermanentError(msg)


def fail(_body: JsonObject, _message: Message) -> None:
    raise ValueError


def send_on(_body: JsonObject, message: Message) -> None:
    message.outbox.send(QUEUE_URL, "x")


def beat(_body: JsonObject, message: Message) -> None:
    message.heartbeat(task_token="t-1")


def commit(body: JsonObject, message: Message) -> None:
    with message.transaction() as transaction:
        transaction.put("effects", {"order_id": body["order_id"]})


def collect(body: JsonObject, message: Message) -> None:
    message.put("effects", {"order_id": body["order_id"]})
