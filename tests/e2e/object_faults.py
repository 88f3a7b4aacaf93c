"""Damages objects between publish and read, and sends forged messages; observes the runs."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from cdk_app.demo.orders import CURRENCY, PlannedOrder
from tests.e2e.order_desk import OrderDesk
from tsunagu.contracts.claims import request_key
from tsunagu.runtime.clock import SystemClock, new_request_id

NOTE_BYTES = 100_000  # above what travels inline
UNTOUCHED, OVERWRITTEN, DELETED, PURGED, DENIED = "untouched", "overwritten", "deleted", "purged", "denied"
DAMAGES = (UNTOUCHED, OVERWRITTEN, DELETED, PURGED, DENIED)
FOREIGN_ID = "019a1b2c-3d4e-7f60-8a1b-2c3d4e5f6071"

Envelope = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectFaults:
    """State of the runs.

    Attributes:
        shipments: Shipments of the order with each damage, before the repair.
        reasons: Reason of each run that was dead-lettered, by damage.
        after_redrive: Shipments after the repair and the redrive of the dead letters.
        forged: Reason of each forged message, by its flaw.
        objects: Keys of the bucket at the end.
    """

    shipments: Mapping[str, int]
    reasons: Mapping[str, str]
    after_redrive: Mapping[str, int]
    forged: Mapping[str, str]
    objects: frozenset[str]


def see_object_faults(desk: OrderDesk) -> ObjectFaults:
    """Damage objects of orders that wait for their shipment, let shipping work, and repair what can be repaired.

    Inventory and billing do not take part.
    """
    orders = {damage: _order(damage) for damage in DAMAGES}
    # Two attempts, not five: a denied object is retried after seconds.
    with desk.configured("shipping", MAX_ATTEMPTS="2"):
        with ExitStack() as denial, desk.stopped("shipping"):
            request_ids = _place(desk, orders)
            keys = _keys(desk, request_ids)
            _damage(desk, keys)
            denial.enter_context(_denied(desk, keys[DENIED]))
            forged = {flaw: _send(desk, forge) for flaw, forge in FORGERIES.items()}
            still_denied = denial.pop_all()
        with still_denied:
            desk.drain("shipping")
            reasons, shipments = desk.reasons("shipping"), _shipments(desk, orders)
        desk.redrive("shipping")
        desk.drain("shipping")
    return ObjectFaults(
        shipments=shipments,
        reasons={damage: reasons[each] for damage, each in request_ids.items() if each in reasons},
        after_redrive=_shipments(desk, orders),
        forged={flaw: reasons.get(request_id, "no dead letter") for flaw, request_id in forged.items()},
        objects=frozenset(_all_keys(desk)),
    )


def _order(damage: str) -> PlannedOrder:
    return PlannedOrder(order_id=f"object-{damage}", customer=f"object-{damage}", lines=[("object-article", 1)])


def _place(desk: OrderDesk, orders: Mapping[str, PlannedOrder]) -> dict[str, str]:
    """Start orders at their shipment, too large to travel inline; return their request ids."""
    commands = []
    for order in orders.values():
        payload = {"request": {**order.payload(), "note": "n" * NOTE_BYTES}, "results": _results(order)}
        commands.append({**order.start(), "payload": payload, "from_step": "ship"})
    answers = desk.preprocessor.ask_all(commands)
    return {damage: answer.request_id for damage, answer in zip(orders, answers, strict=True)}


def _results(order: PlannedOrder) -> dict[str, Any]:
    """The results that inventory and billing would have."""
    return {
        "inventory": {"reserved": dict(order.quantities)},
        "billing": {"amount": order.amount, "currency": CURRENCY},
    }


def _keys(desk: OrderDesk, request_ids: Mapping[str, str]) -> dict[str, str]:
    keys = _all_keys(desk)
    return {damage: next(key for key in keys if f"/{each}/" in key) for damage, each in request_ids.items()}


def _all_keys(desk: OrderDesk) -> list[str]:
    pages = desk.cloud.client("s3").get_paginator("list_object_versions").paginate(Bucket=_bucket(desk))
    return [version["Key"] for page in pages for version in page.get("Versions", [])]


def _damage(desk: OrderDesk, keys: Mapping[str, str]) -> None:
    s3, bucket = desk.cloud.client("s3"), _bucket(desk)
    s3.put_object(Bucket=bucket, Key=keys[OVERWRITTEN], Body=b'{"order_id": "another"}')
    s3.delete_object(Bucket=bucket, Key=keys[DELETED])
    version = s3.head_object(Bucket=bucket, Key=keys[PURGED])["VersionId"]
    s3.delete_object(Bucket=bucket, Key=keys[PURGED], VersionId=version)


@contextmanager
def _denied(desk: OrderDesk, key: str) -> Iterator[None]:
    """Deny everybody one object while the block runs."""
    s3, bucket = desk.cloud.client("s3"), _bucket(desk)
    before = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    policy = json.loads(before)
    resource = f"arn:aws:s3:::{bucket}/{key}"
    policy["Statement"].append(
        {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "s3:GetObject*", "Resource": resource}
    )
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    try:
        yield
    finally:
        s3.put_bucket_policy(Bucket=bucket, Policy=before)


def _bucket(desk: OrderDesk) -> str:
    return desk.stack["ClaimBucketName"]


def _shipments(desk: OrderDesk, orders: Mapping[str, PlannedOrder]) -> dict[str, int]:
    effects = desk.table().effects
    return {damage: effects.get((order.order_id, "SHIPMENT"), 0) for damage, order in orders.items()}


def _claim(envelope: Envelope, **changes: object) -> Envelope:
    """Return an envelope whose request lies in an object, with changes to the claim."""
    body = json.dumps(_order("forged").payload()).encode()
    key = request_key("orders", envelope["request_id"], envelope["run_id"])
    claim = {
        "key": key,
        "version_id": "",
        "sha256": hashlib.sha256(body).hexdigest(),
        "size": len(body),
        "content_type": "application/json",
    }
    return {**envelope, "request": {"claim": claim | changes}}


# Each forgery changes one thing of a valid message to shipping.
FORGERIES: Mapping[str, Callable[[Envelope], Envelope]] = {
    "another sha256": lambda envelope: _claim(envelope, sha256="0" * 64),
    "another size": lambda envelope: _claim(envelope, size=7),
    "a size above the limit": lambda envelope: _claim(envelope, size=11 * 1_048_576),
    "an object of another request": lambda envelope: _claim(envelope, key=f"orders/{FOREIGN_ID}/x.json"),
    "a key that walks out": lambda envelope: _claim(envelope, key=f"orders/{envelope['request_id']}/../../x"),
    "another step": lambda envelope: {**envelope, "step": "reserve"},
    "too many hops": lambda envelope: {**envelope, "hop": 33},
    "request_id ../x": lambda envelope: {**envelope, "request_id": "../x"},
    "no run_id": lambda envelope: {name: value for name, value in envelope.items() if name != "run_id"},
}


def _send(desk: OrderDesk, forge: Callable[[Envelope], Envelope]) -> str:
    """Send a forged message to shipping; return the request id of its dead letter."""
    run_id, request_id = (new_request_id(SystemClock().now_ms()) for _ in range(2))
    order = _order("forged").payload()
    envelope = forge(
        {
            "schema_version": 1,
            "request_id": request_id,
            "run_id": run_id,
            "pipeline": "orders",
            "step": "ship",
            "hop": 2,
            "request": {"inline": order},
            "results": {service: {"inline": result} for service, result in _results(_order("forged")).items()},
        }
    )
    _put_forged(desk, envelope, order, run_id)
    attributes = {
        "tsunagu_request_id": {"DataType": "String", "StringValue": request_id},
        "tsunagu_schema_version": {"DataType": "String", "StringValue": "1"},
    }
    desk.cloud.client("sqs").send_message(
        QueueUrl=desk.queues["shipping"].queue_url, MessageBody=json.dumps(envelope), MessageAttributes=attributes
    )
    return str(envelope["request_id"])


def _put_forged(desk: OrderDesk, envelope: Envelope, order: Mapping[str, Any], run_id: str) -> None:
    """Write the object of a forged claim, and set its version in the claim."""
    claim = envelope["request"].get("claim")
    if claim is None:
        return
    body = json.dumps(order).encode()
    key = request_key("orders", envelope["request_id"], run_id)
    answer = desk.cloud.client("s3").put_object(Bucket=_bucket(desk), Key=key, Body=body)
    claim["version_id"] = answer["VersionId"]
