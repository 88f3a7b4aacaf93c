"""Requests with an `Idempotency-Key`: writes, messages and answer are committed together, and once."""

import base64
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, HTTPException, Response
from fastapi.responses import StreamingResponse
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tsunagu.runtime.json_cases import REFUSED_TEXTS
from tests.tsunagu.runtime.web.web_world import WebWorld
from tsunagu.contracts.items import Status
from tsunagu.runtime.errors import FailedCall
from tsunagu.runtime.sending.outbox import Outbox
from tsunagu.runtime.web.answers import Answer
from tsunagu.runtime.web.current import current_outbox, current_request, idempotent_request
from tsunagu.runtime.web.requests import IdempotentRequest, MissingIdempotencyKeyError
from tsunagu.testing.events.http import http_api_event as http_api
from tsunagu.testing.events.http import rest_api_event as rest_api

QUEUE_URL = "https://sqs.eu-central-1.amazonaws.com/1/next"
ONE = {"order_id": "o-1"}
Once = Annotated[IdempotentRequest, Depends(current_request)]


class Desk(WebWorld):
    """An application that creates orders: each has an effect, a message and an answer."""

    def __init__(self) -> None:
        super().__init__()
        self.app = self.routes = app = FastAPI()
        self.fails: list[BaseException] = []
        self.condition: str | None = None

        @app.post("/orders", status_code=201)
        def create(order: dict[str, str], once: Once, outbox: Annotated[Outbox, Depends(current_outbox)]) -> Any:
            self.runs.append(order["order_id"])
            once.put("orders", order, condition=self.condition)
            outbox.send(QUEUE_URL, order["order_id"])
            if self.fails:
                raise self.fails.pop()
            return {**order, "run": len(self.runs)}

        @app.get("/orders")
        def read() -> list[str]:
            return self.runs

    def create(self, key: str | None = "k-1", body: Any = None, **named: Any) -> tuple[int, Any, Any]:
        return self.request("POST", "/orders", body or ONE, key=key, **named)


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.close()
    made.loop.close()


def test_repeated_request_gets_the_stored_answer_and_nothing_happens_again(desk: Desk) -> None:
    first, again = desk.create(), desk.create()

    assert first[:2] == again[:2] == (201, {"order_id": "o-1", "run": 1})
    assert "idempotency-replayed" not in first[2]
    assert again[2]["idempotency-replayed"] == "true"
    assert again[2]["content-type"] == "application/json"
    assert (desk.effects(), desk.bodies_sent()) == (["o-1"], ["o-1"])
    assert desk.only_item().status is Status.COMPLETED
    assert desk.counted()["DuplicatesSkipped"] == 1


def test_key_may_have_quotation_marks(desk: Desk) -> None:
    assert desk.create('"k-1"')[:2] == desk.create("k-1")[:2]


def test_another_key_is_another_request(desk: Desk) -> None:
    assert [desk.create(key)[1]["run"] for key in ("k-1", "k-2")] == [1, 2]


def test_request_without_a_key_is_refused_with_the_reason(desk: Desk) -> None:
    status, body, headers = desk.create(None)

    assert (status, headers["content-type"]) == (400, "application/problem+json")
    assert body["detail"].startswith("a request must have an Idempotency-Key to write or to send")
    assert (desk.runs, desk.store.items) == ([], {})


@pytest.mark.parametrize("key", ["", " ", "k" * 256, "a b", "café", '""'])
def test_malformed_key_is_refused(desk: Desk, key: str) -> None:
    status, body, _ = desk.create(key)

    assert (status, desk.store.items) == (400, {})
    assert "an Idempotency-Key must be 1 to 255 visible ASCII characters" in body["detail"]


@pytest.mark.parametrize("change", [{"body": {"order_id": "o-2"}}, {"query": "a=1"}])
def test_another_request_with_a_key_that_is_taken_is_refused(desk: Desk, change: dict[str, Any]) -> None:
    desk.create()

    assert desk.create(**change)[0] == 422
    assert desk.effects() == ["o-1"]


def test_key_of_one_route_and_method_is_taken_for_the_others(desk: Desk) -> None:
    @desk.routes.api_route("/{path:path}", methods=["POST", "PUT"])
    def anything(once: Once) -> str:
        return once.key

    requests = [("POST", "/a"), ("PUT", "/a"), ("POST", "/b"), ("POST", "/a")]
    assert [desk.request(*each, key="k-1")[0] for each in requests] == [200, 422, 422, 200]


