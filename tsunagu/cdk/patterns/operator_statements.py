"""What the `tsunagu` command needs: statements for those who look, and for those who change something."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aws_cdk import ArnFormat, Aws, Fn, Stack
from aws_cdk import aws_iam as iam

from tsunagu.cdk.patterns.operator_resources import OperatedResources

EVERYTHING = "*"
# Where `tsunagu.operations.change_log` records changes: in such a stream of a function's log group, or in this
# group.
CHANGE_STREAMS = "tsunagu-operator/*"
CHANGE_GROUP = "/tsunagu/operator"
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: 6,144 characters without white space
POLICY_CHARACTERS = 5_500
_ARN_CHARACTERS, _STATEMENT_CHARACTERS = 170, 60  # of a deployed ARN, at most; of a statement without its lists


def reading(stack: Stack, found: OperatedResources) -> list[iam.PolicyStatement]:
    """Return what the verbs need that change nothing, such as `status`, `trace`, `dlq list` and `graph`.

    They look at dead letters by receiving them, and give them back: nothing is deleted.
    """
    return [
        _allow(_WITHOUT_RESOURCE, [EVERYTHING]),
        _allow(("cloudformation:GetTemplate", "cloudformation:ListStackResources"), _stack_arns(stack)),
        *_optional(("sqs:GetQueueAttributes",), [*found.queues, *found.dead_letter_queues]),
        *_optional(_LOOK_AT_LETTERS, found.dead_letter_queues),
        *_optional(_READ_FUNCTION, found.functions),
        *_optional(("lambda:GetEventSourceMapping",), found.mappings),
        *_optional(
            ("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"),
            [*found.tables, *(f"{table}/index/*" for table in found.tables)],
        ),
        *_optional(("logs:FilterLogEvents", "logs:GetLogEvents"), _groups(stack, found.log_groups)),
        *_optional(("states:DescribeStateMachine", "states:ListExecutions"), found.machines),
        *_optional(
            ("states:DescribeExecution", "states:GetExecutionHistory"),
            [_executions(stack, machine) for machine in found.machines],
        ),
        *_optional(("events:DescribeRule", "events:ListTargetsByRule"), found.rules),
        *_optional(("scheduler:GetSchedule",), found.schedules),
        *_keys(stack, ("kms:Decrypt",), found.keys),
    ]


def operating(stack: Stack, found: OperatedResources) -> list[iam.PolicyStatement]:
    """Return what is needed besides by the verbs that change something, such as `dlq redrive` and `lease release`."""
    return [
        *_optional(("sqs:SendMessage",), found.queues),
        *_optional(("sqs:DeleteMessage",), found.dead_letter_queues),
        *_optional(("lambda:InvokeFunction",), found.starters),
        *_optional(("states:StartExecution",), found.jobs),
        *_optional(("dynamodb:PartiQLUpdate", "dynamodb:UpdateItem"), found.tables),
        *_change_log(stack, found.log_groups),
        *_keys(stack, ("kms:Decrypt", "kms:GenerateDataKey"), found.keys),
    ]


def split(statements: Sequence[iam.PolicyStatement]) -> list[list[iam.PolicyStatement]]:
    """Split statements such that each list fits one managed policy when its ARNs are known."""
    parts: list[list[iam.PolicyStatement]] = [[]]
    room = POLICY_CHARACTERS
    for statement in statements:
        size = _size(statement)
        if parts[-1] and size > room:
            parts.append([])
            room = POLICY_CHARACTERS
        parts[-1].append(statement)
        room -= size
    return parts


# Actions that no policy can bound to a resource.
_WITHOUT_RESOURCE = (
    "cloudformation:DescribeStacks",  # of all stacks, to find one by a part of its name
    "cloudwatch:DescribeAlarms",
    "cloudwatch:GetMetricData",
    "lambda:GetAccountSettings",
    "lambda:ListEventSourceMappings",
    "sns:GetSubscriptionAttributes",
)
_LOOK_AT_LETTERS = ("sqs:ChangeMessageVisibility", "sqs:ListDeadLetterSourceQueues", "sqs:ReceiveMessage")
_READ_FUNCTION = (
    "lambda:GetFunctionConcurrency",
    "lambda:GetFunctionConfiguration",
    "lambda:GetFunctionEventInvokeConfig",
)
_COLON = ArnFormat.COLON_RESOURCE_NAME
_MOST_RESOURCES = 24  # of a statement, so that it fits one policy


def _allow(actions: Sequence[str], resources: Sequence[str], **conditions: Any) -> iam.PolicyStatement:
    return iam.PolicyStatement(actions=[*actions], resources=[*resources], **conditions)


def _optional(
    actions: Sequence[str], resources: Sequence[str], conditions: Mapping[str, Any] | None = None
) -> Iterator[iam.PolicyStatement]:
    """Yield statements about resources; none about nothing."""
    for first in range(0, len(resources), _MOST_RESOURCES):
        yield _allow(actions, resources[first : first + _MOST_RESOURCES], conditions=conditions)


def _keys(stack: Stack, actions: Sequence[str], keys: Sequence[str]) -> Iterator[iam.PolicyStatement]:
    """Yield the use of keys, by the services alone whose resources they encrypt."""
    services = [f"{service}.{stack.region}.{Aws.URL_SUFFIX}" for service in ("dynamodb", "sqs")]
    yield from _optional(actions, keys, {"StringEquals": {"kms:ViaService": services}})


def _change_log(stack: Stack, log_groups: Sequence[str]) -> Iterator[iam.PolicyStatement]:
    """Yield what the record of a change needs: streams of the functions' groups, or of a group of its own."""
    own = stack.format_arn(service="logs", resource="log-group", resource_name=CHANGE_GROUP, arn_format=_COLON)
    yield _allow(("logs:CreateLogGroup",), [own, f"{own}:*"])
    yield from _optional(("logs:CreateLogStream",), [own, f"{own}:*", *_groups(stack, log_groups)])
    groups = [own, *(_group(stack, arn) for arn in log_groups)]
    # AWS asks for the stream, the embedded cloud for its group. On AWS the ARN of a group alone allows no event.
    streams = [f"{group}:log-stream:{CHANGE_STREAMS}" for group in groups]
    yield from _optional(("logs:PutLogEvents",), [*streams, *groups])


