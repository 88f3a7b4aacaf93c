"""REST APIs that call services themselves: templates, roles, integration responses, and what goes wrong."""

import base64
import json
import urllib.parse
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.tsunagu.local.rest_api import (
    RestApi,
    RestApiTemplate,
    allow,
    aws_integration,
    responses,
    service_role,
)
from tsunagu.local.embedded_cloud import EmbeddedCloud

ESCAPED_BODY = r"""$util.escapeJavaScript($input.body).replaceAll("\\'","'")"""
PUT_ONCE = """{"TableName": "${Table}", "Key": {"id": {"S": "$input.params('id')"}},
  "UpdateExpression": "SET #b = :b, #r = :r, #k = :k",
  "ConditionExpression": "attribute_not_exists(id) OR #b = :b",
  "ExpressionAttributeNames": {"#b": "body", "#r": "request", "#k": "kind"},
  "ExpressionAttributeValues": {":b": {"S": "@BODY"}, ":r": {"S": "$context.requestId"}, ":k": {"S": @KIND}}}"""
BODY_ALONE = PUT_ONCE.replace("@BODY", ESCAPED_BODY).replace("@KIND", '"raw"')
BODY_AND_KIND = PUT_ONCE.replace("@BODY", ESCAPED_BODY).replace("@KIND", "$input.json('$.kind')")
GET = """{"TableName": "${Table}", "Key": {"id": {"S": "$input.params('id')"}}, "ConsistentRead": true}"""
QUERY = """{"TableName": "${Table}", "KeyConditionExpression": "id = :i",
  "ExpressionAttributeValues": {":i": {"S": "$input.params('id')"}}}"""
PUT = """{"TableName": "${Table}",
  "Item": {"id": {"S": "$input.params('id')"}, "place": {"S": "$stageVariables.place"}}}"""
FOUND = """#if("$!input.path('$.Item.id.S')" != "")
{"body": "$util.escapeJavaScript($input.path('$.Item.body.S')).replaceAll("\\\\'","'")"}
#else
#set($context.responseOverride.status = 404)
#set($context.responseOverride.header.Retry-After = "7")
{"missing": "$context.requestId"}
#end"""
WORDS = r"""#set($t = $input.params('text'))
{"script": "$util.base64Encode($util.escapeJavaScript($t))", "url": "$util.urlEncode($t)",
 "decoded": "$util.base64Encode($util.urlDecode($util.urlEncode($t)))",
 "groups": "$util.base64Encode($t.replaceAll('(b)', '<$1\$x>'))", "length": $t.length(),
 "parsed": $util.parseJson('{"a": [1, 2]}').a.size(),
 "names": [#foreach($n in $input.params().querystring.keySet())"$n"#if($foreach.hasNext), #end#end],
 "none": "$!input.path('$.none')", "several": $input.json('$..none')}"""
REFUSED = """#if($input.path('$.__type').contains("ConditionalCheckFailed"))
{"refused": true}
#else
#set($context.responseOverride.status = 500)
{"error": "$input.path('$.__type')"}
#end"""
WRITTEN = responses(
    ("202", "200", '{"id": "$context.requestId"}'),
    ("422", "400", REFUSED),
    ("503", None, '{"error": "other"}'),
    Location="integration.response.header.x-amzn-requestid",
    Request="context.requestId",
    Fixed="'a b'",
    Absent="context.identity.caller",
)
FORM = {"integration.request.header.Content-Type": "'application/x-www-form-urlencoded'"}
HANDLER = """
import json, time, urllib.request
def handler(event, context):
    if event.get("fail"):
        raise ValueError(event["fail"])
    time.sleep(event.get("seconds", 0))
    return {"got": event}
"""


def sub(template: str, **variables: Any) -> dict[str, Any]:
    """Fill `${Table}` and its like, and keep the variables of the template."""
    return {"Fn::Sub": [template, variables]} if variables else {"Fn::Sub": template}


