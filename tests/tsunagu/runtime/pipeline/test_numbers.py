"""Numbers in a pipeline: what was sent is what arrives, in each service and after each replay."""

from dataclasses import dataclass
from decimal import Decimal

import pytest

from tests.tsunagu.runtime.json_cases import REFUSED_TEXTS
from tests.tsunagu.runtime.pipeline.world import INLINE_BYTES, LARGE_ORDER, PipelineWorld
from tests.tsunagu.runtime.world import FakeContext, record
from tsunagu.runtime.json_text import JsonObject, json_text
from tsunagu.runtime.pipeline.errors import KeyTakenError, MalformedRequestError
from tsunagu.runtime.pipeline.work import Work

AMOUNT = "12345678901234567.89"
PAYLOADS = [f'{{"order_id":"o-1","amount":{AMOUNT}}}', f'{{"order_id":"o-1","note":"{"n" * 500}","amount":{AMOUNT}}}']


@dataclass
class Charge:
    amount: Decimal


@pytest.fixture
def world() -> PipelineWorld:
    return PipelineWorld()


def charge(order: JsonObject, work: Work) -> Charge:
    work.put("effects", {"service": "billing", "run_id": work.run_id, "amount": str(order["amount"])})
    return Charge(Decimal(str(order["amount"])))


def seen_digits(world: PipelineWorld) -> list[bool]:
    """Whether the last service, its results, and the notification or each object have all digits of the amount."""
    order, results = world.seen["shipping"]
    objects = [body.decode() for versions in world.objects.versions.values() for body in versions.values()]
    texts = [
        json_text(order),
        json_text(results["billing"]),
        *(objects or world.bodies("arn:aws:sns:eu-central-1:1:end")[-1:]),
    ]
    return [f'"amount":{AMOUNT}' in text for text in texts]


@pytest.mark.parametrize("payload", PAYLOADS, ids=["inline", "in an object"])
def test_direct_start_with_the_text_of_its_payload_keeps_all_digits(world: PipelineWorld, payload: str) -> None:
    world.business["billing"] = charge
    world.ask(action="start", payload_json=payload)
    world.settle()

    assert (seen_digits(world), len(world.objects.versions)) == ([True] * 3, int(len(payload) > INLINE_BYTES))
    assert [effect.get("amount") for effect in world.store.effects if effect["service"] == "billing"] == [AMOUNT]


@pytest.mark.parametrize("payload", PAYLOADS, ids=["inline", "in an object"])
def test_start_by_the_entry_queue_and_its_replays_keep_all_digits(world: PipelineWorld, payload: str) -> None:
    world.business["billing"] = charge
    body = f'{{"action":"start","idempotency_key":"k-1","payload":{payload}}}'
    world.entry().receive({"Records": [record(body)]}, FakeContext())
    world.settle()
    (notification,) = world.notifications()

    for step, only in (("reserve", None), ("reserve", "billing"), ("ship", None)):
        world.replay(notification["request_id"], step, **({} if only is None else {"only": only}))
        world.settle()

        assert seen_digits(world) == [True] * 3
    assert len(world.notifications()) == 4


def test_result_with_more_digits_than_a_float_reaches_the_next_step_through_an_object(world: PipelineWorld) -> None:
    world.business["billing"] = lambda _, __: {"amount": Decimal(AMOUNT), "note": "n" * 500}
    world.start()
    world.settle()

    assert json_text(world.seen["shipping"][1]["billing"]["amount"]) == AMOUNT
    assert len(world.objects.versions) == 2  # the result of billing, and that of shipping, which contains it


def test_start_with_other_digits_under_the_same_key_is_refused(world: PipelineWorld) -> None:
    world.ask(action="start", payload_json=PAYLOADS[0], idempotency_key="k-1")

    with pytest.raises(KeyTakenError):
        world.ask(action="start", payload_json=PAYLOADS[0].replace(".89", ".10"), idempotency_key="k-1")


def test_payload_and_its_text_are_the_same_document(world: PipelineWorld) -> None:
    first = world.start(LARGE_ORDER, idempotency_key="k-1")

    again = world.ask(action="start", payload_json=json_text(LARGE_ORDER), idempotency_key="k-1")
    assert (again["run_id"], again["status"]) == (first["run_id"], "duplicate")


@pytest.mark.parametrize("text", [text for text in REFUSED_TEXTS if isinstance(text, str)], ids=repr)
def test_payload_that_is_not_strict_json_is_refused(world: PipelineWorld, text: str) -> None:
    with pytest.raises(MalformedRequestError, match="must "):
        world.ask(action="start", payload_json=text)

    assert world.store.items == {}


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"action": "start", "payload": {}, "payload_json": "{}"}, "payload or payload_json, got both"),
        ({"action": "start", "payload_json": {}}, "payload_json must be text, got dict"),
        ({"action": "start", "payload_json": "[]"}, "payload must be a JSON object, got list"),
    ],
)
def test_text_of_a_payload_that_is_none_is_refused(
    world: PipelineWorld, document: dict[str, object], reason: str
) -> None:
    with pytest.raises(MalformedRequestError, match=reason):
        world.ask(**document)
