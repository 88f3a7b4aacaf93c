"""A Lambda function that runs a handler package, with its own role and log group."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, cast

from aws_cdk import Tokenization
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from tsunagu.cdk.assets import Platform
from tsunagu.cdk.constructs.acknowledgement import acknowledge, acknowledge_role
from tsunagu.cdk.constructs.error_path import path_in_errors
from tsunagu.cdk.constructs.function_code import FunctionCode, NoLayers, Package, function_code
from tsunagu.cdk.constructs.network import Network
from tsunagu.cdk.constructs.protection import removal_policy
from tsunagu.cdk.constructs.ranges import FunctionTimeout
from tsunagu.cdk.props import Between, CheckedProps, is_known
from tsunagu.contracts.environment import EnvironmentContract
from tsunagu.errors import InvalidPropsError

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MEMORY_MIB = range(128, 10_241)
RESERVED_CONCURRENCY = range(1, 1_000_001)

_ARCHITECTURES = {"arm64": lambda_.Architecture.ARM_64, "x86_64": lambda_.Architecture.X86_64}
_WITHOUT_RESOURCE = ("AwsSolutions-IAM5[Resource::*]", "Serverless-LambdaStarPermissions")
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
            needs, where its policies can be extended; else its owner gives them, or a grant fails. Default: a new one.

    Raises:
        InvalidPropsError: A number is out of range.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerFunctionProps(HandlerSettings):
    """Settings of a handler function: those of `HandlerSettings`, and its time-out.

    Attributes:
        timeout: Longest time of one invocation, 1 to 900 seconds.

    Raises:
        InvalidPropsError: A number is out of range.
    """

    timeout: FunctionTimeout


class HandlerFunction(Construct):
    """Run a handler package in Lambda, with JSON logs, active tracing and a role with least privilege.

    The role may write logs and traces. The `grant_*` methods of other constructs add permissions.

    Attributes:
        function: The function; pass it to the `grant_*` methods of other constructs.
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

    def _role(self, props: HandlerFunctionProps) -> iam.IRole:
        # Permissions without a resource have their own policies, so that their acknowledgement hides no wide grant.
        policies = {"Tracing": _tracing(), **({"NetworkInterfaces": _network_interfaces()} if props.network else {})}
        role = self._new_role(policies) if props.role is None else self._extended(props.role, policies)
        self.log_group.grant(role, "logs:CreateLogStream", "logs:PutLogEvents")
        return role

    def _new_role(self, policies: Mapping[str, iam.PolicyDocument]) -> iam.Role:
        principal = iam.ServicePrincipal("lambda.amazonaws.com")
        role = iam.Role(self, "Role", assumed_by=principal, inline_policies=policies)
        for rule in _WITHOUT_RESOURCE:
            acknowledge_role(role, rule, _NO_RESOURCE)
        return role

    def _extended(self, role: iam.IRole, policies: Mapping[str, iam.PolicyDocument]) -> iam.IRole:
        """Attach policies to a given role; one that takes none is left as it is."""
        for name, document in policies.items():
            policy = iam.Policy(self, name, document=document)
            role.attach_inline_policy(policy)
            for rule in _WITHOUT_RESOURCE:
                acknowledge(policy, rule, _NO_RESOURCE)
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
    actions = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
    return iam.PolicyDocument(statements=[iam.PolicyStatement(actions=actions, resources=["*"])])


def _network_interfaces() -> iam.PolicyDocument:
    """Let Lambda manage the network interfaces of the function, but not the function's own code."""
    actions = list(_NETWORK_INTERFACE_ACTIONS)
    from_code = {"Null": {"lambda:SourceFunctionArn": "false"}}  # Lambda sets the key when the function's code calls
    deny = iam.PolicyStatement(effect=iam.Effect.DENY, actions=actions, resources=["*"], conditions=from_code)
    return iam.PolicyDocument(statements=[iam.PolicyStatement(actions=actions, resources=["*"]), deny])


def _variables(contract: EnvironmentContract) -> dict[str, str]:
    """Return the variables of one contract; a number that only the deployment knows becomes the text of its token."""
    variables = contract.to_environment()
    for field_ in dataclasses.fields(contract):
        value = getattr(contract, field_.name)
        if isinstance(value, float) and not is_known(value):
            variables[contract.variable_name(field_.name)] = Tokenization.stringify_number(value)
    return variables


def _merged_environment(contracts: Sequence[EnvironmentContract]) -> dict[str, str]:
    """Return the variables of all `contracts`. Two contracts may set a variable to the same value.

    Raises:
        InvalidPropsError: Two contracts set a variable to different values.
    """
    variables: dict[str, str] = {}
    for contract in contracts:
        for name, value in _variables(contract).items():
            if variables.setdefault(name, value) != value:
                msg = (
                    f"environment must give each variable one value, got another {name} from {type(contract).__name__}"
                )
                raise InvalidPropsError(msg)
    return variables