@pytest.mark.parametrize("text", [each for each in REFUSED_TEXTS if isinstance(each, str)])
def test_body_that_is_no_json_is_answered_and_what_the_route_refuses_is_not_kept(desk: Desk, text: str) -> None:
    headers = {"idempotency-key": "k-1"}
    body = base64.b64encode(text.encode(errors="surrogatepass")).decode()

    answer = desk.handle({**http_api("POST", "/orders", body=body, headers=headers), "isBase64Encoded": True})

    assert 400 <= answer["statusCode"] <= 599
    assert (desk.runs, desk.effects(), desk.bodies_sent()) == ([], [], [])
    assert all(item.status is Status.RELEASED for item in desk.store.items.values())


CALLERS = [
    {"jwt": {"claims": {"iss": "https://idp", "sub": "c-1"}}},
    {"jwt": {"claims": {"iss": "https://idp", "sub": "c-2"}}},
    {"iam": {"userArn": "arn:aws:iam::1:user/u"}},
    {"lambda": {"principalId": "p"}},
    None,
]


def test_two_callers_with_one_key_have_two_requests(desk: Desk) -> None:
    answers = [desk.create(authorizer=caller)[1]["run"] for caller in CALLERS + CALLERS]

    assert answers == [1, 2, 3, 4, 5] * 2


def test_application_may_name_the_caller_itself(desk: Desk) -> None:
    def once_of(x_user: str) -> IdempotentRequest:
        return idempotent_request(x_user)

    @desk.routes.post("/own")
    def own(once: Annotated[IdempotentRequest, Depends(once_of)]) -> int:
        assert idempotent_request(once_user()) is once
        desk.runs.append(once.key)
        return len(desk.runs)

    def once_user() -> str:
        return desk.user  # type: ignore[attr-defined,no-any-return]

    answers = []
    for user in ("a", "b", "a"):
        desk.user = user  # type: ignore[attr-defined]
        answers.append(desk.request("POST", "/own", key="k-1", query=f"x_user={user}")[:2])
    assert answers == [(200, 1), (200, 2), (200, 1)]


def test_two_callers_in_one_request_are_refused(desk: Desk) -> None:
    caught: list[str] = []

    @desk.routes.post("/two")
    def two() -> None:
        idempotent_request("a")
        with pytest.raises(RuntimeError, match="must be opened for one caller, got another one"):
            idempotent_request("b")
        caught.append("b")

    desk.request("POST", "/two", key="k-1")
    assert caught == ["b"]


@pytest.mark.parametrize("status", [400, 404, 409, 422, 500, 503])
def test_answer_of_an_error_commits_nothing_and_the_key_can_be_used_again(desk: Desk, status: int) -> None:
    desk.fails.append(HTTPException(status, "no"))

    assert desk.create()[0] == status
    assert (desk.effects(), desk.bodies_sent()) == ([], [])
    assert desk.only_item().status is Status.RELEASED
    assert desk.create()[:2] == (201, {"order_id": "o-1", "run": 2})
    assert desk.effects() == ["o-1"]


def test_exception_commits_nothing_and_the_key_can_be_used_again(desk: Desk) -> None:
    desk.fails.append(ValueError("secret"))

    status, body, _ = desk.create()
    assert status == 500
    assert "secret" not in str(body)
    assert desk.effects() == []
    assert desk.create()[0] == 201


def test_error_after_the_answer_commits_nothing_and_the_answer_is_an_error(desk: Desk) -> None:
    def session() -> Iterator[None]:
        yield
        raise ValueError

    @desk.routes.post("/late", status_code=201)
    def late(once: Once, _session: Annotated[None, Depends(session)]) -> str:
        once.put("orders", ONE)
        return "created"

    assert desk.request("POST", "/late", key="k-1")[0] == 500
    assert desk.effects() == []


def test_condition_that_fails_at_the_commit_is_a_conflict(desk: Desk) -> None:
    desk.condition = "attribute_not_exists(order_id)"
    desk.create("k-1")

    status, body, _ = desk.create("k-2")
    assert (status, body["title"]) == (409, "Conflict")
    assert (desk.effects(), desk.bodies_sent()) == (["o-1"], ["o-1"])


def test_request_in_progress_is_a_conflict_until_its_lease_ends(desk: Desk) -> None:
    desk.store.plan("transact", "killed_before")
    desk.create()
    desk.new_sandbox()

    status, body, headers = desk.create()
    assert (status, headers["retry-after"]) == (409, "12")
    assert "in progress" in body["detail"]
    desk.pass_lease()
    assert desk.create()[:2] == (201, {"order_id": "o-1", "run": 2})
    assert desk.effects() == ["o-1"]


