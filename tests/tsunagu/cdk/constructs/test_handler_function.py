from dataclasses import dataclass
from typing import Any

import pytest
from aws_cdk import Duration, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from cdk_nag import AwsSolutionsChecks

from tests.tsunagu.cdk.constructs.synthesized import only, permissions, properties, resources
from tsunagu.cdk.assets import HandlerPackage, Platform
from tsunagu.cdk.constructs.handler_function import HandlerFunction, HandlerFunctionProps
from tsunagu.cdk.constructs.network import Network
from tsunagu.contracts.environment import EnvironmentContract
from tsunagu.errors import InvalidPropsError

FUNCTION = "AWS::Lambda::Function"
NETWORK_INTERFACE_ACTIONS = {
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicesEnvironment(EnvironmentContract):
    bucket_name: str
    limit_count: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveEnvironment(EnvironmentContract):
    bucket_name: str


def function(stack: Stack, package: HandlerPackage, **settings: Any) -> HandlerFunction:
    return HandlerFunction(stack, "Invoices", props(package, **settings))


def props(package: HandlerPackage, timeout: int = 5, **settings: Any) -> HandlerFunctionProps:
    return HandlerFunctionProps(package=package, timeout=Duration.seconds(timeout), **settings)


def test_defaults_are_a_small_arm_function_with_a_current_python(stack: Stack, package: HandlerPackage) -> None:
    function(stack, package)

    found = properties(stack, FUNCTION)
    assert found["Runtime"] == "python3.13"
    assert found["Architectures"] == ["arm64"]
    assert found["MemorySize"] == 256
    assert found["Timeout"] == 5
    assert "ReservedConcurrentExecutions" not in found
    assert "VpcConfig" not in found


def test_platform_decides_runtime_and_architecture(stack: Stack, package: HandlerPackage) -> None:
    function(stack, package, platform=Platform(python="3.11", architecture="x86_64"))

    found = properties(stack, FUNCTION)
    assert found["Runtime"] == "python3.11"
    assert found["Architectures"] == ["x86_64"]


def test_code_is_the_asset_of_the_package(stack: Stack, package: HandlerPackage) -> None:
    function(stack, package)

    assert properties(stack, FUNCTION)["Handler"] == "invoices.handler.handler"


def test_logs_are_json_in_a_group_of_its_own(stack: Stack, package: HandlerPackage) -> None:
    function(stack, package, log_retention=logs.RetentionDays.ONE_WEEK)

    [group] = resources(stack, "AWS::Logs::LogGroup")
    assert properties(stack, FUNCTION)["LoggingConfig"] == {"LogFormat": "JSON", "LogGroup": {"Ref": group}}
    assert properties(stack, "AWS::Logs::LogGroup") == {"RetentionInDays": 7}


def test_traces_are_active(stack: Stack, package: HandlerPackage) -> None:
    function(stack, package)

    assert properties(stack, FUNCTION)["TracingConfig"] == {"Mode": "Active"}


@pytest.mark.parametrize(("protect", "policy"), [(True, "Retain"), (False, "Delete")])
def test_protection_decides_what_becomes_of_the_logs(
    stack: Stack, package: HandlerPackage, protect: bool, policy: str
) -> None:
    function(stack, package, protect=protect)

    assert only(stack, "AWS::Logs::LogGroup")["DeletionPolicy"] == policy


def test_role_may_write_its_logs_and_traces_and_no_more(stack: Stack, package: HandlerPackage) -> None:
    function(stack, package)

    assert "ManagedPolicyArns" not in properties(stack, "AWS::IAM::Role")
    assert permissions(stack) == {
        ("logs:CreateLogStream", "InvoicesLogGroup"),
        ("logs:PutLogEvents", "InvoicesLogGroup"),
        ("xray:PutTelemetryRecords", "*"),
        ("xray:PutTraceSegments", "*"),
    }


def test_role_is_open_to_grants_of_others(stack: Stack, package: HandlerPackage) -> None:
    handler = function(stack, package)

    sqs.Queue(stack, "Reminders").grant(handler.function, "sqs:SendMessage")

    assert ("sqs:SendMessage", "Reminders") in permissions(stack)


def test_wide_grant_of_a_consumer_is_still_found_by_scanners(stack: Stack, package: HandlerPackage) -> None:
    handler = function(stack, package)

    handler.role.add_to_principal_policy(iam.PolicyStatement(actions=["sqs:SendMessage"], resources=["*"]))

    report = AwsSolutionsChecks(stack).validate_scope(stack)
    assert [violation.rule_name for violation in report.violations] == ["AwsSolutions-IAM5[Resource::*]"]


def test_contracts_become_environment_variables(stack: Stack, package: HandlerPackage) -> None:
    function(stack, package, environment=[InvoicesEnvironment(bucket_name="papers")])

    assert properties(stack, FUNCTION)["Environment"] == {"Variables": {"BUCKET_NAME": "papers", "LIMIT_COUNT": "10"}}


def test_two_contracts_may_say_the_same(stack: Stack, package: HandlerPackage) -> None:
    contracts = [InvoicesEnvironment(bucket_name="papers"), ArchiveEnvironment(bucket_name="papers")]

    function(stack, package, environment=contracts)

    assert properties(stack, FUNCTION)["Environment"]["Variables"]["BUCKET_NAME"] == "papers"


def test_variable_with_two_values_is_refused(stack: Stack, package: HandlerPackage) -> None:
    contracts = [InvoicesEnvironment(bucket_name="papers"), ArchiveEnvironment(bucket_name="cellar")]

    sentence = "^Stack/Invoices: environment must give each variable one value, got another BUCKET_NAME"
    with pytest.raises(InvalidPropsError, match=sentence):
        function(stack, package, environment=contracts)


def test_function_in_a_network_uses_its_subnets_and_groups(stack: Stack, package: HandlerPackage) -> None:
    group = ec2.SecurityGroup.from_security_group_id(stack, "Group", "sg-0a1b2c3d4e5f60718")

    function(stack, package, network=Network(vpc=_vpc(stack), security_groups=[group]))

    assert properties(stack, FUNCTION)["VpcConfig"] == {
        "SubnetIds": ["subnet-11111111", "subnet-22222222"],
        "SecurityGroupIds": ["sg-0a1b2c3d4e5f60718"],
    }


def test_function_in_a_network_without_groups_gets_one_of_its_own(stack: Stack, package: HandlerPackage) -> None:
    function(stack, package, network=Network(vpc=_vpc(stack)))

    assert "SecurityGroupIngress" not in properties(stack, "AWS::EC2::SecurityGroup")


def test_network_interfaces_are_for_lambda_and_not_for_the_code(stack: Stack, package: HandlerPackage) -> None:
    function(stack, package, network=Network(vpc=_vpc(stack)))

    role = properties(stack, "AWS::IAM::Role")
    [policy] = [found for found in role["Policies"] if found["PolicyName"] == "NetworkInterfaces"]
    allowed, denied = policy["PolicyDocument"]["Statement"]
    assert "ManagedPolicyArns" not in role
    assert (allowed["Effect"], denied["Effect"]) == ("Allow", "Deny")
    assert set(allowed["Action"]) == NETWORK_INTERFACE_ACTIONS
    assert set(denied["Action"]) == NETWORK_INTERFACE_ACTIONS
    assert denied["Condition"] == {"Null": {"lambda:SourceFunctionArn": "false"}}


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"timeout": 0}, "timeout must be between 1 and 900 seconds, got 0"),
        ({"timeout": 901}, "timeout must be between 1 and 900 seconds, got 901"),
        ({"memory_mib": 127}, "memory_mib must be between 128 and 10,240 MiB, got 127"),
        ({"memory_mib": 10_241}, "memory_mib must be between 128 and 10,240 MiB, got 10,241"),
        ({"reserved_concurrency": 0}, "reserved_concurrency must be between 1 and 1,000,000, got 0"),
    ],
)
def test_prop_out_of_its_range_is_refused_with_a_sentence(
    package: HandlerPackage, settings: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InvalidPropsError) as refusal:
        props(package, **settings)

    assert str(refusal.value) == sentence


def _vpc(stack: Stack) -> ec2.IVpc:
    return ec2.Vpc.from_vpc_attributes(
        stack,
        "Vpc",
        vpc_id="vpc-0123456789abcdef0",
        availability_zones=["eu-west-1a", "eu-west-1b"],
        private_subnet_ids=["subnet-11111111", "subnet-22222222"],
        private_subnet_route_table_ids=["rtb-11111111", "rtb-22222222"],
    )
