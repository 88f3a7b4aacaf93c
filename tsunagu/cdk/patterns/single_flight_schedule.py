"""A scheduled job: one run at a time, started by a state machine and done by a worker behind a FIFO queue."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, cast

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as event_targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as schedule_targets
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from tsunagu.cdk.constructs.acknowledgement import acknowledge
from tsunagu.cdk.constructs.checked_construct import CheckedConstruct
from tsunagu.cdk.constructs.dead_letter_notifier import DeadLetterNotifier, DeadLetterNotifierProps
from tsunagu.cdk.constructs.error_path import path_in_errors
from tsunagu.cdk.constructs.flow_metadata import mark
from tsunagu.cdk.constructs.grants import grant_by_own_policy
from tsunagu.cdk.constructs.handler_function import HandlerSettings
from tsunagu.cdk.constructs.idempotency_table import IdempotencyTable, IdempotencyTableProps
from tsunagu.cdk.constructs.key_access import source_conditions
from tsunagu.cdk.constructs.metric_panels import MetricPanel, titled
from tsunagu.cdk.constructs.native_state_machine import NativeStateMachine, NativeStateMachineProps
from tsunagu.cdk.constructs.own_role import allow_own_role, list_needed
from tsunagu.cdk.constructs.protection import removal_policy
from tsunagu.cdk.constructs.queue_channel import DEAD_LETTER_RETENTION, QueueChannel
from tsunagu.cdk.patterns.idempotent_receiver import IdempotentReceiver, IdempotentReceiverProps
from tsunagu.cdk.patterns.single_flight_alarms import RUNS_SKIPPED, RUNS_SUCCEEDED, JobAlarms, JobMetrics
from tsunagu.cdk.patterns.single_flight_definition import (
    QUEUE,
    RELEASED_EXECUTION_INPUT,
    TABLE,
    TOPIC,
    release_definition,
    run_definition,
)
from tsunagu.cdk.patterns.single_flight_props import RELEASE_SECONDS, SingleFlightScheduleProps
from tsunagu.contracts import schedules
from tsunagu.contracts.flows import Kind
from tsunagu.contracts.schedules import ScheduledJobEnvironment

_TASK_ACTIONS = ("states:SendTaskFailure", "states:SendTaskHeartbeat", "states:SendTaskSuccess")
_ENDED_EARLY = ("ABORTED", "FAILED", "TIMED_OUT")
_RELEASE_RETRIES = 8
_RELEASE_AGE = Duration.minutes(10)


class SingleFlightSchedule(CheckedConstruct):
    """Run a job on a schedule, one run at a time. A tick that comes while a run is queued or working is skipped.

    Each tick starts an execution of a state machine. It takes the lease of the job, sends one message to the worker,
    and waits for the outcome. `docs/one-at-a-time.md` shows the machine, and what happens when a part of it fails.

    Attributes:
        channel: FIFO queue of the runs, with its dead-letter queue.
        receiver: The worker; pass `receiver.handler.function` to the `grant_*` methods of other constructs.
        machine: State machine that a tick starts.
        release_machine: State machine that releases the lease of an execution that ended without doing so.
        rule: Rule that starts it.
        schedule: The schedule.
        undelivered: Dead-letter queue of the schedule and of the rule: what could not be started.
        table: Table of the lease and of the idempotency items.
        dead_letter_notifier: Notifies operators of dead letters and of runs that failed.
        metrics: Metrics of skipped ticks and of successes.
        alarms: Alarms of the job.
        longest_block: Longest time for which one run can block the job, whatever fails.
    """

    def __init__(self, scope: Construct, construct_id: str, props: SingleFlightScheduleProps) -> None:
        super().__init__(scope, construct_id)
        self._props = props
        self._roles = props.roles
        self.longest_block = props.longest_block
        self.table = props.table or self._new_table()
        self.table.key_spaces.add_job(props.job, self)
        self.dead_letter_notifier = props.dead_letter_notifier or self._new_notifier()
        self.channel = QueueChannel(self, "Channel", props.channel_props)
        self.receiver = self._receiver()
        self.machine = self._run_machine()
        mark(self.machine.machine, Kind.JOB, self, name=props.job, protected=props.protect)
        self.release_machine = self._release_machine()
        self._grant_worker()
        self.undelivered = self._undelivered_queue()
        self.rule = self._rule()
        self.schedule = self._schedule()
        self.metrics = JobMetrics(self, "Metrics", self.machine, namespace=props.metrics_namespace)
        self.alarms = JobAlarms(
            self,
            "Alarms",
            props,
            notifier=self.dead_letter_notifier,
            machine=self.machine,
            release_machine=self.release_machine,
            undelivered=self.undelivered,
            metrics=self.metrics,
        )

    @property
    def outputs(self) -> Mapping[str, str]:
        """Outputs for programs that need the names of the job's resources. The `tsunagu` command does not need them."""
        return {
            schedules.JOB_NAME_OUTPUT: self._props.job,
            schedules.JOB_STATE_MACHINE_OUTPUT: self.machine.machine.state_machine_arn,
            schedules.JOB_TABLE_OUTPUT: self.table.table.table_name,
            schedules.LONGEST_BLOCK_OUTPUT: str(int(self.longest_block.to_seconds())),
        }

    def grant_start(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` start a run by hand, under the same lease.

        Raises:
            InvalidPropsError: The grantee has no policy that can be extended, or is of another account.
        """
        machine = self.machine.machine
        return grant_by_own_policy(
            self,
            grantee,
            ["states:StartExecution"],
            [machine.state_machine_arn],
            account=machine.env.account,
            reason="a state machine has no policy",
        )

    def metric_runs_started(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of started executions, with skipped ticks; `options` are those of a CloudWatch metric."""
        return self.machine.machine.metric_started(**options)

    def metric_runs_succeeded(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of runs that succeeded, without skips; `options` are those of a CloudWatch metric."""
        return self.metrics.metric(RUNS_SUCCEEDED, **options)

    def metric_runs_skipped(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of ticks that were skipped; `options` are those of a CloudWatch metric."""
        return self.metrics.metric(RUNS_SKIPPED, **options)

    def metric_runs_failed(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of executions that failed; `options` are those of a CloudWatch metric."""
        return self.machine.machine.metric_failed(**options)

    def metric_runs_timed_out(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of executions that timed out; `options` are those of a CloudWatch metric."""
        return self.machine.machine.metric_timed_out(**options)

    def metric_runs_aborted(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of executions that were aborted; `options` are those of a CloudWatch metric."""
        return self.machine.machine.metric_aborted(**options)

    def metric_run_time(self, **options: Any) -> cloudwatch.Metric:
        """Return the metric of the time of an execution in milliseconds; `options` are those of a CloudWatch metric."""
        return self.machine.machine.metric_time(**options)

    def metric_panels(self, period: Duration) -> Sequence[MetricPanel]:
        """Return what is worth a graph: the runs, what could not be started, and the worker."""
        runs = (
            self.metric_runs_succeeded(period=period),
            self.metric_runs_skipped(period=period),
            self.metric_runs_failed(period=period),
            self.metric_runs_timed_out(period=period),
            self.metric_runs_aborted(period=period),
        )
        undelivered = self.undelivered.metric_approximate_number_of_messages_visible(period=period, statistic="Maximum")
        longest = self.metric_run_time(period=period, statistic="Maximum")
        return [
            MetricPanel(title="Runs", metrics=runs, right=[longest]),
            MetricPanel(title="Ticks and ends that started nothing", metrics=[undelivered]),
            *titled("Worker", self.receiver.metric_panels(period)),
        ]

    def queue_channels(self) -> Sequence[QueueChannel]:
        """Return the channel of the worker."""
        return [self.channel]

    def _receiver(self) -> IdempotentReceiver:
        props = self._props
        inherited: dict[str, Any] = {
            field.name: getattr(props, field.name) for field in dataclasses.fields(HandlerSettings)
        }
        inherited["environment"] = (ScheduledJobEnvironment(job=props.job), *props.environment)
        with path_in_errors(self):
            receiver_props = IdempotentReceiverProps(
                **inherited,
                channel=self.channel,
                table=self.table,
                dead_letter_notifier=self.dead_letter_notifier,
                idempotency_window=props.idempotency_window,
                metrics_namespace=props.metrics_namespace,
                single_writes=props.single_writes,
                batch_size=1,
                lease=props.worker_lease,
                max_attempts=props.max_attempts,
                log_tracebacks=props.log_tracebacks,
                publish_error_text=props.publish_error_text,
                alarms=props.alarms,
            )
        return IdempotentReceiver(self, "Receiver", receiver_props)

    def _run_machine(self) -> NativeStateMachine:
        job = self._props.job
        names = {
            TABLE: self.table.table.table_name,
            QUEUE: self.channel.queue.queue_url,
            TOPIC: self.dead_letter_notifier.topic.topic_arn,
        }
        machine = self._machine("Machine", run_definition(job, self._props.limits), names, self._roles.machine)
        self.table.grant_hold_job(machine.role, job)
        self.channel.grant_send(machine.role)
        self.dead_letter_notifier.grant_notify(machine.role)
        return machine

    def _release_machine(self) -> NativeStateMachine:
        job = self._props.job
        names = {TABLE: self.table.table.table_name}
        definition = release_definition(job, RELEASE_SECONDS)
        machine = self._machine("ReleaseMachine", definition, names, self._roles.release_machine)
        self.table.grant_release_job(machine.role, job)
        return machine

    def _machine(
        self, construct_id: str, definition: Mapping[str, Any], names: Mapping[str, str], role: iam.IRole | None
    ) -> NativeStateMachine:
        settings = NativeStateMachineProps(
            definition=definition,
            substitutions=names,
            log_retention=self._props.log_retention,
            protect=self._props.protect,
            role=role,
        )
        return NativeStateMachine(self, construct_id, settings)

    def _grant_worker(self) -> None:
        function = self.receiver.handler.function
        machine_arn = self.machine.machine.state_machine_arn
        allow_own_role(self, "role", cast("iam.IRole", function.role), _TASK_ACTIONS, machine_arn)
        self.table.grant_check_job(function, self._props.job)
        self.channel.grant_send(function)  # the next slice

    def _undelivered_queue(self) -> sqs.Queue:
        queue = sqs.Queue(
            self,
            "Undelivered",
            retention_period=DEAD_LETTER_RETENTION,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            removal_policy=removal_policy(protect=self._props.protect),
        )
        for rule in ("AwsSolutions-SQS3", "Serverless-SQSRedrivePolicy"):
            acknowledge(
                queue, rule, "it is the dead-letter queue of the schedule and of the rule: nothing is behind it"
            )
        mark(queue, Kind.DEAD_LETTERS, self, below="Undelivered", protected=self._props.protect)
        return queue

    def _rule(self) -> events.Rule:
        """Release the lease when an execution ends without doing so. Status events are best effort: the lease ends."""
        role = self._starter("RuleRole", "events.amazonaws.com", self._roles.rule, self.release_machine)
        target = event_targets.SfnStateMachine(
            self.release_machine.machine,
            role=role,
            input=events.RuleTargetInput.from_object(
                {RELEASED_EXECUTION_INPUT: events.EventField.from_path("$.detail.executionArn")}
            ),
            dead_letter_queue=self.undelivered,
            retry_attempts=_RELEASE_RETRIES,
            max_event_age=_RELEASE_AGE,
        )
        return events.Rule(
            self,
            "EndedEarly",
            description=f"Executions of the job {self._props.job} that ended without releasing its lease",
            event_pattern=events.EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={
                    "stateMachineArn": [self.machine.machine.state_machine_arn],
                    "status": [*_ENDED_EARLY],
                },
            ),
            targets=[target],
        )

    def _schedule(self) -> scheduler.Schedule:
        props = self._props
        role = self._starter("ScheduleRole", "scheduler.amazonaws.com", self._roles.schedule, self.machine)
        target = schedule_targets.StepFunctionsStartExecution(
            self.machine.machine,
            role=role,
            input=scheduler.ScheduleTargetInput.from_object(
                {schedules.SLOT_INPUT: scheduler.ContextAttribute.scheduled_time}
            ),
            dead_letter_queue=self.undelivered,
            retry_attempts=props.tick_retries,
            max_event_age=props.tick_age,
        )
        return scheduler.Schedule(
            self,
            "Schedule",
            description=f"Ticks of the job {props.job}",
            schedule=props.schedule,
            target=target,
            enabled=props.enabled,
            time_window=scheduler.TimeWindow.off(),
        )

    def _starter(
        self, construct_id: str, service: str, given: iam.IRole | None, machine: NativeStateMachine
    ) -> iam.IRole:
        """Return the role by which a service starts a machine; the target adds the permission where it can."""
        if given is None:
            principal = iam.ServicePrincipal(service, conditions=source_conditions(self))
            return iam.Role(self, construct_id, assumed_by=principal)
        list_needed(self, construct_id, given, ["states:StartExecution"], machine.machine.state_machine_arn)
        return given

    def _new_table(self) -> IdempotencyTable:
        return IdempotencyTable(self, "IdempotencyTable", IdempotencyTableProps(protect=self._props.protect))

    def _new_notifier(self) -> DeadLetterNotifier:
        return DeadLetterNotifier(self, "DeadLetterNotifier", DeadLetterNotifierProps(protect=self._props.protect))
