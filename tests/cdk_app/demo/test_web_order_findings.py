import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from cdk_app.demo.payment_findings import FoundDeadLetter
from cdk_app.demo.signed_api import ApiAnswer
from cdk_app.demo.web_order_findings import PROBLEM, REPLAYED, SentOrder, StoredOrder, compare_web_orders
from cdk_app.demo.web_orders import PlannedOrder

FIELDS: Mapping[str, Any] = {"customer": "c-1", "lines": [{"sku": "s", "quantity": 1, "price": 2}], "currency": "EUR"}


def answer(status: int, fields: Mapping[str, Any], **headers: str) -> ApiAnswer:
    return ApiAnswer(status=status, headers=headers, body=json.dumps(fields).encode(), seconds=0.1, at=1.0)


def problem(status: int) -> ApiAnswer:
    return answer(status, {}, **{"content-type": PROBLEM})


CREATED = answer(201, {"order_id": "o-1", "status": "placed", **FIELDS})
AGAIN = answer(201, {"order_id": "o-1", "status": "placed", **FIELDS}, **{REPLAYED: "true"})
REQUEST = SentOrder(
    order=PlannedOrder(name="c-1", way="http", body="{}", key="k-1", fields=FIELDS, copies=2), answers=[CREATED, AGAIN]
)
MESSAGE = SentOrder(
    order=PlannedOrder(
        name="c-2", way="queue", body='{"order_id": "o-2"}', key="o-2", fields={**FIELDS, "customer": "c-2"}
    )
)
BAD_REQUEST = SentOrder(
    order=PlannedOrder(name="c-3", way="http", body="{", key="k-3", fields={}, flaw="no JSON"), answers=[problem(400)]
)
BAD_MESSAGE = SentOrder(order=PlannedOrder(name="c-4", way="queue", body="[", key="o-4", fields={}, flaw="no JSON"))
SENT = [REQUEST, MESSAGE, BAD_REQUEST, BAD_MESSAGE]
LETTER = FoundDeadLetter(body="[", reason="no JSON", source=None)


def stored(order_id: str, customer: str, **more: Any) -> StoredOrder:
    return {**FIELDS, "order_id": order_id, "customer": customer, "confirmations": 1, "placed_at": 1, **more}


STORED = [stored("o-1", "c-1"), stored("o-2", "c-2"), stored("o-9", "of-another-load", confirmations=7)]


def test_nothing_is_wrong_when_each_order_was_confirmed_once() -> None:
    findings = compare_web_orders(SENT, STORED, [LETTER])

    assert findings.problems == []
    assert (findings.effects, findings.duplicates) == (2, 1)


@pytest.mark.parametrize(
    ("table", "problem_text"),
    [
        (STORED[:1], "c-2 must be confirmed, got 0 orders"),
        ([stored("o-1", "c-1", confirmations=0), *STORED[1:]], "c-1 must be confirmed, got 1 orders"),
        ([stored("o-1", "c-1", confirmations=2), *STORED[1:]], "c-1 must be confirmed 1 times, got 1 orders and 2"),
        ([*STORED, stored("o-8", "c-1", confirmations=0)], "c-1 must be confirmed 1 times, got 2 orders and 1"),
        ([*STORED, stored("o-8", "c-3")], "c-3 must be confirmed 0 times, got 1 orders and 1"),
        ([stored("o-1", "c-1", currency="USD"), *STORED[1:]], "c-1 must be stored with the currency"),
        ([stored("o-1", "c-1", cancelled_at=5), *STORED[1:]], "c-1 must be cancelled only if"),
    ],
)
def test_what_is_wrong_in_the_table_is_told(table: list[StoredOrder], problem_text: str) -> None:
    problems = compare_web_orders(SENT, table, [LETTER]).problems

    assert [text for text in problems if text.startswith(problem_text)]


@pytest.mark.parametrize(
    ("sent", "problem_text"),
    [
        (replace(REQUEST, answers=[CREATED, CREATED]), "c-1 must be answered anew at most once"),
        (replace(REQUEST, answers=[CREATED, problem(503)]), "c-1 must be created, got 503"),
        (
            replace(REQUEST, answers=[CREATED, answer(201, {"order_id": "o-7", **FIELDS}, **{REPLAYED: "true"})]),
            "c-1 must always have the same id",
        ),
        (
            replace(REQUEST, answers=[answer(201, {"order_id": "o-1", **FIELDS, "currency": "USD"})]),
            "c-1 must be answered as it was sent",
        ),
        (replace(REQUEST, cancelled=problem(404)), "c-1 must be cancelled, got 404"),
        (replace(BAD_REQUEST, answers=[CREATED]), "c-3 (no JSON) must be refused by 400"),
        (replace(BAD_REQUEST, answers=[answer(400, {})]), "c-3 (no JSON) must be refused by 400"),
    ],
)
def test_a_wrong_answer_is_told(sent: SentOrder, problem_text: str) -> None:
    problems = compare_web_orders([sent], STORED, [LETTER]).problems

    assert [text for text in problems if text.startswith(problem_text)]


def test_an_invalid_message_must_be_a_dead_letter_and_a_valid_one_must_be_none() -> None:
    letter = replace(LETTER, body=MESSAGE.order.body)

    assert compare_web_orders(SENT, STORED, [letter]).wrong == [
        "c-2 must be no dead letter, got one",
        "c-4 (no JSON) must be a dead letter, got none",
    ]
