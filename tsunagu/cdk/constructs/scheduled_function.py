"""A function that a schedule invokes: no retries, because a tick that failed is followed by another one."""

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler

from tsunagu.cdk.constructs.acknowledgement import acknowledge
from tsunagu.cdk.constructs.grants import INVOKE_ACTION
from tsunagu.cdk.constructs.key_access import source_conditions
from tsunagu.cdk.constructs.own_role import allow_own_role

if TYPE_CHECKING:
    from constructs import Construct

_NO_WAIT_SECONDS = 60  # an older tick is of no use: there is a newer one
_MINUTE = 60


def invoke_each(
    scope: "Construct", function: lambda_.Function, period: Duration, role: iam.IRole | None
) -> scheduler.CfnSchedule:
    """Invoke a function by a schedule, and never retry.

    Args:
        scope: Scope of the schedule and its role.
        function: The function.
        period: Time from one tick to the next: whole minutes.
        role: Role of the schedule, which EventBridge Scheduler must be able to assume. Default: a new one.

    Raises:
        InvalidPropsError: The role takes no policies.
    """
    acknowledge(function, "Serverless-LambdaDLQ", "a run that fails is followed by another one at the next tick")
    _never_retry(scope, function)
    own = role or _new_role(scope)
    allow_own_role(scope, "schedule_role", own, [INVOKE_ACTION], function.function_arn)
    minutes = int(period.to_seconds()) // _MINUTE
    schedule = scheduler.CfnSchedule(
        scope,
        "Schedule",
        schedule_expression=f"rate({minutes} minute{'' if minutes == 1 else 's'})",
        flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
        target=scheduler.CfnSchedule.TargetProperty(
            arn=function.function_arn,
            role_arn=own.role_arn,
            retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                maximum_retry_attempts=0, maximum_event_age_in_seconds=_NO_WAIT_SECONDS
            ),
        ),
    )
    schedule.node.add_dependency(own)
    reason = "a tick that is lost is followed by another one, and missing runs raise an alarm"
    acknowledge(schedule, "tsunagu::ScheduleDeadLetters", reason)
    return schedule


def _new_role(scope: "Construct") -> iam.Role:
    principal = iam.ServicePrincipal("scheduler.amazonaws.com", conditions=source_conditions(scope))
    return iam.Role(scope, "ScheduleRole", assumed_by=principal)


def _never_retry(scope: "Construct", function: lambda_.Function) -> None:
    config = lambda_.CfnEventInvokeConfig(
        scope,
        "Invocations",
        function_name=function.function_name,
        qualifier="$LATEST",
        maximum_retry_attempts=0,
        maximum_event_age_in_seconds=_NO_WAIT_SECONDS,
    )
    acknowledge(
        config, "Serverless-LambdaAsyncFailureDestination", "a tick that failed is worth nothing after a minute"
    )
