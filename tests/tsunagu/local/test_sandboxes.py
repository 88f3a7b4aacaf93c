"""Handlers run as on AWS: under AWS's runtime client, a process a sandbox, killed and timed out like there."""

import json
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from tsunagu.local.embedded_cloud import EmbeddedCloud
from tsunagu.runtime.aws.sqs import SqsQueueSender
from tsunagu.runtime.sending.publish import OutgoingMessage

CONSUMER = """
import os, time
def handler(event, context):
    bodies = [record["body"] for record in event["Records"]]
    print("received", *bodies)
    if "slow" in bodies and event["Records"][0]["attributes"]["ApproximateReceiveCount"] == "1":
        time.sleep(30)
    return {"batchItemFailures": [
        {"itemIdentifier": record["messageId"]} for record in event["Records"]
        if record["body"] == "poison" and record["attributes"]["ApproximateReceiveCount"] == "1"
    ]}
"""


GROUPS = """
def handler(event, context):
    for record in event["Records"]:
        system = record["attributes"]
        print("received", system.get("MessageGroupId"), system.get("SequenceNumber"))
"""


def consumer(function: Callable[..., Any], code: str = CONSUMER, **properties: Any) -> dict[str, Any]:
    queue = {"VisibilityTimeout": 2}
    mapping = {
        "EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]},
        "FunctionName": {"Ref": "Function"},
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
    }
    return {
        **function(code, **properties),
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": queue},
        "Mapping": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": mapping},
    }


def invoke(cloud: EmbeddedCloud, name: str, event: Any = None) -> Any:
    answer = cloud.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
    return json.loads(answer["Payload"].read())


def log_of(cloud: EmbeddedCloud, name: str) -> list[str]:
    group = f"/aws/lambda/{name}"
    pages = cloud.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    return [event["message"] for page in pages for event in page["events"]]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("code", "error_type"),
    [
        ("def handler(event, context):\n    raise KeyError('amount')", "KeyError"),
        ("class Spent(Exception):\n    pass\ndef handler(event, context):\n    raise Spent('budget')", "Spent"),
        ("import no_such_module", "Runtime.ImportModuleError"),
        ("import os\ndef handler(event, context):\n    os._exit(3)", "Runtime.ExitError"),
    ],
)
def test_failure_of_a_handler_has_the_name_that_aws_gives_it(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], function: Callable[..., Any], code: str, error_type: str
) -> None:
    name = deploy(function(code))["Function"]

    assert invoke(cloud, name)["errorType"] == error_type


def test_answer_that_a_kill_cut_short_is_no_answer(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], function: Callable[..., Any]
) -> None:
    code = """
import os, signal, socket
def handler(event, context):
    host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
    with socket.create_connection((host, int(port))) as runtime_api:
        path = f"/2018-06-01/runtime/invocation/{context.aws_request_id}/response"
        head = f"POST {path} HTTP/1.1\\r\\nHost: {host}\\r\\nContent-Length: 10\\r\\n\\r\\n"
        runtime_api.sendall(head.encode() + b'"')
        os.kill(os.getpid(), signal.SIGKILL)
"""
    name = deploy(function(code))["Function"]

    assert invoke(cloud, name)["errorType"] == "Runtime.ExitError"


def test_handler_sees_the_variables_of_aws_and_its_own_and_none_of_this_machine(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], function: Callable[..., Any]
) -> None:
    code = "import os\ndef handler(event, context):\n    return dict(os.environ)"
    own = {"OWN": "1", "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:1"}
    name = deploy(function(code, Environment={"Variables": own}))["Function"]

    variables = invoke(cloud, name)

    assert variables.items() >= own.items()
    assert variables["AWS_LAMBDA_FUNCTION_NAME"] == name
    assert variables["AWS_ENDPOINT_URL"] == cloud.endpoint_url
    assert variables["AWS_SESSION_TOKEN"]
    assert not {"HOME", "PYTHONPATH", "VIRTUAL_ENV", "GATEWAY_PORT"} & variables.keys()


def test_byte_code_is_kept_for_the_next_sandbox_beside_the_code(
    deploy: Callable[..., Any], function: Callable[..., Any], cloud: EmbeddedCloud
) -> None:
    code = "import os\ndef handler(event, context):\n    return [__cached__, os.path.exists(__cached__), os.listdir()]"
    name = deploy(function(code))["Function"]

    kept, is_there, files = invoke(cloud, name)

    assert is_there
    assert "/byte-code/" in kept
    assert "__pycache__" not in files


def test_concurrent_invocations_run_in_processes_of_their_own(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], function: Callable[..., Any]
) -> None:
    code = "import os, time\ndef handler(event, context):\n    time.sleep(1)\n    return os.getpid()"
    name = deploy(function(code))["Function"]

    with ThreadPoolExecutor(3) as pool:
        pids = set(pool.map(lambda _: invoke(cloud, name), range(3)))

    assert len(pids) == 3
    assert set(cloud.handler_processes(name)) == pids
    assert cloud.handler_processes(name, busy=True) == []


def test_invocation_that_takes_too_long_fails_and_its_process_is_killed(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], function: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    code = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
def handler(event, context):
    print("pid", os.getpid(), flush=True)
    time.sleep(30)
