"""Rules about buckets to which messages refer."""

from collections.abc import Iterator
from typing import Any

from tsunagu.cdk.checks.consumer_rules import DEFAULT_RETENTION, FUNCTION, consumptions, dead_letter_queues, variable
from tsunagu.cdk.checks.rule import Finding, Rule
from tsunagu.cdk.constructs.ranges import DAY_SECONDS
from tsunagu.contracts.pipeline import ServiceEnvironment
from tsunagu.templates.intrinsics import entries
from tsunagu.templates.template import Resource, Template, mapping

_BUCKET = "AWS::S3::Bucket"
_BUCKET_VARIABLE = ServiceEnvironment.variable_name("claim_bucket_name")


def _lost_claims(template: Template) -> Iterator[Finding]:
    for bucket in template.of_type(_BUCKET):
        days = [rule["ExpirationInDays"] for rule in _lifecycle(bucket) if _expires(rule)]
        longest = max((_stay(template, queue) for queue in _queues_with_claims(template, bucket)), default=0)
        if days and min(days) * DAY_SECONDS < longest:
            yield Finding(bucket, "Properties/LifecycleConfiguration")


def _lifecycle(bucket: Resource) -> list[dict[str, Any]]:
    rules = entries(bucket.mapping("LifecycleConfiguration").get("Rules"))
    return [dict(mapping(rule)) for rule in rules]


def _expires(rule: dict[str, Any]) -> bool:
    return rule.get("Status") == "Enabled" and isinstance(rule.get("ExpirationInDays"), int)


def _queues_with_claims(template: Template, bucket: Resource) -> Iterator[Resource]:
    """Iterate over queues whose messages can refer to objects of the bucket, because their consumer has its name."""
    readers = {
        function.key
        for function in template.of_type(FUNCTION)
        if variable(template, function, _BUCKET_VARIABLE) == bucket
    }
    for consumption in consumptions(template):
        if consumption.function is not None and consumption.function.key in readers:
            yield consumption.queue


def _stay(template: Template, queue: Resource) -> int:
    """Return the longest time of a message in its queue, its dead-letter queue and its queue again, in seconds."""
    retention = queue.number("MessageRetentionPeriod", DEFAULT_RETENTION) or 0
    dead_letters = [kept for source, kept in dead_letter_queues(template) if source == queue]
    kept = sum(found.number("MessageRetentionPeriod", DEFAULT_RETENTION) or 0 for found in dead_letters)
    return retention + kept + (retention if dead_letters else 0)


CLAIM_RULES = (
    Rule(
        rule_id="ClaimExpiration",
        description="Objects expire while messages that refer to them can still come, for example after a redrive.",
        fix="Raise ExpirationInDays above the retentions of the queue, of its dead letters, and of the queue again.",
        find=_lost_claims,
    ),
)