def test_kill_after_the_commit_loses_neither_answer_nor_message(desk: Desk) -> None:
    desk.store.plan("transact", "killed_after")
    desk.create()
    desk.new_sandbox()
    desk.pass_lease()

    status, body, headers = desk.create()
    assert (status, body["run"], headers["idempotency-replayed"]) == (201, 1, "true")
    assert (desk.effects(), desk.bodies_sent()) == (["o-1"], ["o-1"])
    assert desk.only_item().status is Status.COMPLETED


@pytest.mark.parametrize("faults", [("unanswered", "unanswered"), ("answer_lost",)])
def test_lost_answer_of_the_commit_changes_nothing(desk: Desk, faults: tuple[str, ...]) -> None:
    desk.store.plan("transact", *faults)

    assert desk.create()[:2] == (201, {"order_id": "o-1", "run": 1})
    assert (desk.effects(), desk.bodies_sent()) == (["o-1"], ["o-1"])


@pytest.mark.parametrize(
    ("operation", "faults"),
    [
        ("insert", ("unavailable",)),
        ("insert", ("denied",)),
        ("transact", ("unavailable",) * 2),
        ("transact", ("conflict",) * 4),
    ],
)
def test_table_that_does_not_answer_is_told_and_the_next_try_works(
    desk: Desk, operation: str, faults: tuple[str, ...]
) -> None:
    desk.store.plan(operation, *faults)

    status, body, headers = desk.create()
    assert (status, headers["retry-after"]) == (503, "1")
    assert "with the same Idempotency-Key" in body["detail"]
    assert desk.counted()["CallsFailed"] == 1
    assert desk.create()[0] == 201
    assert desk.effects() == ["o-1"]


def test_message_that_cannot_be_sent_leaves_the_answer_and_is_sent_by_the_next_request(desk: Desk) -> None:
    desk.outbox.fault = FailedCall("sqs:SendMessage", "next", "ServiceUnavailable")

    assert desk.create()[0] == 201
    assert desk.only_item().status is Status.COMMITTED
    assert desk.counted()["CallsFailed"] == 1
    desk.outbox.fault = None
    assert desk.create()[2]["idempotency-replayed"] == "true"
    assert (desk.bodies_sent(), desk.only_item().status) == (["o-1"], Status.COMPLETED)


def test_late_worker_commits_nothing(desk: Desk) -> None:
    def take_over() -> None:
        (identity,) = desk.store.items
        item = desk.store.items[identity]
        desk.store.items[identity] = replace(item, fence=item.fence + 1, owner="another")

    @desk.routes.post("/late")
    def late(once: Once) -> None:
        once.put("orders", ONE)
        take_over()

    assert desk.request("POST", "/late", key="k-1")[0] == 409
    assert (desk.effects(), desk.counted()["LeasesLost"]) == ([], 1)


def test_key_of_another_application_is_refused_loudly(desk: Desk) -> None:
    desk.place = "a"
    desk.create()
    desk.new_sandbox()
    desk.place = "b"

    assert desk.create()[0] == 500
    assert desk.counted()["KeysMixedUp"] == 1
    assert desk.runs == ["o-1"]


def test_stored_answer_of_another_form_is_not_guessed(desk: Desk) -> None:
    desk.create()
    (identity,) = desk.store.items
    item = desk.store.items[identity]
    desk.store.items[identity] = replace(item, result="{}")

    assert desk.create()[0] == 503
    assert desk.runs == ["o-1"]


def test_answer_that_is_too_large_commits_nothing(desk: Desk) -> None:
    @desk.routes.post("/large")
    def large(once: Once) -> str:
        once.put("orders", ONE)
        return "x" * 400_000

    status, body, _ = desk.request("POST", "/large", key="k-1")
    assert status == 500
    assert "must have at most 380,000 bytes together" in body["detail"]
    assert desk.effects() == []


def test_cookies_are_not_stored(desk: Desk) -> None:
    @desk.routes.post("/login")
    def login(_once: Once, response: Response) -> str:
        response.set_cookie("session", "secret-4711")
        return "in"

    event = http_api("POST", "/login", headers={"idempotency-key": "k-1"})
    assert "secret-4711" in desk.handle(event)["cookies"][0]
    assert "cookies" not in desk.handle(event) or not desk.handle(event)["cookies"]
    assert "secret-4711" not in desk.only_item().result