"""
    name = deploy(function(code, Timeout=1))["Function"]

    answer = invoke(cloud, name)

    assert answer == {"errorType": "Sandbox.Timedout", "errorMessage": "Task timed out after 1.00 seconds"}
    pid = next(int(line.split()[1]) for line in log_of(cloud, name) if line.startswith("pid"))
    eventually(lambda: not is_alive(pid), seconds=20)


def test_records_that_a_batch_returns_come_again_and_the_others_do_not(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], function: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    ids = deploy(consumer(function))
    entries = [{"Id": body, "MessageBody": body} for body in ("good", "poison")]

    cloud.client("sqs").send_message_batch(QueueUrl=ids["Queue"], Entries=entries)

    eventually(lambda: " ".join(received(cloud, ids["Function"])).count("poison") == 2)
    assert " ".join(received(cloud, ids["Function"])).count("good") == 1
    eventually(lambda: is_empty(cloud, ids["Queue"]))


def test_record_of_a_fair_queue_has_its_group_and_no_sequence_number(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], function: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    ids = deploy(consumer(function, GROUPS))
    sqs = cloud.client("sqs")

    SqsQueueSender(lambda: sqs, ids["Queue"]).send([OutgoingMessage(body="b", group_id="tenant")])

    assert eventually(lambda: received(cloud, ids["Function"])) == ["received tenant None"]


def test_messages_of_a_killed_handler_come_again(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], function: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    ids = deploy(consumer(function))
    cloud.client("sqs").send_message(QueueUrl=ids["Queue"], MessageBody="slow")
    eventually(lambda: received(cloud, ids["Function"]))
    (pid,) = cloud.handler_processes(ids["Function"], busy=True)

    os.kill(pid, signal.SIGKILL)

    eventually(lambda: received(cloud, ids["Function"]) == ["received slow", "received slow"])
    eventually(lambda: is_empty(cloud, ids["Queue"]))


def test_messages_wait_while_their_mapping_is_disabled(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], function: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    ids, lambda_, sqs = deploy(consumer(function)), cloud.client("lambda"), cloud.client("sqs")
    lambda_.update_event_source_mapping(UUID=ids["Mapping"], Enabled=False)
    sqs.send_message(QueueUrl=ids["Queue"], MessageBody="waiting")
    time.sleep(2)
    waited = received(cloud, ids["Function"]) == []

    lambda_.update_event_source_mapping(UUID=ids["Mapping"], Enabled=True)

    eventually(lambda: received(cloud, ids["Function"]) == ["received waiting"])
    assert waited


def test_log_in_json_has_the_shape_of_aws(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], function: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    code = """
import logging
logging.getLogger().setLevel("INFO")
def handler(event, context):
    logging.getLogger("probe").info("message processed", extra={"amount": 3})
    return context.aws_request_id
"""
    name = deploy(function(code, LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "INFO"}))["Function"]

    request_id = invoke(cloud, name)

    events = [json.loads(line) for line in eventually(lambda: len(log_of(cloud, name)) == 3 and log_of(cloud, name))]
    start, report = (event for event in events if "type" in event)
    (line,) = (event for event in events if "level" in event)
    assert line.items() >= {"message": "message processed", "amount": 3, "requestId": request_id}.items()
    assert start["type"] == "platform.start"
    assert report["type"] == "platform.report"
    assert report["record"]["requestId"] == request_id
    assert report["record"]["status"] == "success"
    assert report["record"]["metrics"]["initDurationMs"] > report["record"]["metrics"]["durationMs"]


def received(cloud: EmbeddedCloud, name: str) -> list[str]:
    try:
        return [line for line in log_of(cloud, name) if line.startswith("received")]
    except cloud.client("logs").exceptions.ResourceNotFoundException:
        return []


def is_empty(cloud: EmbeddedCloud, url: str) -> bool:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return set(attributes.values()) == {"0"}


SNAPSHOTTED = """
import os
from snapshot_restore_py import register_after_restore, register_before_snapshot
ran = []
register_before_snapshot(lambda: ran.append("before"))
register_after_restore(lambda: ran.append("after"))
def handler(event, context):
    return [*ran, os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"], context.function_version]
"""


def snapshotted(function: Callable[..., Any], code: str) -> dict[str, Any]:
    name = {"Ref": "Function"}
    live = {"FunctionName": name, "FunctionVersion": {"Fn::GetAtt": ["Version", "Version"]}, "Name": "live"}
    return {
        **function(code, SnapStart={"ApplyOn": "PublishedVersions"}, Runtime="python3.13"),
        "Version": {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": name}},
        "Alias": {"Type": "AWS::Lambda::Alias", "Properties": live},
    }


def test_version_with_snap_start_runs_its_hooks_and_the_function_without_a_version_does_not(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], function: Callable[..., Any]
) -> None:
    ids = deploy(snapshotted(function, SNAPSHOTTED))

    assert invoke(cloud, ids["Alias"]) == ["before", "after", "snap-start", "1"]
    assert invoke(cloud, ids["Function"]) == ["on-demand", "$LATEST"]


@pytest.mark.parametrize("hook", ["register_before_snapshot", "register_after_restore"])
def test_deployment_of_a_function_fails_whose_hook_fails(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], function: Callable[..., Any], hook: str
) -> None:
    code = f"import snapshot_restore_py\nsnapshot_restore_py.{hook}(lambda: 1 / 0)\ndef handler(event, context): ..."

    stack = f"hook-{hook.replace('_', '-')}"
    with pytest.raises(WaiterError):
        deploy(snapshotted(function, code), stack=stack)

    events = cloud.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
    reasons = [each.get("ResourceStatusReason", "") for each in events]
    assert any("does not start" in each and "division by zero" in each for each in reasons)
