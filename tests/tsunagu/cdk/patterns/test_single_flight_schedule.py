import json
from typing import Any

import pytest
from aws_cdk import Duration, Stack, TimeZone
from aws_cdk import aws_kms as kms
from aws_cdk import aws_scheduler as scheduler

from tests.tsunagu.cdk.constructs.synthesized import properties, resources
from tsunagu.cdk.assets import HandlerPackage
from tsunagu.cdk.constructs.idempotency_table import IdempotencyTable
from tsunagu.cdk.patterns.single_flight_props import SingleFlightScheduleProps
from tsunagu.cdk.patterns.single_flight_schedule import SingleFlightSchedule
from tsunagu.contracts.environment import ReceiverEnvironment
from tsunagu.contracts.schedules import ScheduledJobEnvironment, job_item_id
from tsunagu.errors import InvalidPropsError

ALARM, FILTER, MACHINE, POLICY, QUEUE, ROLE, SCHEDULE = (
    "AWS::CloudWatch::Alarm",
    "AWS::Logs::MetricFilter",
    "AWS::StepFunctions::StateMachine",
    "AWS::IAM::Policy",
    "AWS::SQS::Queue",
    "AWS::IAM::Role",
    "AWS::Scheduler::Schedule",
)
TIMEOUT = Duration.seconds(300)
ONLY_JOB = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [job_item_id("sync")]}}


def props(package: HandlerPackage, **settings: Any) -> SingleFlightScheduleProps:
    rate = scheduler.ScheduleExpression.rate(Duration.minutes(1))
    defaults = {"package": package, "job": "sync", "schedule": rate, "handler_timeout": TIMEOUT}
    return SingleFlightScheduleProps(**{**defaults, **settings})


def schedule(stack: Stack, package: HandlerPackage, **settings: Any) -> SingleFlightSchedule:
    return SingleFlightSchedule(stack, "Sync", props(package, **settings))


def named(stack: Stack, resource_type: str, path: str) -> dict[str, Any]:
    """Properties of the resource with this path below `Sync`."""
    [found] = [each for name, each in resources(stack, resource_type).items() if name[:-8] == f"Sync{path}"]
    return dict(found["Properties"])


def definition(stack: Stack, path: str = "MachineMachine") -> dict[str, Any]:
    name = next(name for name in resources(stack, MACHINE) if name[:-8] == f"Sync{path.removesuffix('Machine')}")
    read: dict[str, Any] = json.loads(resources(stack, MACHINE)[name]["Properties"]["DefinitionString"])
    return read


def allowed(stack: Stack, role: str) -> set[tuple[str, str]]:
    """What the grants of a role allow: action, and the logical id of the resource without its hash."""
    pairs = set()
    for statement in named(stack, POLICY, f"{role}DefaultPolicy")["PolicyDocument"]["Statement"]:
        actions, targets = (_listed(statement[name]) for name in ("Action", "Resource"))
        pairs |= {(action, _name(target)) for action in actions for target in targets}
    return pairs


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _name(target: Any) -> str:
    match target:
        case {"Fn::GetAtt": [name, _]} | {"Ref": name}:
            return str(name)[:-8]
    return str(target)


def test_machine_may_do_what_its_states_do(stack: Stack, package: HandlerPackage) -> None:
    schedule(stack, package)

    assert allowed(stack, "MachineRole") == {
        ("dynamodb:GetItem", "SyncIdempotencyTable"),
        ("dynamodb:UpdateItem", "SyncIdempotencyTable"),
        ("sqs:SendMessage", "SyncChannelQueue"),
        ("sns:Publish", "SyncDeadLetterNotifierTopic"),
        ("kms:Decrypt", "SyncDeadLetterNotifierTopicKey"),
        ("kms:GenerateDataKey", "SyncDeadLetterNotifierTopicKey"),
    }


def test_release_machine_rule_and_schedule_may_do_one_thing_each(stack: Stack, package: HandlerPackage) -> None:
    schedule(stack, package)

    assert allowed(stack, "ReleaseMachineRole") == {("dynamodb:UpdateItem", "SyncIdempotencyTable")}
    assert allowed(stack, "RuleRole") == {("states:StartExecution", "SyncReleaseMachine")}
    assert allowed(stack, "ScheduleRole") == {
        ("states:StartExecution", "SyncMachine"),
        ("sqs:SendMessage", "SyncUndelivered"),
    }


