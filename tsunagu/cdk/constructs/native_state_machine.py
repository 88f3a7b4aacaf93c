"""A standard state machine that calls AWS services itself, without a function, with its own role and log group."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from tsunagu.cdk.constructs.acknowledgement import acknowledge_role
from tsunagu.cdk.constructs.checked_construct import CheckedConstruct
from tsunagu.cdk.constructs.key_access import source_conditions
from tsunagu.cdk.constructs.own_role import attach_policies, list_needed
from tsunagu.cdk.constructs.protection import removal_policy
from tsunagu.cdk.props import CheckedProps

# https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html#cloudwatch-iam-policy
_LOG_DELIVERY_ACTIONS = (
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
)
# https://docs.aws.amazon.com/step-functions/latest/dg/concepts-xray-tracing.html
_TRACING_ACTIONS = (
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
)
_WITHOUT_RESOURCE = "AwsSolutions-IAM5[Resource::*]"
_NO_RESOURCE = "X-Ray and the delivery of logs accept no resource"


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeStateMachineProps(CheckedProps):
    """Settings of a native state machine.

    Attributes:
        definition: Definition in the Amazon States Language, with `${Name}` where a name comes from the deployment.
        substitutions: What stands for each `${Name}`. Default: nothing.
        log_retention: How long the log group keeps log lines. Default: 30 days.
        protect: Keep the log group when its stack is deleted. Default: it is kept.
        role: Role of the state machine, which Step Functions must be able to assume; see `HandlerSettings.role`.
            Default: a new one.
    """

    definition: Mapping[str, Any]
    substitutions: Mapping[str, str] = field(default_factory=dict)
    log_retention: logs.RetentionDays = logs.RetentionDays.ONE_MONTH
    protect: bool = True
    role: iam.IRole | None = None


class NativeStateMachine(CheckedConstruct):
    """Run a state machine with a log of every event, active tracing and a role with least privilege.

    The log has the names and the errors of states, but no data of an execution. The role may write logs and traces. The
    `grant_*` methods of other constructs add permissions.

    Attributes:
        machine: The state machine.
        role: Role of the state machine; pass it to the `grant_*` methods of other constructs.
        log_group: Log group of the state machine.
    """

    def __init__(self, scope: Construct, construct_id: str, props: NativeStateMachineProps) -> None:
        super().__init__(scope, construct_id)
        self.log_group = logs.LogGroup(
            self, "LogGroup", retention=props.log_retention, removal_policy=removal_policy(protect=props.protect)
        )
        self.role: iam.IRole = self._new_role() if props.role is None else self._own_role(props.role)
        self.machine = self._machine(props)

    def _new_role(self) -> iam.Role:
        # Permissions without a resource have their own policies, so that their acknowledgement hides no wide grant.
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("states.amazonaws.com", conditions=source_conditions(self)),
            inline_policies=_policies(),
        )
        acknowledge_role(role, _WITHOUT_RESOURCE, _NO_RESOURCE)
        return role

    def _own_role(self, role: iam.IRole) -> iam.IRole:
        attach_policies(self, role, _policies(), {_WITHOUT_RESOURCE: _NO_RESOURCE})
        list_needed(self, "role", role, [*_LOG_DELIVERY_ACTIONS, *_TRACING_ACTIONS])
        return role

    def _machine(self, props: NativeStateMachineProps) -> sfn.StateMachine:
        machine = sfn.StateMachine(
            self,
            "Machine",
            definition_body=sfn.DefinitionBody.from_string(json.dumps(props.definition)),
            definition_substitutions=dict(props.substitutions),
            role=self.role,
        )
        # The props `logs` and `tracing_enabled` would add their permissions to the policy of the grants.
        resource = cast("sfn.CfnStateMachine", machine.node.default_child)
        resource.tracing_configuration = sfn.CfnStateMachine.TracingConfigurationProperty(enabled=True)
        destination = sfn.CfnStateMachine.LogDestinationProperty(
            cloud_watch_logs_log_group=sfn.CfnStateMachine.CloudWatchLogsLogGroupProperty(
                log_group_arn=self.log_group.log_group_arn
            )
        )
        resource.logging_configuration = sfn.CfnStateMachine.LoggingConfigurationProperty(
            level="ALL", include_execution_data=False, destinations=[destination]
        )
        return machine


def state_entered(name: str, *, kind: str) -> logs.IFilterPattern:
    """Return the pattern of the log lines that say that an execution has entered a state.

    Args:
        name: Name of the state.
        kind: Type of the state, such as `Succeed`.
    """
    return logs.FilterPattern.all(
        logs.FilterPattern.string_value("$.type", "=", f"{kind}StateEntered"),
        logs.FilterPattern.string_value("$.details.name", "=", name),
    )


def _policies() -> dict[str, iam.PolicyDocument]:
    return {"LogDelivery": _anywhere(_LOG_DELIVERY_ACTIONS), "Tracing": _anywhere(_TRACING_ACTIONS)}


def _anywhere(actions: tuple[str, ...]) -> iam.PolicyDocument:
    return iam.PolicyDocument(statements=[iam.PolicyStatement(actions=[*actions], resources=["*"])])
