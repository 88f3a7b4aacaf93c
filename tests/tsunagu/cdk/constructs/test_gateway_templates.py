"""Templates of the request gateway as units, in the Velocity of the emulator, against hostile texts."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from aws_cdk import aws_apigateway as apigateway
from hypothesis import example, given
from hypothesis import strategies as st

from tests.velocity import Velocity
from tsunagu.cdk.constructs.gateway_templates import NOT_FOUND, NOT_FOUND_YET, GatewayTemplates
from tsunagu.cdk.constructs.request_gateway_settings import RequestGatewaySettings
from tsunagu.contracts import requests
from tsunagu.contracts.items import NEVER, Status

REQUEST_ID = "4cd0c9b5-62a5-4b64-9c0b-7f0e7a2f5c11"
NOW = 1_795_000_000_000
CALLER = "AROAEXAMPLE:session"

_PIECES = [
    '"',
    "\\",
    "\\'",
    "'",
    "\u2028",
    "\u0000",
    "\n",
    "\r",
    "\t",
    "/",
    "\U0001f600",
    "$context.requestId",
    "$!{h}",
    "#set($id = 'x')",
    "#end",
    "#if(true)",
    "#[[",
    "##",
    "#*",
    "}}",
    '", "x": "',
    "@{table_name}",
]
hostile_texts = st.lists(st.sampled_from(_PIECES) | st.text(max_size=8)).map("".join)
header_texts = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=140)


@pytest.fixture(scope="module")
def velocity(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Velocity]:
    with Velocity(tmp_path_factory.mktemp("velocity") / "log") as running:
        yield running


def templates(*, is_event: bool = False, **settings: Any) -> GatewayTemplates:
    chosen = RequestGatewaySettings(name="reports", **settings)
    return GatewayTemplates(chosen, table_name="Table", is_event=is_event, first_look_ms=120_000)


def context(caller: str = CALLER, **more: Any) -> dict[str, Any]:
    return {
        "identity": {"caller": caller},
        "requestId": REQUEST_ID,
        "requestTimeEpoch": NOW,
        "path": "/v1/reports",
    } | more


def written(velocity: Velocity, *, body: str = "{}", chosen: GatewayTemplates | None = None, **request: Any) -> Any:
    """The update that the gateway asks DynamoDB for."""
    template = (chosen or templates()).text("write_request")
    return velocity.render(template, body=body, **({"context": context()} | request)).json()


def values(update: dict[str, Any]) -> dict[str, Any]:
    return {name.removeprefix(":"): next(iter(value.values())) for name, value in _values(update).items()}


def _values(update: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = update.get("ExpressionAttributeValues", {})
    return found


def refusal(update: dict[str, Any]) -> str | None:
    """The reason for which DynamoDB is made to refuse an update, if any."""
    expression: str = update["UpdateExpression"]
    return expression.removeprefix("SET refused = :") if expression.startswith("SET refused") else None


@given(body=hostile_texts.filter(bool))
@example(body='{"month": "2026-01", "note": "it\'s \\"a/b\\" \\\\ \\u00e9\\n"}')
def test_a_body_is_written_as_it_was_received(velocity: Velocity, body: str) -> None:
    update = written(velocity, body=body)

    assert values(update)["body"] == body
    assert values(update)["request_id"] == REQUEST_ID
    assert update["Key"] == {"id": {"S": f"reports:request#AROAEXAMPLE:{REQUEST_ID}"}}


@pytest.mark.parametrize("character", ["x", "é", "\u2028", "\U0001f600", "'", '"', "\\"])
def test_a_body_of_the_largest_size_is_written_and_a_larger_one_is_refused(velocity: Velocity, character: str) -> None:
    chosen = templates(largest_body_bytes=390_000)
    count = 390_000 // len(character.encode())
    body = character * count

    assert values(written(velocity, body=body, chosen=chosen))["body"] == body
    # Base64 counts in steps of three bytes.
    assert refusal(written(velocity, body=body + character * 3, chosen=chosen)) == "large_body"


def test_a_record_has_what_a_worker_and_the_sweeper_need(velocity: Velocity) -> None:
    update = written(velocity, body="[1]", headers={"content-TYPE": "application/json; charset=utf-8"})
    names = update["ExpressionAttributeNames"]

    assert values(update) == {
        "kind": "REQUEST",
        "request_id": REQUEST_ID,
        "caller": "AROAEXAMPLE",
        "body": "[1]",
        "content_type": "application/json; charset=utf-8",
        "trace": "",
        "now": str(NOW),
        "first_look": "120000",
        "open": "reports:request#4",
        "released": Status.RELEASED,
        "nobody": "",
        "zero": "0",
    }
    assert all(f"{name} = if_not_exists({name}, :" in update["UpdateExpression"] for name in names if name != "#due")
    assert "#due = if_not_exists(#accepted, :now) + :first_look" in update["UpdateExpression"]
    assert (
        update["ConditionExpression"] == "attribute_not_exists(id) OR (#body = :body AND #content_type = :content_type)"
    )


@given(key=header_texts, is_public=st.booleans())
@example(key='"bb72d1ec-3f4a-4d5e-9e2f-6b3f5c1c9a10"', is_public=True)
@example(key="short", is_public=True)
@example(key='"', is_public=False)
@example(key='a"}, {x', is_public=False)
def test_a_key_is_read_as_the_contract_reads_it(velocity: Velocity, key: str, *, is_public: bool) -> None:
    update = written(velocity, chosen=templates(public=is_public), headers={"idempotency-KEY": key})
    expected = requests.given_request_id(key, is_public=is_public)

    assert refusal(update) == (None if expected else "malformed_idempotency_key")
    assert values(update).get("request_id") == expected


def test_a_required_key_is_refused_when_it_is_missing(velocity: Velocity) -> None:
    chosen = templates(idempotency_key_required=True)

    assert refusal(written(velocity, chosen=chosen)) == "missing_idempotency_key"
    assert refusal(written(velocity, chosen=chosen, headers={"Idempotency-Key": "a"})) is None


@pytest.mark.parametrize("chosen_by_client", ["", "x", "4cd0c9b5", "../../a", "4cd0c9b5-62a5-4b64-9c0b-7f0e7a2f5c1:"])
def test_a_request_id_that_a_client_chose_must_be_a_uuid(velocity: Velocity, chosen_by_client: str) -> None:
    found = context(requestId=chosen_by_client)

    assert refusal(written(velocity, context=found)) == "malformed_request_id"
    # With a key it only chooses the shard, which must be one that the sweeper knows.
    update = written(velocity, context=found, headers={"Idempotency-Key": "a"})
    assert values(update)["open"].removeprefix("reports:request#") in requests.SHARDS


@given(digit=st.sampled_from("0123456789abcdefABCDEF"))
def test_the_shard_is_one_that_the_sweeper_knows(velocity: Velocity, digit: str) -> None:
    update = written(velocity, context=context(requestId=digit + REQUEST_ID[1:]))

    assert values(update)["open"] == requests.open_partition("reports", digit.lower())


def test_an_empty_body_is_refused(velocity: Velocity) -> None:
    assert refusal(written(velocity, body="")) == "missing_body"


def authorizer(kind: apigateway.AuthorizationType) -> Any:
    class Given:
        authorization_type = kind
        authorizer_id = "id"

    return Given()


def unmade(kind: type) -> Any:
    return object.__new__(kind)  # a construct needs a stack, and nothing here reads it


CALLERS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "iam": ({}, {"identity": {"caller": "AROA:s"}}),
    "cognito": (
        {"authorizer": authorizer(apigateway.AuthorizationType.COGNITO)},
        {"authorizer": {"claims": {"sub": "AROA"}}},
    ),
    "lambda": (
        {"authorizer": authorizer(apigateway.AuthorizationType.CUSTOM)},
        {"authorizer": {"principalId": "AROA"}},
    ),
    "api key": ({"usage_plan": unmade(apigateway.UsagePlan)}, {"identity": {"apiKeyId": "AROA"}}),
}


@pytest.mark.parametrize("kind", CALLERS)
def test_a_caller_is_who_the_api_authorized(velocity: Velocity, kind: str) -> None:
    settings, found = CALLERS[kind]
    named = written(velocity, chosen=templates(**settings), context=context() | found)
    nameless = written(velocity, chosen=templates(**settings), context=context() | {"identity": {}, "authorizer": {}})

    assert values(named)["caller"] == "AROA"
    assert refusal(nameless) == "unknown_caller"


def test_all_callers_of_a_public_api_are_one(velocity: Velocity) -> None:
    assert values(written(velocity, chosen=templates(public=True)))["caller"] == requests.PUBLIC_CALLER


def test_identities_of_an_identity_pool_are_callers_of_their_own(velocity: Velocity) -> None:
    identity = {"caller": "AROA:CognitoIdentityCredentials", "cognitoIdentityId": "us-east-1:1f"}

    assert values(written(velocity, context=context(identity=identity)))["caller"] == "AROA/us-east-1:1f"


@given(principal=hostile_texts.filter(bool))
def test_an_id_has_the_caller_exactly(velocity: Velocity, principal: str) -> None:
    settings, _ = CALLERS["lambda"]
    chosen, found = templates(**settings), context(authorizer={"principalId": principal})
    expected = requests.request_item_id("reports", principal, REQUEST_ID)
    read = velocity.render(chosen.text("read_request"), context=found, path={"id": REQUEST_ID}).json()

    assert written(velocity, chosen=chosen, context=found)["Key"]["id"]["S"] == expected
    assert read["Key"]["id"]["S"] == expected


@given(value=hostile_texts)
def test_kept_headers_are_written_by_their_names_in_lower_case(velocity: Velocity, value: str) -> None:
    headers = {"x-hub-SIGNATURE": value, "X-Other": "no", "X-Time": "5", "Content-Type": "application/json"}
    update = written(velocity, chosen=templates(kept_headers=["X-Hub-Signature", "X-Time"]), headers=headers)

    assert values(update)["headers"] == {"x-hub-signature": {"S": value}, "x-time": {"S": "5"}}
    assert "#headers = if_not_exists(#headers, :headers)" in update["UpdateExpression"]


@pytest.mark.parametrize(
    ("header", "kept"),
    [
        ("Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1", True),
        ("Self=1-2;Root=1-5759e988-bd862e3fe1be46a994272793;Lineage=1:a8:0|2:b", True),
        ('"}, ":x": {"S": "', False),
        ("Root=$util", False),
        ("Root=" + "1" * 600, False),
    ],
)
def test_trace_of_the_http_request_is_written_and_a_hostile_one_is_not(
    velocity: Velocity, header: str, *, kept: bool
) -> None:
    headers = {"x-amzn-TRACE-id": header}
    update = written(velocity, headers=headers)
    chosen = templates(is_event=True)
    event = velocity.render(chosen.text("invoke_function"), body="{}", context=context(), headers=headers).json()

    assert values(update)["trace"] == event["trace"] == (header if kept else "")
    assert "#trace = if_not_exists(#trace, :trace)" in update["UpdateExpression"]


@given(body=hostile_texts.filter(bool), signature=hostile_texts)
def test_an_event_has_what_a_record_would_have(velocity: Velocity, body: str, signature: str) -> None:
    chosen = templates(is_event=True, kept_headers=["X-Hub-Signature"])
    headers = {"x-hub-signature": signature, "Idempotency-Key": '"k-1"', "Content-Type": 'text/x; y="z\'"'}
    event = velocity.render(chosen.text("invoke_function"), body=body, context=context(), headers=headers).json()

    assert event == {
        "tsunagu_request": 1,
        "request_id": "k-1",
        "caller": "AROAEXAMPLE",
        "body": body,
        "content_type": 'text/x; y="z\'"',
        "headers": {"x-hub-signature": signature},
        "trace": "",
        "accepted": NOW,
    }


def test_a_refused_event_is_not_json_so_that_lambda_refuses_it(velocity: Velocity) -> None:
    rendered = velocity.render(
        templates(is_event=True).text("invoke_function"), body="{}", context=context(), headers={"Idempotency-Key": "/"}
    )

    assert rendered.text.strip() == "malformed_idempotency_key"
    with pytest.raises(json.JSONDecodeError):
        rendered.json()


SCHEMA = {
    "properties": {
        "month": {"type": "string"},
        "seconds": {"type": "integer"},
        "rate": {"type": ["number", "null"]},
        "is_draft": {"type": "boolean"},
    }
}


@given(query=st.dictionaries(st.sampled_from(["month", "seconds", "rate", "is_draft", "other"]), hostile_texts))
@example(query={"month": "12", "seconds": "12", "rate": "-1.5e3", "is_draft": "true"})
@example(query={"month": "", "seconds": "007", "rate": "NaN", "is_draft": "True"})
def test_query_parameters_make_up_a_body_of_json(velocity: Velocity, query: dict[str, str]) -> None:
    names = ["month", "seconds", "rate", "is_draft"]
    chosen = templates(is_event=True, query_parameters=names, request_model=SCHEMA)
    event = velocity.render(chosen.text("invoke_function"), context=context(), query=query).json()
    body = json.loads(event["body"])

    assert body.keys() == query.keys() & set(names)
    assert all(value == query[name] or json.loads(query[name]) == value for name, value in body.items())
    assert "month" not in body or body["month"] == query["month"]  # a text stays a text, whatever it looks like


REFERRED = {"$ref": "#/definitions/x", "definitions": {"x": SCHEMA}}


@pytest.mark.parametrize("schema", [SCHEMA, REFERRED])
def test_numbers_of_a_query_are_numbers_of_the_body(velocity: Velocity, schema: dict[str, Any]) -> None:
    chosen = templates(is_event=True, query_parameters=["month", "seconds"], request_model=schema)
    query = {"month": "12", "seconds": "12"}
    event = velocity.render(chosen.text("invoke_function"), context=context(), query=query).json()

    assert json.loads(event["body"]) == {"month": "12", "seconds": 12}


def test_an_event_is_answered_with_its_id_and_its_place(velocity: Velocity) -> None:
    rendered = velocity.render(
        templates(is_event=True).text("invoked"),
        context=context(path="/desk/reports"),
        headers={"idempotency-key": "a"},
    )

    assert rendered.response["header"] == {"Location": "/desk/requests/a"}
    assert rendered.json() == {
        "request_id": "a",
        "status": "ACCEPTED",
        "accepted_at": NOW,
        "attempts": 0,
        "links": {"self": "/desk/requests/a"},
    }


def record(**attributes: Any) -> dict[str, Any]:
    """A record as DynamoDB returns it."""
    found = {"request_id": "a", "status": Status.RELEASED, "fence": 0, "lease": 0, "accepted": NOW} | attributes
    kinds = {str: "S", int: "N", list: "L"}
    return {
        name: {next(k for t, k in kinds.items() if isinstance(value, t)): _plain(value)}
        for name, value in found.items()
        if value is not None
    }


def _plain(value: Any) -> Any:
    return [{"S": each} for each in value] if isinstance(value, list) else str(value)


def shown(velocity: Velocity, item: dict[str, Any] | None, **settings: Any) -> Any:
    answer = {} if item is None else {"Item": item}
    found = context(path="/v1/requests/a")
    return velocity.render(templates(**settings).text("shown"), body=json.dumps(answer), context=found)


_times = st.sampled_from([0, 1, 999_999_999_999, NOW - 1, NOW, NOW + 1, NOW + 60_000, 10**14, NEVER])


seen_items = st.fixed_dictionaries(
    {
        "status": st.sampled_from(list(Status)),
        "fence": st.integers(0, 12),
        "lease": _times,
        "attempts": st.none() | st.integers(0, 12),
        "reason": st.none() | st.just("") | hostile_texts,
        "cancelled": st.none() | _times,
        "told": st.none() | st.lists(st.text(max_size=3), max_size=2),
    }
)


@given(seen=seen_items)
def test_the_shown_status_is_that_of_the_contract(velocity: Velocity, seen: dict[str, Any]) -> None:
    expected = requests.shown_status(
        status=seen["status"],
        now_ms=NOW,
        fence=seen["fence"],
        lease=seen["lease"],
        attempts=seen["attempts"] or 0,
        reason=seen["reason"] or "",
        is_cancelled=seen["cancelled"] is not None,
        is_given_up=bool(seen["told"]),
    )
    rendered = shown(velocity, record(**seen))

    assert rendered.json()["status"] == expected
    ended = expected in ("SUCCEEDED", "FAILED", "CANCELLED")
    assert rendered.response["header"] == ({} if ended else {"Retry-After": "2"})


@given(reason=hostile_texts, published=hostile_texts, progress=hostile_texts)
def test_texts_of_a_record_are_shown_exactly(velocity: Velocity, reason: str, published: str, progress: str) -> None:
    item = record(status=Status.DEAD, reason=reason, published_reason=published, progress=progress, attempts=3)
    document = shown(velocity, item).json()

    assert document.get("reason", "") == requests.shown_reason(reason, published)
    assert document.get("progress", "") == progress
    assert document["attempts"] == 3


def test_a_new_request_is_shown_with_its_links(velocity: Velocity) -> None:
    assert shown(velocity, record(), cancellable=True).json() == {
        "request_id": "a",
        "status": "ACCEPTED",
        "accepted_at": NOW,
        "attempts": 0,
        "links": {"self": "/v1/requests/a", "cancel": "/v1/requests/a"},
    }


def test_only_what_was_not_started_can_be_cancelled(velocity: Velocity) -> None:
    assert "cancel" not in shown(velocity, record(fence=1), cancellable=True).json()["links"]
    assert "cancel" not in shown(velocity, record()).json()["links"]


def test_a_request_that_succeeded_is_shown_with_its_result(velocity: Velocity) -> None:
    item = record(status=Status.COMPLETED, lease=NEVER, fence=2, updated=NOW + 5, reopened=NOW + 1, reason="old")

    assert shown(velocity, item).json() == {
        "request_id": "a",
        "status": "SUCCEEDED",
        "accepted_at": NOW,
        "attempts": 0,
        "updated_at": NOW + 5,
        "reopened_at": NOW + 1,
        "links": {"self": "/v1/requests/a", "result": "/v1/requests/a/result"},
    }


def test_an_unknown_request_is_a_problem(velocity: Velocity) -> None:
    rendered = shown(velocity, None)

    assert rendered.json() == {"type": "about:blank", "title": "Not Found", "status": 404, "detail": NOT_FOUND}
    assert rendered.response["status"] == 404
    assert rendered.response["header"] == {"Content-Type": "application/problem+json"}
    event = templates(is_event=True).text("shown")
    assert velocity.render(event, body="{}", context=context()).json()["detail"] == NOT_FOUND_YET


def test_an_accepted_request_is_answered_with_its_place(velocity: Velocity) -> None:
    answer = json.dumps({"Attributes": record(status=Status.INPROGRESS, fence=1, lease=NOW + 1)})
    rendered = velocity.render(templates().text("accepted"), body=answer, context=context())

    assert rendered.response == {"header": {"Location": "/v1/requests/a"}, "status": ""}
    assert rendered.json()["status"] == "RUNNING"
    assert rendered.json()["links"] == {"self": "/v1/requests/a"}


@given(request_id=hostile_texts | st.text(st.characters(codec="ascii"), max_size=140))
@example(request_id="a" * 128)
@example(request_id="a" * 129)
@example(request_id="a/../../b")
def test_a_malformed_id_is_never_that_of_a_record(velocity: Velocity, request_id: str) -> None:
    read = velocity.render(templates().text("read_request"), context=context(), path={"id": request_id}).json()
    is_good = requests.REQUEST_ID.fullmatch(request_id) is not None

    assert read["Key"]["id"]["S"] == f"reports:request#AROAEXAMPLE:{request_id if is_good else ''}"
    assert read["ConsistentRead"] is True
    assert "#body" not in read["ProjectionExpression"]


@given(
    request_id=hostile_texts | st.from_regex(r"[A-Za-z0-9_-]{1,9}", fullmatch=True),
    principal=hostile_texts.filter(bool),
)
def test_the_place_of_a_result_is_that_of_the_contract(velocity: Velocity, request_id: str, principal: str) -> None:
    settings, _ = CALLERS["lambda"]
    found = context(authorizer={"principalId": principal})
    rendered = velocity.render(templates(**settings).text("find_result"), context=found, path={"id": request_id})
    segments = rendered.request["path"]

    assert rendered.text.strip() == ""
    if requests.REQUEST_ID.fullmatch(request_id):
        key = f"reports/{segments['caller']}/{segments['id']}/result"
        assert key == requests.result_key("reports", principal, request_id)
    else:
        assert segments == {"caller": "~", "id": "~"}


@given(name=hostile_texts.filter(bool) | st.from_regex(r"[A-Za-z0-9._-]{1,70}", fullmatch=True))
@example(name="..")
@example(name="chart.svg")
def test_the_name_of_an_attachment_never_leaves_its_result(velocity: Velocity, name: str) -> None:
    rendered = velocity.render(templates().text("find_result"), context=context(), path={"id": "a", "name": name})

    is_good = requests.ATTACHMENT_NAME.fullmatch(name) is not None
    assert rendered.request["path"]["name"] == (name if is_good else "~")


def failure(kind: str, message: str = "", **more: Any) -> str:
    return json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{kind}", "message": message} | more)


def undefined(name: str) -> str:
    return (
        "Invalid UpdateExpression: An expression attribute value used in expression is not defined; attribute value: "
        f":{name}"
    )


REFUSALS = [
    (failure("ConditionalCheckFailedException", "The conditional request failed"), 422),
    (failure("ProvisionedThroughputExceededException"), 429),
    (failure("ThrottlingException"), 429),
    (failure("RequestLimitExceeded"), 429),
    (failure("TransactionConflictException"), 503),
    (failure("ValidationException", "Item size to update has exceeded the maximum allowed size"), 413),
    (failure("ValidationException", undefined("large_body")), 413),
    (failure("ValidationException", undefined("malformed_idempotency_key")), 400),
    (failure("ValidationException", undefined("missing_idempotency_key")), 400),
    (failure("ValidationException", undefined("malformed_request_id")), 400),
    (failure("ValidationException", undefined("missing_body")), 400),
    (failure("ValidationException", undefined("unknown_caller")), 500),
    (failure("ValidationException", "something else"), 500),
    (failure("AccessDeniedException", "User is not authorized"), 500),
    (failure("ResourceNotFoundException", "Requested resource not found"), 500),
    (failure("SerializationException"), 500),
    ('{"__type": "AccessDeniedException", "Message": "size"}', 500),
    ("{}", 500),
]


@pytest.mark.parametrize(("answer", "status"), REFUSALS)
def test_every_refusal_of_dynamodb_is_the_problem_that_it_is(velocity: Velocity, answer: str, status: int) -> None:
    rendered = velocity.render(templates().text("not_accepted"), body=answer, context=context())
    problem = rendered.json()

    assert rendered.response["status"] == problem["status"] == status
    assert rendered.response["header"]["Content-Type"] == "application/problem+json"
    assert ("Retry-After" in rendered.response["header"]) is (status in (429, 503))
    assert problem.keys() == {"type", "title", "status", "detail"}
    assert "authorized" not in rendered.text


@pytest.mark.parametrize("name", ["not_shown", "not_cancelled"])
@pytest.mark.parametrize(
    ("kind", "status"),
    [("ThrottlingException", 429), ("TransactionConflictException", 503), ("AccessDeniedException", 500)],
)
def test_other_methods_answer_refusals_alike(velocity: Velocity, name: str, kind: str, status: int) -> None:
    rendered = velocity.render(templates(cancellable=True).text(name), body=failure(kind), context=context())

    assert rendered.response["status"] == rendered.json()["status"] == status


def test_what_has_been_started_is_not_cancelled_and_what_does_not_exist_is_not_found(velocity: Velocity) -> None:
    chosen = templates(cancellable=True).text("not_cancelled")
    started = failure("ConditionalCheckFailedException", Item={"id": {"S": "x"}})

    assert velocity.render(chosen, body=started, context=context()).json()["status"] == 409
    gone = failure("ConditionalCheckFailedException")
    assert velocity.render(chosen, body=gone, context=context()).json()["detail"] == NOT_FOUND


def test_a_request_is_cancelled_only_before_its_first_claim(velocity: Velocity) -> None:
    chosen = templates(cancellable=True).text("cancel_request")
    update = velocity.render(chosen, context=context(), path={"id": "a"}).json()

    assert update["Key"] == {"id": {"S": "reports:request#AROAEXAMPLE:a"}}
    assert update["ConditionExpression"] == (
        "#kind = :kind AND (attribute_exists(#cancelled) OR (#status = :released AND #fence = :zero))"
    )
    assert values(update) == {
        "now": str(NOW),
        "completed": Status.COMPLETED,
        "never": str(NEVER),
        "kind": requests.REQUEST_KIND,
        "released": Status.RELEASED,
        "zero": "0",
    }


def test_a_template_has_no_name_that_nothing_fills(velocity: Velocity) -> None:
    with pytest.raises(KeyError):
        templates().text("query_parameter")
