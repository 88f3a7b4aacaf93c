"""Executions of state machines: heartbeats, time-outs, aborts, late answers, and who may answer."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.tsunagu.local.machines import Machine, machine, wait_for_token
from tests.tsunagu.local.rest_api import allow
from tsunagu.local.embedded_cloud import EmbeddedCloud

QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {"FifoQueue": True}}
SEND = allow("sqs:SendMessage", {"Fn::GetAtt": ["Queue", "Arn"]})
LONG = 60  # seconds that no test waits


@pytest.fixture
def deployed(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], eventually: Callable[..., Any]
) -> Callable[..., Machine]:
    def create(**states: Any) -> Machine:
        resources = machine(SEND, substitutions={"Queue": {"Ref": "Queue"}}, **states)
        return Machine(cloud=cloud, ids=deploy({"Queue": QUEUE, **resources}), eventually=eventually)

    return create


def refusal(call: Callable[..., Any], **request: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**request)
    return str(refused.value.response["Error"]["Code"])


def test_task_without_a_heartbeat_in_time_fails(deployed: Callable[..., Machine]) -> None:
    made = deployed(Wait=wait_for_token(HeartbeatSeconds=1, TimeoutSeconds=LONG))

    ended = made.run()

    assert (ended["status"], ended["error"]) == ("FAILED", "States.HeartbeatTimeout")


def test_heartbeats_keep_a_task(deployed: Callable[..., Machine], eventually: Callable[..., Any]) -> None:
    made = deployed(Wait=wait_for_token(HeartbeatSeconds=1, TimeoutSeconds=LONG))
    execution, began = made.start(), time.monotonic()
    token = made.token(execution)

    def beat() -> bool:
        made.client.send_task_heartbeat(taskToken=token)
        return time.monotonic() - began > 2.5

    eventually(beat)
    made.client.send_task_success(taskToken=token, output='{"rows": 3}')

    ended = made.end(execution)
    assert (ended["status"], json.loads(ended["output"])) == ("SUCCEEDED", {"rows": 3})


@pytest.mark.parametrize(("field", "error"), [("TimeoutSeconds", "Timeout"), ("HeartbeatSeconds", "HeartbeatTimeout")])
def test_limit_of_a_task_may_be_an_expression(deployed: Callable[..., Machine], field: str, error: str) -> None:
    made = deployed(Wait=wait_for_token(**{"TimeoutSeconds": LONG, field: "{% $states.input.seconds %}"}))

    assert made.run(seconds=1)["error"] == f"States.{error}"


def test_execution_times_out_and_a_rule_hears_of_it(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    policy = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
    statement = policy | {"Resource": {"Fn::GetAtt": ["Heard", "Arn"]}}
    pattern = {"source": ["aws.states"], "detail": {"stateMachineArn": [{"Ref": "Machine"}], "status": ["TIMED_OUT"]}}
    target = {"Id": "Heard", "Arn": {"Fn::GetAtt": ["Heard", "Arn"]}}
    ids = deploy(
        {
            "Queue": QUEUE,
            "Heard": {"Type": "AWS::SQS::Queue"},
            "HeardPolicy": {
                "Type": "AWS::SQS::QueuePolicy",
                "Properties": {"Queues": [{"Ref": "Heard"}], "PolicyDocument": {"Statement": [statement]}},
            },
            **machine(
                SEND,
                substitutions={"Queue": {"Ref": "Queue"}},
                Wait=wait_for_token(Retry=[{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1}]),
                timeout_seconds=1,
            ),
            "Rule": {"Type": "AWS::Events::Rule", "Properties": {"EventPattern": pattern, "Targets": [target]}},
        }
    )
    made = Machine(cloud=cloud, ids=ids, eventually=eventually)
    execution = made.start()

    assert made.end(execution)["status"] == "TIMED_OUT"
    received = eventually(lambda: cloud.client("sqs").receive_message(QueueUrl=ids["Heard"]).get("Messages"))
    assert json.loads(received[0]["Body"])["detail"]["executionArn"] == execution


def test_aborted_execution_stays_aborted_and_tries_nothing_again(deployed: Callable[..., Machine]) -> None:
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 3, "BackoffRate": 1}]
    made = deployed(Wait=wait_for_token(TimeoutSeconds=LONG, Retry=retry))
    execution = made.start()
    token = made.token(execution)

    made.client.stop_execution(executionArn=execution, error="Operator", cause="enough")

    assert refusal(made.client.send_task_failure, taskToken=token, error="Late", cause="late") == "TaskTimedOut"
    other = made.start()
    made.client.send_task_failure(taskToken=made.token(other), error="No", cause="no")
    assert made.token(other, number=1)  # it is tried again, later than the aborted one would be
    assert len(made.messages(execution)) == 1
    described = made.client.describe_execution(executionArn=execution)
    assert (described["status"], described["error"]) == ("ABORTED", "Operator")
    history = made.client.get_execution_history(executionArn=execution)["events"]
    assert history[-1]["type"] == "ExecutionAborted"


def test_spent_token_is_told_from_an_unknown_one(deployed: Callable[..., Machine]) -> None:
    made = deployed(Wait=wait_for_token(TimeoutSeconds=LONG))
    execution = made.start()
    token = made.token(execution)
    made.client.send_task_success(taskToken=token, output="{}")
    made.end(execution)

    answers = [
        refusal(made.client.send_task_success, taskToken=token, output="{}"),
        refusal(made.client.send_task_heartbeat, taskToken=token),
        refusal(made.client.send_task_heartbeat, taskToken="nonsense"),
    ]

    assert answers == ["TaskTimedOut", "TaskTimedOut", "InvalidToken"]


def test_context_of_a_task_names_the_role(deployed: Callable[..., Machine]) -> None:
    made = deployed(Wait=wait_for_token(TimeoutSeconds=LONG, Output="{% $states.context.Execution %}"))
    execution = made.start()
    made.client.send_task_success(taskToken=made.token(execution), output="{}")

    told = json.loads(made.end(execution)["output"])

    assert told["RoleArn"].endswith(f"role/{made.ids['MachineRole']}")
    assert told["RedriveCount"] == 0


def test_succeed_state_has_an_output(deployed: Callable[..., Machine]) -> None:
    made = deployed(End={"Type": "Succeed", "Output": {"doubled": "{% $states.input.number * 2 %}"}})

    assert json.loads(made.run(number=21)["output"]) == {"doubled": 42}


def test_worker_answers_only_the_machine_that_its_policy_names(
    deployed: Callable[..., Machine], client_of: Callable[..., Any]
) -> None:
    mine, other = (deployed(Wait=wait_for_token(TimeoutSeconds=LONG)) for _ in range(2))
    worker = client_of("stepfunctions", [allow("states:SendTaskSuccess", mine.ids["Machine"])])
    execution, foreign = mine.start(), other.start()

    worker.send_task_success(taskToken=mine.token(execution), output="{}")

    assert mine.end(execution)["status"] == "SUCCEEDED"
    token = other.token(foreign)
    assert refusal(worker.send_task_success, taskToken=token, output="{}") == "AccessDeniedException"


@pytest.mark.parametrize(
    ("metric", "state"),
    [
        ("ExecutionsSucceeded", {"Type": "Succeed"}),
        ("ExecutionsFailed", {"Type": "Fail"}),
        ("ExecutionTime", {"Type": "Succeed"}),
    ],
)
def test_end_of_an_execution_raises_an_alarm_on_its_metric(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], eventually: Callable[..., Any], metric: str, state: Any
) -> None:
    alarm = {
        "Namespace": "AWS/States",
        "MetricName": metric,
        "Dimensions": [{"Name": "StateMachineArn", "Value": {"Ref": "Machine"}}],
        "Statistic": "Maximum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
    }
    ids = deploy({**machine(End=state), "Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": alarm}})

    def state_of_alarm() -> str:
        [found] = cloud.client("cloudwatch").describe_alarms(AlarmNames=[ids["Alarm"]])["MetricAlarms"]
        return str(found["StateValue"])

    eventually(lambda: state_of_alarm() == "OK")
    Machine(cloud=cloud, ids=ids, eventually=eventually).run()

    assert eventually(lambda: state_of_alarm() == "ALARM")