def test_request_is_the_same_through_a_rest_api(desk: Desk) -> None:
    event = rest_api("POST", "/orders", body='{"order_id": "o-1"}', headers={"Idempotency-Key": "k-1"})

    answers = [desk.handle(event) for _ in range(2)]
    assert answers[0]["body"] == answers[1]["body"]
    assert desk.effects() == ["o-1"]


def test_route_that_does_not_ask_costs_no_call_and_needs_no_key(desk: Desk) -> None:
    assert desk.request("GET", "/orders", key="k-1")[:2] == (200, [])
    assert desk.request("GET", "/orders")[:2] == (200, [])
    assert desk.store.calls == []


def test_stream_goes_through_unless_the_route_asks_too_late(desk: Desk) -> None:
    caught: list[BaseException] = []

    @desk.routes.get("/stream")
    def stream() -> StreamingResponse:
        def parts() -> Iterator[bytes]:
            yield b"a"
            yield b"b"
            try:
                current_request()
            except RuntimeError as error:
                caught.append(error)

        return StreamingResponse(parts(), media_type="text/plain")

    assert desk.request("GET", "/stream", key="k-1")[:2] == (200, "ab")
    assert "before its answer begins" in str(caught[0])


def test_application_may_do_without_the_outbox(desk: Desk) -> None:
    @desk.routes.post("/maybe")
    def maybe() -> str:
        try:
            current_outbox().send(QUEUE_URL, "sent")
        except MissingIdempotencyKeyError:
            return "not sent"
        return "sent"

    assert [desk.request("POST", "/maybe", key=key)[1] for key in (None, "k-1")] == ["not sent", "sent"]
    assert desk.bodies_sent() == ["sent"]


def test_application_cannot_swallow_a_repeated_request(desk: Desk) -> None:
    @desk.routes.post("/swallow")
    def swallow() -> str:
        try:
            current_request()
        except Exception:  # noqa: BLE001
            return "wrong"
        return "right"

    assert [desk.request("POST", "/swallow", key="k-1")[1] for _ in range(2)] == ["right", "right"]


def test_write_after_the_answer_is_refused(desk: Desk) -> None:
    kept: list[IdempotentRequest] = []

    @desk.routes.post("/keep")
    def keep(once: Once) -> None:
        kept.append(once)

    desk.request("POST", "/keep", key="k-1")
    with pytest.raises(RuntimeError, match="must be given before the message is completed"):
        kept[0].put("orders", ONE)


FAULTS = st.sampled_from(["", "", "unavailable", "unanswered", "answer_lost", "conflict"])


@settings(max_examples=40)
@given(
    st.fixed_dictionaries({name: st.lists(FAULTS, max_size=6) for name in ("insert", "read", "update", "transact")}),
    st.lists(st.sampled_from(["", "400", "raise"]), max_size=3),
    st.lists(st.booleans(), max_size=4),
)
def test_caller_that_repeats_until_it_has_an_answer_gets_one_effect_one_message_and_one_answer(
    faults: dict[str, list[str]], failures: list[str], broken: list[bool]
) -> None:
    desk = Desk()
    rng = random.Random(1)
    for operation, planned in faults.items():
        desk.store.plan(operation, *planned)
    for failure in failures:
        if failure:
            desk.fails.append(ValueError() if failure == "raise" else HTTPException(400))

    answers = []
    for _ in range(40):
        desk.outbox.broken = broken.pop() if broken else False
        status, body, _ = desk.create()
        if status == 201:
            answers.append(body)
        if rng.random() < 0.3:
            desk.pass_lease()
    desk.pass_lease()
    desk.create()
    desk.close()
    desk.loop.close()

    assert answers
    assert all(body == answers[0] for body in answers)
    assert (desk.effects(), set(desk.bodies_sent())) == (["o-1"], {"o-1"})
    assert desk.only_item().status is Status.COMPLETED


NAMES = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), min_size=1).map(
    lambda text: text.encode("latin-1")
)


@given(st.integers(200, 399), st.lists(st.tuples(NAMES, NAMES)), st.binary())
def test_stored_answer_is_the_answer(status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    answer = Answer(status, tuple(headers), body)

    again = Answer.decode(answer.encode())
    assert (again.status, again.body) == (status, body)
    assert again.headers[:-1] == tuple(
        pair
        for pair in headers
        if pair[0] not in {b"set-cookie", b"date", b"connection", b"keep-alive", b"transfer-encoding"}
    )
