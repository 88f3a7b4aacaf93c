"""A Lambda function that runs a handler package, with its own role and log group."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, cast

from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from tsunagu.cdk.assets import Platform
from tsunagu.cdk.constructs.acknowledgement import acknowledge, acknowledge_role
from tsunagu.cdk.constructs.checked_construct import CheckedConstruct
from tsunagu.cdk.constructs.error_path import path_in_errors
from tsunagu.cdk.constructs.function_code import FunctionCode, NoLayers, Package, function_code
from tsunagu.cdk.constructs.network import Network
from tsunagu.cdk.constructs.own_role import allow_own_role, attach_policies, list_needed
from tsunagu.cdk.constructs.protection import removal_policy
from tsunagu.cdk.constructs.ranges import FunctionTimeout
from tsunagu.cdk.constructs.snap_start import check_snap_start, start_from_snapshots
from tsunagu.cdk.props import Between, CheckedProps
from tsunagu.contracts.environment import EnvironmentContract
from tsunagu.errors import InvalidPropsError

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MEMORY_MIB = range(128, 10_241)
RESERVED_CONCURRENCY = range(1, 1_000_001)

_ARCHITECTURES = {"arm64": lambda_.Architecture.ARM_64, "x86_64": lambda_.Architecture.X86_64}
_WITHOUT_RESOURCE = ("AwsSolutions-IAM5[Resource::*]", "Serverless-LambdaStarPermissions")
_TRACING_ACTIONS = ("xray:PutTelemetryRecords", "xray:PutTraceSegments")
_LOG_ACTIONS = ("logs:CreateLogStream", "logs:PutLogEvents")
_NO_RESOURCE = "X-Ray and network interfaces accept no resource"
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
_NETWORK_INTERFACE_ACTIONS = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerSettings(CheckedProps):
    """Settings of every function that runs a handler package, whichever construct makes it.

    Attributes:
        package: The code: a `HandlerPackage` (a zip file), an `ImagePackage` (a container image that is built from the
            Dockerfile of the package), or an `EcrImage` (a container image that exists).
        environment: Environment records that the handler reads. Default: none.
        memory_mib: Memory, 128 to 10,240 MiB; Lambda gives more CPU to more memory. Default: 256 MiB.
        network: VPC, subnets and security groups. Default: no VPC.
        platform: Python and architecture. Default: Python 3.13 on arm64.
        log_retention: How long the log group keeps log lines. Default: 30 days.
        protect: Keep the log group when its stack is deleted. Default: it is kept.
        reserved_concurrency: Concurrency that is reserved for the function, and its limit. Default: none is reserved.
        role: Role of the function, which Lambda must be able to assume. It gets the permissions that the function
            needs, where its policies can be extended. If not, the policies of the resources give them; what they cannot
            give is listed when the app is synthesized, or a grant fails. Default: a new one.
        snap_start: Whether sandboxes start from a snapshot of an initialized one (SnapStart), at a price of its own:
            see docs/constructs/handler-function.md. Each change publishes a version, and everything invokes the
            function by the alias `live`. It takes a `HandlerPackage` and Python 3.12 or later. Default: they do not,
            and there is no alias.

    Raises:
        InvalidPropsError: A number is out of range, or the function cannot start from a snapshot.
    """

    package: Package
    environment: Sequence[EnvironmentContract] = ()
    memory_mib: Annotated[int, Between(MEMORY_MIB, "MiB", deployed=True)] = 256
    network: Network | None = None
    platform: Platform = field(default_factory=Platform)
    log_retention: logs.RetentionDays = logs.RetentionDays.ONE_MONTH
    protect: bool = True
    reserved_concurrency: Annotated[int, Between(RESERVED_CONCURRENCY, deployed=True)] | None = None
    role: iam.IRole | None = None
    snap_start: bool = False

    def __post_init__(self) -> None:
        """Refuse settings that AWS does not allow, or that exclude each other."""
        CheckedProps.__post_init__(self)  # plain `super()` fails in a dataclass with slots
        if self.snap_start:
            check_snap_start(self.package, self.platform)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerFunctionProps(HandlerSettings):
    """Settings of a handler function: those of `HandlerSettings`, and its time-out.

    Attributes:
        timeout: Longest time of one invocation, 1 to 900 seconds.

    Raises:
        InvalidPropsError: A number is out of range, or the function cannot start from a snapshot.
    """

    timeout: FunctionTimeout


class HandlerFunction(CheckedConstruct):
    """Run a handler package in Lambda, with JSON logs, active tracing and a role with least privilege.

    The role may write logs and traces. The `grant_*` methods of other constructs add permissions.

    Attributes:
        function: The function; pass it to the `grant_*` methods of other constructs.
        target: What invokes the function must name this: the alias `live` with `snap_start`, else the function.
        role: Role of the function.
        log_group: Log group of the function.
    """

    def __init__(self, scope: Construct, construct_id: str, props: HandlerFunctionProps) -> None:
        super().__init__(scope, construct_id)
        with path_in_errors(self):
            environment = _merged_environment(props.environment)
            code = function_code(self, props.package, props.platform)
        self.log_group = logs.LogGroup(
            self, "LogGroup", retention=props.log_retention, removal_policy=removal_policy(protect=props.protect)
        )
        self.role: iam.IRole = self._role(props)
        self.function = self._function(props, code, environment)
        self.target: lambda_.IFunction = (
            start_from_snapshots(self, self.function) if props.snap_start else self.function
        )

    def _role(self, props: HandlerFunctionProps) -> iam.IRole:
        # Permissions without a resource have their own policies, so that their acknowledgement hides no wide grant.
        policies = {"Tracing": _tracing(), **({"NetworkInterfaces": _network_interfaces()} if props.network else {})}
        role = self._new_role(policies) if props.role is None else props.role
        takes_policies = allow_own_role(self, "role", role, _LOG_ACTIONS, self.log_group.log_group_arn)
        if props.role is not None and takes_policies:
            attach_policies(self, role, policies, dict.fromkeys(_WITHOUT_RESOURCE, _NO_RESOURCE))
        elif props.role is not None:
            network_actions = _NETWORK_INTERFACE_ACTIONS if props.network else ()
            list_needed(self, "role", role, [*_TRACING_ACTIONS, *network_actions])
        return role

    def _new_role(self, policies: Mapping[str, iam.PolicyDocument]) -> iam.Role:
        principal = iam.ServicePrincipal("lambda.amazonaws.com")
        role = iam.Role(self, "Role", assumed_by=principal, inline_policies=policies)
        for rule in _WITHOUT_RESOURCE:
            acknowledge_role(role, rule, _NO_RESOURCE)
        return role

    def _function(
        self, props: HandlerFunctionProps, code: FunctionCode, environment: Mapping[str, str]
    ) -> lambda_.Function:
        network = props.network
        function = lambda_.Function(
            self,
            "Function",
            code=code.code,
            handler=code.handler,
            runtime=code.runtime,
            architecture=_ARCHITECTURES[props.platform.architecture],
            role=self.role,
            environment=environment,
            timeout=props.timeout,
            memory_size=props.memory_mib,
            reserved_concurrent_executions=props.reserved_concurrency,
            log_group=self.log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            vpc=network.vpc if network else None,
            vpc_subnets=network.subnets if network else None,
            security_groups=list(network.security_groups) or None if network else None,
        )
        # The prop `tracing` would add X-Ray's permissions to the policy of the grants.
        resource = cast("lambda_.CfnFunction", function.node.default_child)
        resource.tracing_config = lambda_.CfnFunction.TracingConfigProperty(mode="Active")
        if code.is_image:  # it has no runtime, so the rules about the newest runtime find nothing
            function.node.add_validation(NoLayers(function))
            return function
        for rule in ("AwsSolutions-L1", "Serverless-LambdaLatestVersion"):
            acknowledge(function, rule, "the stage chooses a supported Python, which need not be the newest")
        return function


def _tracing() -> iam.PolicyDocument:
    statement = iam.PolicyStatement(actions=[*_TRACING_ACTIONS], resources=["*"])
    return iam.PolicyDocument(statements=[statement])


def _network_interfaces() -> iam.PolicyDocument:
    """Let Lambda manage the network interfaces of the function, but not the function's own code."""
    actions = list(_NETWORK_INTERFACE_ACTIONS)
    from_code = {"Null": {"lambda:SourceFunctionArn": "false"}}  # Lambda sets the key when the function's code calls
    deny = iam.PolicyStatement(effect=iam.Effect.DENY, actions=actions, resources=["*"], conditions=from_code)
    return iam.PolicyDocument(statements=[iam.PolicyStatement(actions=actions, resources=["*"]), deny])


def _merged_environment(contracts: Sequence[EnvironmentContract]) -> dict[str, str]:
    """Return the variables of all `contracts`. Two contracts may set a variable to the same value.

    Raises:
        InvalidPropsError: Two contracts set a variable to different values.
    """
    variables: dict[str, str] = {}
    for contract in contracts:
        for name, value in contract.to_environment().items():
            if variables.setdefault(name, value) != value:
                msg = (
                    f"environment must give each variable one value, got another {name} from {type(contract).__name__}"
                )
                raise InvalidPropsError(msg)
    return variables
