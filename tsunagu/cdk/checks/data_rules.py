"""Rules about stateful resources, and about names."""

from collections.abc import Iterator

from tsunagu.cdk.checks.consumer_rules import FUNCTION, QUEUE, variable
from tsunagu.cdk.checks.rule import Finding, Rule
from tsunagu.contracts import items
from tsunagu.contracts.environment import ReceiverEnvironment
from tsunagu.templates.intrinsics import is_intrinsic
from tsunagu.templates.template import Resource, Template

_TABLE = "AWS::DynamoDB::Table"
_STATEFUL = (QUEUE, _TABLE, "AWS::DynamoDB::GlobalTable", "AWS::KMS::Key", "AWS::S3::Bucket")
_NAME_PROPERTIES = {
    QUEUE: "QueueName",
    _TABLE: "TableName",
    FUNCTION: "FunctionName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::IAM::Role": "RoleName",
    "AWS::Logs::LogGroup": "LogGroupName",
}
_TABLE_VARIABLE = ReceiverEnvironment.variable_name("idempotency_table_name")


def _everlasting_items(template: Template) -> Iterator[Finding]:
    for table in template.of_type(_TABLE):
        if table.key in _idempotency_tables(template) and not _may_expire(table):
            yield Finding(table, "Properties/TimeToLiveSpecification")


def _may_expire(table: Resource) -> bool:
    """Return whether the items of a table expire, as far as it is known."""
    if table.is_unknown("TimeToLiveSpecification"):
        return True
    ttl = table.mapping("TimeToLiveSpecification")
    attribute = ttl.get("AttributeName")
    return bool(ttl.get("Enabled")) and (attribute == items.EXPIRATION or is_intrinsic(attribute))


def _idempotency_tables(template: Template) -> set[str]:
    """Return the keys of tables that a function uses as its idempotency table."""
    tables = (variable(template, function, _TABLE_VARIABLE) for function in template.of_type(FUNCTION))
    return {table.key for table in tables if table is not None}


def _fixed_name(template: Template) -> Iterator[Finding]:
    for resource_type, name in _NAME_PROPERTIES.items():
        for resource in template.of_type(resource_type):
            if isinstance(resource.properties.get(name), str):
                yield Finding(resource, f"Properties/{name}")


def _deleted_with_stack(template: Template) -> Iterator[Finding]:
    for resource in template.of_type(*_STATEFUL):
        if resource.deletion_policy == "Delete":
            yield Finding(resource, "DeletionPolicy")


def _deletable_table(template: Template) -> Iterator[Finding]:
    for table in template.of_type(_TABLE):
        protection = table.properties.get("DeletionProtectionEnabled")
        if protection is not True and not is_intrinsic(protection):
            yield Finding(table, "Properties/DeletionProtectionEnabled")


DATA_RULES = (
    Rule(
        rule_id="IdempotencyTtl",
        description="Idempotency items are never deleted, so that the table grows for ever.",
        fix=f"Enable TimeToLiveSpecification on the attribute {items.EXPIRATION}.",
        find=_everlasting_items,
    ),
    Rule(
        rule_id="FixedName",
        description="A fixed physical name: no second stack can be deployed beside it, and a change that replaces the "
        "resource fails.",
        fix="Leave the name to CloudFormation, and read it from an output.",
        find=_fixed_name,
    ),
)
PROTECTION_RULES = (
    Rule(
        rule_id="StatefulDelete",
        description="A protected stage deletes this resource with its stack.",
        fix="Set DeletionPolicy to Retain.",
        find=_deleted_with_stack,
    ),
    Rule(
        rule_id="DeletionProtection",
        description="A protected stage has this table without deletion protection.",
        fix="Set DeletionProtectionEnabled.",
        find=_deletable_table,
    ),
)
