"""Payloads of every size and kind, from the caller to the notification."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.order_desk import OrderDesk
from tsunagu.errors import NotAcceptedError
from tsunagu.operations.preprocessor_client import StartedRun

KIB, MIB = 1_024, 1_048_576
ORDER = {"customer": "payload-customer", "lines": [{"sku": "payload-article", "quantity": 1}], "currency": "EUR"}
SIZES = {"1 KiB": KIB, "300 KiB": 300 * KIB, "5 MiB": 5 * MIB}
UNICODE = "注文 ключ \U0001f4e6 \u2028 \x7f"


def payload(name: str, **more: object) -> dict[str, Any]:
    return {"order_id": f"payload-{name.replace(' ', '-')}", **ORDER, **more}


PAYLOADS: Mapping[str, Mapping[str, Any]] = {
    **{name: payload(name, note="n" * size) for name, size in SIZES.items()},
    "unicode": payload("unicode", note=UNICODE),
    "unicode key": payload("unicode-key", **{UNICODE: 1}),
    "empty": {},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """The answers, the notifications by request id, and the reasons of inventory's dead letters."""

    started: Mapping[str, StartedRun]
    notified: Mapping[str, Mapping[str, Any]]
    reasons: Mapping[str, str]


@pytest.fixture(scope="module")
def placed(settled_desk: OrderDesk) -> Placed:
    commands = [
        {"action": "start", "payload": each, "idempotency_key": f"{name} {UNICODE}"} for name, each in PAYLOADS.items()
    ]
    answers = settled_desk.preprocessor.ask_all(commands)
    settled_desk.drain()
    return Placed(
        started=dict(zip(PAYLOADS, answers, strict=True)),
        notified={each["request_id"]: each for each in settled_desk.notifications()},
        reasons=settled_desk.reasons("inventory"),
    )


@pytest.mark.parametrize("name", [*SIZES, "unicode", "unicode key"])
def test_order_is_shipped_whatever_its_size(settled_desk: OrderDesk, placed: Placed, name: str) -> None:
    notification = placed.notified[placed.started[name].request_id]

    assert read(settled_desk, notification["request"]) == PAYLOADS[name]
    assert settled_desk.table().effects[PAYLOADS[name]["order_id"], "SHIPMENT"] == 1


@pytest.mark.parametrize(("name", "kind"), [("1 KiB", "inline"), ("300 KiB", "claim"), ("5 MiB", "claim")])
def test_large_payloads_wait_in_the_bucket_and_small_ones_travel(placed: Placed, name: str, kind: str) -> None:
    assert placed.notified[placed.started[name].request_id]["request"].keys() == {kind}


def test_what_is_no_order_is_a_dead_letter_that_names_the_field(placed: Placed) -> None:
    request_id = placed.started["empty"].request_id

    assert request_id not in placed.notified
    assert "order_id" in placed.reasons[request_id]


@pytest.mark.parametrize("given", ["text", ["a list"], None, 7])
def test_payload_that_is_no_json_object_is_refused(settled_desk: OrderDesk, given: object) -> None:
    with pytest.raises(NotAcceptedError, match="payload must be a JSON object"):
        settled_desk.preprocessor.ask({"action": "start", "payload": given})


def test_request_id_that_walks_out_is_refused(settled_desk: OrderDesk) -> None:
    with pytest.raises(NotAcceptedError, match=r"request_id must be a UUID of version 7"):
        settled_desk.preprocessor.ask({"action": "replay", "request_id": "../x", "from_step": "ship"})


def test_other_payload_under_a_key_is_refused(settled_desk: OrderDesk, placed: Placed) -> None:
    command = {"action": "start", "payload": payload("another"), "idempotency_key": f"empty {UNICODE}"}

    with pytest.raises(NotAcceptedError, match="must be used for one command"):
        settled_desk.preprocessor.ask(command)


def read(desk: OrderDesk, part: Mapping[str, Any]) -> Any:
    if "inline" in part:
        return part["inline"]
    claim = part["claim"]
    answer = desk.cloud.client("s3").get_object(
        Bucket=desk.stack["ClaimBucketName"], Key=claim["key"], VersionId=claim["version_id"]
    )
    return json.loads(answer["Body"].read())