def test_worker_may_answer_its_machine_check_its_lease_and_send_the_next_slice(
    stack: Stack, package: HandlerPackage
) -> None:
    schedule(stack, package)

    assert allowed(stack, "ReceiverHandlerRole") >= {
        ("states:SendTaskFailure", "SyncMachine"),
        ("states:SendTaskHeartbeat", "SyncMachine"),
        ("states:SendTaskSuccess", "SyncMachine"),
        ("dynamodb:ConditionCheckItem", "SyncIdempotencyTable"),
        ("dynamodb:GetItem", "SyncIdempotencyTable"),
        ("sqs:SendMessage", "SyncChannelQueue"),
    }


@pytest.mark.parametrize("role", ["MachineRole", "ReleaseMachineRole"])
def test_machines_may_use_the_item_of_their_job_alone(stack: Stack, package: HandlerPackage, role: str) -> None:
    schedule(stack, package)

    statements = named(stack, POLICY, f"{role}DefaultPolicy")["PolicyDocument"]["Statement"]
    about_items = [each for each in statements if "dynamodb:UpdateItem" in _listed(each["Action"])]

    assert [each["Condition"] for each in about_items] == [ONLY_JOB]


def test_roles_of_services_act_for_this_account_alone(stack: Stack, package: HandlerPackage) -> None:
    schedule(stack, package)

    for role in ("MachineRole", "ReleaseMachineRole", "RuleRole", "ScheduleRole"):
        [trust] = named(stack, ROLE, role)["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_schedule_starts_the_machine_with_the_scheduled_time(stack: Stack, package: HandlerPackage) -> None:
    schedule(stack, package, tick_retries=2, tick_age=Duration.minutes(10))

    found = properties(stack, SCHEDULE)
    assert found["ScheduleExpression"] == "rate(1 minute)"
    assert found["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert found["State"] == "ENABLED"
    target = found["Target"]
    assert json.loads(target["Input"]) == {"slot": "<aws.scheduler.scheduled-time>"}
    assert target["RetryPolicy"] == {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 600}
    assert _name(target["DeadLetterConfig"]["Arn"]) == "SyncUndelivered"


def test_cron_has_a_time_zone_and_a_schedule_can_be_off(stack: Stack, package: HandlerPackage) -> None:
    nightly = scheduler.ScheduleExpression.cron(hour="3", minute="0", time_zone=TimeZone.ASIA_TOKYO)
    schedule(stack, package, schedule=nightly, enabled=False)

    found = properties(stack, SCHEDULE)
    assert found["ScheduleExpression"] == "cron(0 3 * * ? *)"
    assert found["ScheduleExpressionTimezone"] == "Asia/Tokyo"
    assert found["State"] == "DISABLED"


@pytest.mark.parametrize("path", ["Machine", "ReleaseMachine"])
def test_machines_are_logged_and_traced_without_data(stack: Stack, package: HandlerPackage, path: str) -> None:
    schedule(stack, package)

    found = named(stack, MACHINE, path)
    assert found["TracingConfiguration"] == {"Enabled": True}
    logging = found["LoggingConfiguration"]
    assert (logging["Level"], logging["IncludeExecutionData"]) == ("ALL", False)
    assert len(logging["Destinations"]) == 1


@pytest.mark.parametrize("timeout", [5, 60, 300, 900])
def test_limits_fit_each_other(stack: Stack, package: HandlerPackage, timeout: int) -> None:
    settings = props(package, handler_timeout=Duration.seconds(timeout))
    made = SingleFlightSchedule(stack, "Sync", settings)

    limits = settings.limits
    visibility = made.channel.props.visibility_timeout.to_seconds()
    machine = definition(stack)
    send = machine["States"]["Send"]
    assert visibility + settings.worker_lease.to_seconds() < send["HeartbeatSeconds"] < send["TimeoutSeconds"]
    assert send["TimeoutSeconds"] < machine["TimeoutSeconds"] < limits.lease_seconds
    assert int(made.outputs["LongestBlock"]) == limits.lease_seconds
    assert f"$millis() + {limits.lease_seconds * 1_000}" in json.dumps(machine["States"]["Take"])


def test_tries_of_the_calls_fit_the_slack_of_the_machine(stack: Stack, package: HandlerPackage) -> None:
    schedule(stack, package)
    machine = definition(stack)

    longest = {name: _longest_seconds(state) for name, state in machine["States"].items() if name != "Send"}

    assert sum(longest.values()) < machine["TimeoutSeconds"] - machine["States"]["Send"]["TimeoutSeconds"]
    release = definition(stack, "ReleaseMachineMachine")
    assert _longest_seconds(release["States"]["Release"]) < release["TimeoutSeconds"]


def _longest_seconds(state: dict[str, Any]) -> float:
    """Longest time of a task with all its tries and pauses."""
    if state["Type"] != "Task":
        return 0
    retry = state["Retry"][-1]
    pauses = sum(retry["IntervalSeconds"] * retry["BackoffRate"] ** number for number in range(retry["MaxAttempts"]))
    return float(state["TimeoutSeconds"] * (retry["MaxAttempts"] + 1) + pauses)


def test_worker_is_told_its_job_and_its_lease(stack: Stack, package: HandlerPackage) -> None:
    schedule(stack, package, lease=Duration.seconds(20))

    variables = named(stack, "AWS::Lambda::Function", "ReceiverHandlerFunction")["Environment"]["Variables"]
    assert variables[ScheduledJobEnvironment.variable_name("job")] == "sync"
    assert variables[ReceiverEnvironment.variable_name("lease_seconds")] == "20"
    assert named(stack, "AWS::Lambda::EventSourceMapping", "ReceiverMapping")["BatchSize"] == 1
    assert named(stack, QUEUE, "ChannelQueue")["FifoQueue"] is True


def test_end_of_an_execution_without_a_release_starts_the_release_machine(
    stack: Stack, package: HandlerPackage
) -> None:
    schedule(stack, package)

    rule = properties(stack, "AWS::Events::Rule")
    assert rule["EventPattern"]["detail"]["status"] == ["ABORTED", "FAILED", "TIMED_OUT"]
    assert [_name(arn) for arn in rule["EventPattern"]["detail"]["stateMachineArn"]] == ["SyncMachine"]
    [target] = rule["Targets"]
    assert _name(target["Arn"]) == "SyncReleaseMachine"
    assert _name(target["DeadLetterConfig"]["Arn"]) == "SyncUndelivered"
    assert target["InputTransformer"] == {
        "InputPathsMap": {"detail-executionArn": "$.detail.executionArn"},
        "InputTemplate": '{"execution":<detail-executionArn>}',
    }


def test_each_alarm_of_the_job_reaches_the_topic(stack: Stack, package: HandlerPackage) -> None:
    schedule(stack, package)

    alarms = {name[:-8]: each["Properties"] for name, each in resources(stack, ALARM).items()}
    own = {name.removeprefix("SyncAlarms"): each for name, each in alarms.items() if name.startswith("SyncAlarms")}
    assert own.keys() == {
        "RunFailed",
        "RunTimedOut",
        "RunAborted",
        "RunTooLong",
        "LeaseNotReleased",
        "NotStarted",
        "NoSuccess",
    }
    for alarm in own.values():
        assert [_name(action) for action in alarm["AlarmActions"]] == ["SyncDeadLetterNotifierTopic"]


@pytest.mark.parametrize(
    ("after", "period", "periods"),
    [
        (Duration.minutes(30), 300, 6),
        (Duration.minutes(7), 60, 7),
        (Duration.days(1), 300, 288),
        (Duration.days(3), 3600, 72),
    ],
)
def test_no_success_within_the_stated_time_is_an_alarm(
    stack: Stack, package: HandlerPackage, after: Duration, period: int, periods: int
) -> None:
    schedule(stack, package, success_alarm_after=after)

    alarm = named(stack, ALARM, "AlarmsNoSuccess")
    assert (alarm["Period"], alarm["EvaluationPeriods"]) == (period, periods)
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
    assert (alarm["TreatMissingData"], alarm["MetricName"]) == ("breaching", "RunsSucceeded")
    transformation = named(stack, FILTER, "MetricsRunsSucceeded")["MetricTransformations"][0]
    assert transformation["MetricNamespace"] == alarm["Namespace"]
    assert transformation["MetricName"] == alarm["MetricName"]


def test_schedule_that_is_off_has_no_alarm_on_missing_success(stack: Stack, package: HandlerPackage) -> None:
    made = schedule(stack, package, enabled=False)

    assert made.alarms.no_success is None


def test_skipped_ticks_are_counted_apart_from_successes(stack: Stack, package: HandlerPackage) -> None:
    schedule(stack, package)

    patterns = {name[:-8]: each["Properties"]["FilterPattern"] for name, each in resources(stack, FILTER).items()}
    state = '{ ($.type = "SucceedStateEntered") && ($.details.name = "%s") }'
    assert patterns == {
        "SyncMetricsRunsSkipped": state % "Skipped",
        "SyncMetricsRunsSucceeded": state % "Succeeded",
    }
    assert {"Skipped", "Succeeded"} <= definition(stack)["States"].keys()


@pytest.mark.parametrize(("stated", "milliseconds"), [(None, 10_800_000), (Duration.minutes(5), 300_000)])
def test_run_that_takes_longer_than_stated_is_an_alarm(
    stack: Stack, package: HandlerPackage, stated: Duration | None, milliseconds: int
) -> None:
    schedule(stack, package, run_alarm_after=stated)

    alarm = named(stack, ALARM, "AlarmsRunTooLong")
    assert (alarm["MetricName"], alarm["Threshold"]) == ("ExecutionTime", milliseconds)


def test_two_jobs_of_one_name_in_one_table_are_refused(stack: Stack, package: HandlerPackage) -> None:
    table = IdempotencyTable(stack, "Items")
    schedule(stack, package, table=table)

    with pytest.raises(InvalidPropsError, match=r"job must be another name than that of Stack/Sync.*got sync"):
        SingleFlightSchedule(stack, "Other", props(package, table=table))


def test_jobs_of_different_names_share_a_table(stack: Stack, package: HandlerPackage) -> None:
    table = IdempotencyTable(stack, "Items")
    schedule(stack, package, table=table)

    SingleFlightSchedule(stack, "Other", props(package, table=table, job="other"))

    assert len(resources(stack, "AWS::DynamoDB::Table")) == 1


def test_machine_may_use_the_key_of_the_queue(stack: Stack, package: HandlerPackage) -> None:
    schedule(stack, package, queue_key=kms.Key(stack, "QueueKey"))

    assert {("kms:Decrypt", "QueueKey"), ("kms:GenerateDataKey", "QueueKey")} <= allowed(stack, "MachineRole")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"job": "no spaces"}, "job must be 1 to 64 letters"),
        ({"job": ""}, "job must be 1 to 64 letters"),
        ({"longest_run": Duration.seconds(1890)}, r"longest_run must be longer than the 1,890 seconds"),
        ({"longest_run": Duration.days(4)}, "longest_run must be between 60 and 259,200"),
        ({"lease": Duration.seconds(301)}, "lease must be between 5 and 300"),
        ({"lease": Duration.seconds(4)}, "lease must be between 5 and 300"),
        ({"max_attempts": 0}, "max_attempts must be between 1 and 100"),
        ({"tick_age": Duration.seconds(59)}, "tick_age must be between 60"),
        ({"tick_retries": 186}, "tick_retries must be between 0 and 185"),
        ({"success_alarm_after": Duration.seconds(90)}, "success_alarm_after must be a whole number of minutes"),
        ({"success_alarm_after": Duration.minutes(1441)}, "success_alarm_after must be a whole number of hours"),
        ({"success_alarm_after": Duration.days(8)}, "success_alarm_after must be between 60 and 604,800"),
        ({"run_alarm_after": Duration.days(1)}, "run_alarm_after must be between 1 and 21,600"),
        ({"schedule": "rate(1 minute)"}, "schedule must be of type ScheduleExpression"),
        ({"handler_timeout": Duration.seconds(901)}, "handler_timeout must be between 5 and 900"),
        ({"handler_timeout": Duration.seconds(4)}, "handler_timeout must be between 5 and 900"),
    ],
)
def test_contradictory_settings_are_refused(package: HandlerPackage, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidPropsError, match=message):
        props(package, **settings)