def _groups(stack: Stack, arns: Sequence[str]) -> list[str]:
    """Return log groups in both forms: AWS wants `:*` behind their ARN for some calls, and emulators do not."""
    return [form for arn in arns for form in (_group(stack, arn), arn)]


def _group(stack: Stack, arn: str) -> str:
    """Return the ARN of a log group without the `:*` that stands for its streams; CloudFormation gives it with that."""
    name = Fn.select(6, Fn.split(":", arn))
    return stack.format_arn(service="logs", resource="log-group", resource_name=name, arn_format=_COLON)


def _stack_arns(stack: Stack) -> list[str]:
    """Return the ARNs of the stack and of its nested stacks, whose names begin with its own."""
    names = (f"{Aws.STACK_NAME}/*", f"{Aws.STACK_NAME}-*/*")
    return [stack.format_arn(service="cloudformation", resource="stack", resource_name=name) for name in names]


def _executions(stack: Stack, machine_arn: str) -> str:
    name = stack.split_arn(machine_arn, _COLON).resource_name
    return stack.format_arn(service="states", resource="execution", resource_name=f"{name}:*", arn_format=_COLON)


def _size(statement: iam.PolicyStatement) -> int:
    """Return how many characters a statement has at most when it is deployed."""
    actions = sum(len(action) + 3 for action in statement.actions)
    return _STATEMENT_CHARACTERS + actions + _ARN_CHARACTERS * len(statement.resources)
