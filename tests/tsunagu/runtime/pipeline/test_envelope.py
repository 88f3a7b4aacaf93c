"""The envelope: what it may hold, what it must not, and how it is told apart from anything else."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsunagu.runtime.claim_check import Inline, Stored
from tsunagu.runtime.errors import InvalidMessageError
from tsunagu.runtime.idempotency.keys import payload_hash
from tsunagu.runtime.pipeline.envelope import Envelope

REQUEST_ID = "0192b1c2-7e54-7b1f-8a3f-2d1c0b9a8f7e"
RUN_ID = "0192b1c2-7e54-7b1f-8a3f-2d1c0b9a8f7f"
BASE_RUN_ID = "0192b1c2-7e54-7b1f-8a3f-2d1c0b9a8f80"
KEY = f"orders/{REQUEST_ID}/{BASE_RUN_ID}/request.json"
STORED = Stored(key=KEY, version_id="v1", sha256="0" * 64, size_bytes=7)
PLAIN = Envelope(
    request_id=REQUEST_ID, run_id=RUN_ID, pipeline="orders", step="ship", hop=2, request=Inline({"order_id": "o-1"})
)

PARTS = st.sampled_from([STORED]) | st.builds(
    Inline, st.dictionaries(st.text(), st.integers() | st.text() | st.none(), max_size=4)
)
NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,31}", fullmatch=True)
ENVELOPES = st.builds(
    replace,
    st.just(PLAIN),
    step=NAMES | st.just(""),
    hop=st.integers(1, 99),
    request=PARTS,
    results=st.dictionaries(NAMES, PARTS, max_size=4),
) | st.builds(replace, st.just(PLAIN), only=NAMES, base_run_id=st.just(BASE_RUN_ID))


@given(envelope=ENVELOPES)
def test_every_envelope_is_read_as_it_was_written(envelope: Envelope) -> None:
    assert Envelope.from_json(json.loads(envelope.encode())) == envelope


@given(results=st.permutations([("b", Inline(1)), ("a", STORED), ("c", Inline([]))]))
def test_order_of_the_results_changes_nothing(results: list[tuple[str, Any]]) -> None:
    texts = {replace(PLAIN, results=dict(order)).encode() for order in (results, results[::-1])}

    assert len(texts) == 1
    assert len({payload_hash(json.loads(text)) for text in texts}) == 1


def test_next_step_is_told_the_same_run_one_hop_on() -> None:
    asked_one = replace(PLAIN, only="billing", base_run_id=BASE_RUN_ID)

    onward = asked_one.onward("pack", {"shipping": Inline(1)})

    assert onward == replace(PLAIN, step="pack", hop=3, results={"shipping": Inline(1)})


def broken(**fields: object) -> dict[str, Any]:
    return {**PLAIN.to_json(), **fields}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (None, "an envelope must have"),
        ([], "an envelope must have"),
        ({}, "an envelope must have"),
        ({"order_id": "o-1"}, "an envelope must have"),
        (broken(surprise=1), "an envelope must have"),
        ({name: value for name, value in PLAIN.to_json().items() if name != "results"}, "an envelope must have"),
        (broken(only="billing"), "both or none of"),
        (broken(base_run_id=RUN_ID), "both or none of"),
        (broken(schema_version=2), "schema_version must be 1, got '2'"),
        (broken(schema_version="1"), "schema_version must be 1"),
        (broken(hop=0), "hop must be a whole number from 1"),
        (broken(hop=True), "hop must be a whole number from 1"),
        (broken(hop="1"), "hop must be a whole number from 1"),
        (broken(request_id="../x"), "request_id must be a UUID of version 7"),
        (broken(request_id="/x"), "request_id must be a UUID of version 7"),
        (broken(request_id=7), "request_id must be a UUID of version 7"),
        (broken(request_id=REQUEST_ID.upper()), "request_id must be a UUID of version 7"),
        (broken(request_id=REQUEST_ID.replace("-7b1f", "-4b1f")), "request_id must be a UUID of version 7"),
        (broken(request_id=f"{REQUEST_ID}\n"), "request_id must be a UUID of version 7"),
        (broken(run_id=""), "run_id must be a UUID of version 7"),
        (broken(only="billing", base_run_id="../x"), "base_run_id must be a UUID of version 7"),
        (broken(only="Billing", base_run_id=RUN_ID), "only must be 1 to 32 lower-case letters"),
        (broken(pipeline=".."), "pipeline must be 1 to 32 lower-case letters"),
        (broken(step="a/b"), "step must be 1 to 32 lower-case letters"),
        (broken(step=None), "step must be 1 to 32 lower-case letters"),
        (broken(results=[]), "results must be an object, got list"),
        (broken(results={"日本": {"inline": 1}}), "service must be 1 to 32 lower-case letters"),
        (broken(results={"billing": 1}), "the result of billing must be an inline value or a claim"),
        (broken(request={}), "request must be an inline value or a claim"),
    ],
)
def test_what_is_no_envelope_is_refused_in_a_sentence(body: object, reason: str) -> None:
    with pytest.raises(InvalidMessageError) as raised:
        Envelope.from_json(body)

    assert reason in str(raised.value)


@pytest.mark.parametrize(
    "key",
    [
        KEY.replace("orders/", "returns/"),
        KEY.replace(REQUEST_ID, RUN_ID),
        f"orders/{REQUEST_ID}",
        f"orders/{REQUEST_ID}x/secret.json",
        f"orders/{REQUEST_ID}/../../secret.json",
        f"orders/{REQUEST_ID}/{RUN_ID}/reserve/../../request.json",
        "/etc/passwd",
    ],
)
@pytest.mark.parametrize("place", ["request", "results"])
def test_claim_outside_the_requests_own_prefix_is_refused(key: str, place: str) -> None:
    part = replace(STORED, key=key).to_json()

    with pytest.raises(InvalidMessageError, match="must lie under the request's own orders/"):
        Envelope.from_json(broken(**{place: part if place == "request" else {"billing": part}}))
