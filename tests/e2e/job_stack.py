"""A stack with one scheduled job, whose schedule starts nothing until a test enables it."""

import json
from pathlib import Path

from aws_cdk import App, CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_scheduler as scheduler

from cdk_app.settings import EMBEDDED_STAGE, StageSettings, load_settings
from tests.e2e.handlers.job.environment import JobEnvironment
from tsunagu.cdk import HandlerPackage, SingleFlightSchedule, SingleFlightScheduleProps

PROJECT = Path(__file__).parents[2]
STACK_NAME = "job"
JOB = "probe"
TIMEOUT = Duration.seconds(6)
LEASE = Duration.seconds(5)
MAX_ATTEMPTS = 4
VISIBILITY_SECONDS = 8  # longer than a lease and its grace


class JobStack(Stack):
    """One job that does what the item `plan` of its table says."""

    def __init__(self, scope: App, settings: StageSettings, handler_timeout: Duration) -> None:
        super().__init__(scope, STACK_NAME)
        runs = dynamodb.Table(
            self,
            "Runs",
            partition_key=dynamodb.Attribute(name="id", type=dynamodb.AttributeType.STRING),
            removal_policy=RemovalPolicy.DESTROY,
        )
        props = SingleFlightScheduleProps(
            package=HandlerPackage(path=Path(__file__).parent / "handlers" / "job"),
            environment=[JobEnvironment(runs_table_name=runs.table_name)],
            job=JOB,
            schedule=scheduler.ScheduleExpression.rate(Duration.minutes(1)),
            handler_timeout=handler_timeout,
            enabled=False,
            lease=LEASE,
            max_attempts=MAX_ATTEMPTS,
            platform=settings.platform,
            protect=False,
        )
        made = SingleFlightSchedule(self, "Probe", props)
        runs.grant(made.receiver.handler.function, "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem")
        outputs = {
            **made.outputs,
            "RunsTableName": runs.table_name,
            "QueueUrl": made.channel.queue.queue_url,
            "DeadLetterQueueUrl": made.channel.dead_letter_queue.queue_url,
            "UndeliveredQueueUrl": made.undelivered.queue_url,
            "FunctionName": made.receiver.handler.function.function_name,
            "MappingId": made.receiver.mapping.event_source_mapping_id,
            "TopicArn": made.dead_letter_notifier.topic.topic_arn,
            "ReleaseMachineArn": made.release_machine.machine.state_machine_arn,
            "ScheduleName": made.schedule.schedule_name,
            "RuleName": made.rule.rule_name,
        }
        for output, alarm in (("RunFailed", made.alarms.run_failed), ("RunAborted", made.alarms.run_aborted)):
            if alarm is not None:
                outputs[f"{output}AlarmName"] = alarm.alarm_name
        for name, value in outputs.items():
            CfnOutput(self, name, value=value)


def synthesize_job(output: Path, *, handler_timeout: Duration = TIMEOUT) -> Path:
    """Write the cloud assembly of the stack into the folder `output`."""
    context = json.loads((PROJECT / "cdk.json").read_text())["context"]
    app = App(outdir=str(output), context=context, analytics_reporting=False, builtin_cloud_formation_validation=False)
    JobStack(app, load_settings(context["tsunagu"], EMBEDDED_STAGE), handler_timeout)
    return Path(app.synth().directory)