def build(function: Callable[..., Any]) -> dict[str, dict[str, Any]]:
    """Describe an API with integrations of every kind, and what they call."""
    api = RestApiTemplate(Variables={"place": "kyoto"})
    problem = {"title": "$context.error.messageString", "type": "$context.error.responseType"}
    quoted = json.dumps(problem | {"at": "$context.resourcePath"})
    api.add_gateway_response("DEFAULT_5XX", quoted.replace('"$context.error.messageString"', problem["title"]))
    add_table(api)
    add_queues_and_executions(api)
    add_function(api)
    add_objects(api)
    return {**function(HANDLER), **api.resources(), **backends(), **roles()}


def add_table(api: RestApiTemplate) -> None:
    for path, body, role in (
        ("/items/{id}", BODY_ALONE, "GatewayRole"),
        ("/typed/{id}", BODY_AND_KIND, "GatewayRole"),
        ("/denied/{id}", BODY_ALONE, "EmptyRole"),
        ("/untrusted/{id}", BODY_ALONE, "OtherRole"),
    ):
        write = aws_integration("dynamodb:action/UpdateItem", WRITTEN, sub(body))
        api.add("POST", path, write | {"Credentials": {"Fn::GetAtt": [role, "Arn"]}})
    counted = '{"count": $input.path("$.Count")}'
    for method, path, action, answer, template in (
        ("GET", "/items/{id}", "GetItem", FOUND, sub(GET)),
        ("GET", "/words/{id}", "GetItem", WORDS, sub(GET)),
        ("GET", "/items/{id}/count", "Query", counted, sub(QUERY)),
        ("PUT", "/items/{id}", "PutItem", "{}", sub(PUT)),
        ("DELETE", "/items/{id}", "PutItem", "{}", sub('{"TableName": "${Table}"}')),
        ("POST", "/broken", "PutItem", "{}", "#if($x"),
    ):
        api.add(method, path, aws_integration(f"dynamodb:action/{action}", responses(("200", "200", answer)), template))


def add_queues_and_executions(api: RestApiTemplate) -> None:
    message = "Action=SendMessage&MessageBody=$util.urlEncode($input.body)"
    grouped = f"{message}&MessageGroupId=g&MessageDeduplicationId=$util.urlEncode($input.params('Idempotency-Key'))"
    sent = responses(("202", "200", '{"id": "$input.path(\'$.SendMessageResponse.SendMessageResult.MessageId\')"}'))
    for path, queue, template in (("/queue", "Queue", message), ("/fifo", "Fifo", grouped)):
        target = {"Fn::Sub": f"sqs:path/${{AWS::AccountId}}/${{{queue}.QueueName}}"}
        api.add("POST", path, aws_integration(target, sent, template, RequestParameters=FORM))
    start = '{"stateMachineArn": "${Machine}", "name": "$context.requestId", "input": "' + ESCAPED_BODY + '"}'
    started = responses(("202", "200", '{"arn": "$input.path(\'$.executionArn\')"}'))
    api.add("POST", "/execution", aws_integration("states:action/StartExecution", started, sub(start)))


def add_function(api: RestApiTemplate) -> None:
    target = {"Fn::Sub": "lambda:path/2015-03-31/functions/${Function.Arn}/invocations"}
    event = {"integration.request.header.X-Amz-Invocation-Type": "'Event'"}
    accepted = responses(("202", None, '{"accepted": true}'))
    api.add("POST", "/event", aws_integration(target, accepted, "$input.json('$')", RequestParameters=event))
    called = responses(("200", None, None), ("418", ".*teapot.*", '{"said": $input.json("$.errorMessage")}'))
    api.add("POST", "/call", aws_integration(target, called, "$input.json('$')"))
    api.add("POST", "/slow", aws_integration(target, called, "$input.json('$')", TimeoutInMillis=300))
    api.add("POST", "/raw", aws_integration(target, called, "$input.body"))


def add_objects(api: RestApiTemplate) -> None:
    content_type = "integration.response.header.Content-Type"
    answers = responses(("200", "200", None), ("404", "40[34]", '{"missing": true}'), Content_Type=content_type)
    target = {"Fn::Sub": "s3:path/${Bucket}/{key}"}
    read = {"integration.request.path.key": "method.request.path.key"}
    direct = aws_integration(target, answers, None, IntegrationHttpMethod="GET", RequestParameters=read)
    override = """#set($context.requestOverride.path.key = "of/${input.params('key')}.txt")"""
    api.add("GET", "/objects/{key}", direct)
    api.add("GET", "/mine/{key}", aws_integration(target, answers, override, IntegrationHttpMethod="GET"))


def backends() -> dict[str, dict[str, Any]]:
    machine = {"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}
    table = {
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    return {
        "Table": {"Type": "AWS::DynamoDB::Table", "Properties": table},
        "Queue": {"Type": "AWS::SQS::Queue"},
        "Fifo": {"Type": "AWS::SQS::Queue", "Properties": {"FifoQueue": True}},
        "Bucket": {"Type": "AWS::S3::Bucket"},
        "Machine": {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {"DefinitionString": json.dumps(machine), "RoleArn": {"Fn::GetAtt": ["EmptyRole", "Arn"]}},
        },
    }


def roles() -> dict[str, dict[str, Any]]:
    calls = [f"dynamodb:{action}" for action in ("UpdateItem", "PutItem", "GetItem", "Query")]
    statements = (
        allow(calls, {"Fn::GetAtt": ["Table", "Arn"]}),
        allow("sqs:SendMessage", [{"Fn::GetAtt": [name, "Arn"]} for name in ("Queue", "Fifo")]),
        allow("states:StartExecution", {"Ref": "Machine"}),
        allow("lambda:InvokeFunction", {"Fn::GetAtt": ["Function", "Arn"]}),
        allow("s3:GetObject", {"Fn::Sub": "${Bucket.Arn}/*"}),
    )
    return {
        "GatewayRole": service_role("apigateway", *statements),
        "EmptyRole": service_role("apigateway"),
        "OtherRole": service_role("pipes", *statements),
    }


@pytest.fixture(scope="module")
def stack(deploy: Callable[..., Any], function: Callable[..., Any]) -> dict[str, str]:
    ids: dict[str, str] = deploy(build(function))
    return ids


@pytest.fixture(scope="module")
def api(cloud: EmbeddedCloud, stack: dict[str, str]) -> RestApi:
    return RestApi(cloud=cloud, api_id=stack["Api"])


@pytest.fixture(scope="module")
def item(cloud: EmbeddedCloud, stack: dict[str, str]) -> Callable[[str], dict[str, Any]]:
    def read(key: str) -> dict[str, Any]:
        answer = cloud.client("dynamodb").get_item(TableName=stack["Table"], Key={"id": {"S": key}})
        return {name: value["S"] for name, value in answer.get("Item", {}).items()}

    return read


@pytest.fixture
def key() -> str:
    return uuid.uuid4().hex


def test_write_of_the_gateway_is_conditional_and_answers_by_the_status_of_the_service(
    api: RestApi, item: Callable[..., Any], key: str
) -> None:
    first = api.call("POST", f"/items/{key}", "one")
    again = api.call("POST", f"/items/{key}", "one")
    other = api.call("POST", f"/items/{key}", "two")

    assert [first.status, again.status, other.status] == [202, 202, 422]
    assert other.json() == {"refused": True}
    assert item(key)["body"] == "one"
    assert item(key)["request"] == again.json()["id"]


def test_headers_of_a_response_come_from_the_service_the_context_and_text(api: RestApi, key: str) -> None:
    answer = api.call("POST", f"/items/{key}", "x")

    assert answer.headers["request"] == answer.headers["x-amzn-requestid"] == answer.json()["id"]
    assert answer.headers["fixed"] == "a b"
    assert "absent" not in answer.headers
    assert uuid.UUID(answer.headers["location"]) != uuid.UUID(answer.headers["request"])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(min_size=1, alphabet=st.characters(exclude_categories=["Cs"])))
def test_any_text_reaches_the_table_as_it_is(api: RestApi, item: Callable[..., Any], text: str) -> None:
    key = uuid.uuid4().hex

    assert api.call("POST", f"/items/{key}", text).status == 202
    assert item(key)["body"] == text


@pytest.mark.parametrize(
    "text",
    [
        "\"'\\/\\u0041\n\t\r\x00",
        "\u2028\u2029\U0001f600é",
        "$context.requestId #set($x = 1) ${input.body} #end ## #* *#",
        "#foreach($i in [1..9])$i#end",
        "x" * 390_000,
    ],
    ids=["escapes", "separators", "velocity", "loop", "390 KB"],
)
def test_hostile_body_is_data(api: RestApi, item: Callable[..., Any], key: str, text: str) -> None:
    assert api.call("POST", f"/items/{key}", text).status == 202
    assert item(key)["body"] == text
    if len(text) < 1000:
        assert api.call("GET", f"/items/{key}").json()["body"] == text


def test_item_that_is_too_large_is_no_success(api: RestApi, item: Callable[..., Any], key: str) -> None:
    answer = api.call("POST", f"/items/{key}", "x" * 410_000)

    assert answer.status == 500
    assert "ValidationException" in answer.json()["error"]
    assert item(key) == {}


def test_response_template_overrides_status_and_headers(api: RestApi, key: str) -> None:
    missing = api.call("GET", f"/items/{key}")

    assert missing.status == 404
    assert missing.headers["retry-after"] == "7"
    assert missing.json() == {"missing": missing.headers["x-amzn-requestid"]}


def test_functions_of_a_template_answer_as_those_of_api_gateway(api: RestApi) -> None:
    text = 'ab\'s "/" \\ ~*é'

    answer = api.call("GET", f"/words/none?{urllib.parse.urlencode({'text': text, 'other': '1'})}").json()

    def decoded(name: str) -> str:
        return base64.b64decode(answer[name]).decode()

    assert decoded("script") == r"ab\'s \"\/\" \\ ~*\u00e9"
    assert answer["url"] == "ab%27s+%22%2F%22+%5C+%7E*%C3%A9"
    assert decoded("decoded") == text
    assert decoded("groups") == "a<b$x>" + text[2:]
    assert (answer["length"], answer["parsed"]) == (len(text), 2)
    assert answer["names"] == ["text", "other"]
    assert (answer["none"], answer["several"]) == ("", [])


def test_put_and_query_of_the_gateway(api: RestApi, item: Callable[..., Any], key: str) -> None:
    assert api.call("GET", f"/items/{key}/count").json() == {"count": 0}
    assert api.call("PUT", f"/items/{key}", "{}").status == 200
    assert api.call("GET", f"/items/{key}/count").json() == {"count": 1}
    assert item(key)["place"] == "kyoto"


def test_denied_write_of_the_role_has_the_status_of_a_refusal(api: RestApi, item: Callable[..., Any], key: str) -> None:
    answer = api.call("POST", f"/denied/{key}", "x")

    assert answer.status == 500
    assert "AccessDeniedException" in answer.json()["error"]
    assert item(key) == {}


def test_role_that_does_not_trust_the_gateway_is_a_configuration_error(
    api: RestApi, item: Callable[..., Any], key: str
) -> None:
    answer = api.call("POST", f"/untrusted/{key}", "x")

    assert answer.status == 500
    assert answer.json()["type"] == "API_CONFIGURATION_ERROR"
    assert item(key) == {}


def test_answer_without_an_integration_response_is_an_error(api: RestApi, key: str) -> None:
    answer = api.call("DELETE", f"/items/{key}", "{}")

    assert answer.status == 500
    assert answer.json() == {
        "title": "Internal server error",
        "type": "API_CONFIGURATION_ERROR",
        "at": "/items/{id}",
    }


def test_template_that_is_no_velocity_is_an_error(api: RestApi) -> None:
    assert api.call("POST", "/broken", "{}").json()["type"] == "API_CONFIGURATION_ERROR"


@pytest.mark.parametrize("body", ["{", "x", '{"kind": NaN}', "[" * 100_000])
def test_body_that_is_not_json_is_refused_where_the_template_reads_a_part_of_it(
    api: RestApi, item: Callable[..., Any], key: str, body: str
) -> None:
    answer = api.call("POST", f"/typed/{key}", body)

    assert answer.status == 400
    assert item(key) == {}


def test_missing_part_of_a_body_is_an_empty_text(api: RestApi, item: Callable[..., Any], key: str) -> None:
    assert api.call("POST", f"/typed/{key}", '{"other": 1}').status == 202
    assert item(key)["kind"] == ""


def test_other_content_type_is_refused(api: RestApi, key: str) -> None:
    assert api.call("POST", f"/items/{key}", "x", Content_Type="text/plain").status == 415


def test_message_goes_to_the_queue_with_its_exact_body(
    cloud: EmbeddedCloud, api: RestApi, stack: dict[str, str]
) -> None:
    body = json.dumps({"a": "w&rld=1 é+%20", "b": "~*"}, ensure_ascii=False)

    answer = api.call("POST", "/queue", body)

    (message,) = cloud.client("sqs").receive_message(QueueUrl=stack["Queue"], WaitTimeSeconds=5)["Messages"]
    assert (answer.status, message["Body"]) == (202, body)
    assert answer.json()["id"] == message["MessageId"]


def test_fifo_queue_skips_an_equal_deduplication_id(cloud: EmbeddedCloud, api: RestApi, stack: dict[str, str]) -> None:
    for body in ("1", "2"):
        assert api.call("POST", "/fifo", body, Idempotency_Key="same").status == 202

    messages = cloud.client("sqs").receive_message(QueueUrl=stack["Fifo"], MaxNumberOfMessages=10, WaitTimeSeconds=5)
    assert [message["Body"] for message in messages["Messages"]] == ["1"]


def test_execution_has_the_request_id_as_its_name_and_the_body_as_its_input(cloud: EmbeddedCloud, api: RestApi) -> None:
    body = '{"a": "it\'s \\"b\\" /c"}'

    answer = api.call("POST", "/execution", body)

    arn = answer.json()["arn"]
    assert arn.endswith(answer.headers["x-amzn-requestid"])
    assert cloud.client("stepfunctions").describe_execution(executionArn=arn)["input"] == body


def test_event_is_accepted_while_the_function_still_works(
    cloud: EmbeddedCloud, api: RestApi, stack: dict[str, str], eventually: Callable[..., Any]
) -> None:
    answer = api.call("POST", "/event", '{"seconds": 4}')

    assert (answer.status, answer.json()) == (202, {"accepted": True})
    eventually(lambda: cloud.handler_processes(stack["Function"], busy=True), seconds=4)


def test_error_of_a_function_selects_the_response_by_its_message(api: RestApi) -> None:
    succeeded = api.call("POST", "/call", '{"a": 1}')
    failed = api.call("POST", "/call", json.dumps({"fail": "I am a\nteapot"}))
    other = api.call("POST", "/call", json.dumps({"fail": "other"}))

    assert (succeeded.status, succeeded.json()) == (200, {"got": {"a": 1}})
    assert (failed.status, failed.json()) == (418, {"said": "I am a\nteapot"})
    assert (other.status, other.json()["errorType"]) == (200, "ValueError")


def test_function_that_takes_longer_than_the_integration_may_is_a_timeout(api: RestApi) -> None:
    answer = api.call("POST", "/slow", '{"seconds": 2}')

    assert answer.status == 504
    assert answer.json()["title"] == "Endpoint request timed out"


def test_event_that_is_no_json_is_refused(api: RestApi) -> None:
    assert api.call("POST", "/raw", "{").status == 400


def test_object_is_read_at_the_path_of_the_request_or_of_the_template(
    cloud: EmbeddedCloud, api: RestApi, stack: dict[str, str], key: str
) -> None:
    s3 = cloud.client("s3")
    s3.put_object(Bucket=stack["Bucket"], Key=key, Body=b"a,b", ContentType="text/csv")
    s3.put_object(Bucket=stack["Bucket"], Key=f"of/{key}.txt", Body=b"mine", ContentType="text/plain")

    direct, mapped = api.call("GET", f"/objects/{key}"), api.call("GET", f"/mine/{key}")
    missing = api.call("GET", "/objects/none")

    assert (direct.body, direct.headers["content-type"]) == (b"a,b", "text/csv")
    assert (mapped.body, mapped.headers["content-type"]) == (b"mine", "text/plain")
    assert (missing.status, missing.json()) == (404, {"missing": True})
