"""List prices of us-east-1 in USD, without free tiers and volume discounts.

Each has the page on which its figure was seen, with the page's date. What counts is AWS's own page of the service,
`https://aws.amazon.com/<service>/pricing/`: it shows most figures only to a browser, so compare before you budget.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Purpose(StrEnum):
    """What is paid for."""

    TRANSPORT = "transport"  # messages, and the objects that they refer to
    JOURNAL = "journal"  # the idempotency items, which hold inline payloads too
    COMPUTE = "compute"


class Component(StrEnum):
    """What AWS bills for."""

    S3_PUT = "S3 PUT"
    S3_GET = "S3 GET"
    S3_STORAGE = "S3 storage, GB-months"
    S3_KMS = "KMS for S3, by bucket key"
    SNS_PUBLISH = "SNS publish, 64 KB"
    SNS_KMS = "KMS for topics"
    SQS_RECEIVE = "SQS receive, 64 KB"
    SQS_DELETE = "SQS delete"
    DYNAMODB_WRITE = "DynamoDB write units"
    DYNAMODB_INDEX = "DynamoDB index write units"
    DYNAMODB_READ = "DynamoDB read units"
    DYNAMODB_STORAGE = "DynamoDB storage, GB-months"
    DYNAMODB_RECOVERY = "DynamoDB recovery, GB-months"
    LAMBDA_REQUEST = "Lambda requests"
    LAMBDA_DURATION = "Lambda GB-seconds, arm64"


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a component costs.

    Attributes:
        usd: Price on the list.
        per: Units that it is the price of. Default: one.
        purpose: What is paid for.
        seen: Page on which the figure was seen, and its date.
    """

    usd: float
    per: int = 1
    purpose: Purpose
    seen: str

    @property
    def unit_usd(self) -> float:
        """Price of one unit."""
        return self.usd / self.per


_MILLION = 1_000_000

_SEEN_S3_REQUESTS = "https://c3x.dev/blog/s3-request-fees-explained (undated)"
_SEEN_S3_STORAGE = "https://gist.github.com/EverettBerry/a37438006529a55f42da6fdbc44a505c (July 2022)"
_SEEN_KMS = "https://www.factualminds.com/blog/aws-kms-pricing-keys-requests-multi-region/ (June 2026)"
_SEEN_SNS = "https://www.factualminds.com/blog/amazon-sns-pricing-publishes-fanout-protocols/ (June 2026)"
_SEEN_SQS = "https://cloudburn.io/blog/amazon-sqs-pricing (March 2026)"
_SEEN_DYNAMODB = "https://airbyte.com/data-engineering-resources/dynamodb-pricing (July 2025)"
_SEEN_DYNAMODB_STORAGE = "https://aws.amazon.com/dynamodb/pricing/ (undated)"
_SEEN_DYNAMODB_RECOVERY = "https://finops.com.py/services/dynamodb/backups (undated)"
_SEEN_LAMBDA_REQUESTS = "https://gist.github.com/allenheltondev/d028926b7fe3b0656c96af9140ab55e3 (March 2020)"
_SEEN_LAMBDA_DURATION = "https://cloudchipr.com/blog/aws-lambda-pricing (2024)"

PRICES: Mapping[Component, Price] = {
    Component.S3_PUT: Price(usd=0.005, per=1_000, purpose=Purpose.TRANSPORT, seen=_SEEN_S3_REQUESTS),
    Component.S3_GET: Price(usd=0.0004, per=1_000, purpose=Purpose.TRANSPORT, seen=_SEEN_S3_REQUESTS),
    Component.S3_STORAGE: Price(usd=0.023, purpose=Purpose.TRANSPORT, seen=_SEEN_S3_STORAGE),
    Component.S3_KMS: Price(usd=0.03, per=10_000, purpose=Purpose.TRANSPORT, seen=_SEEN_KMS),
    Component.SNS_PUBLISH: Price(usd=0.50, per=_MILLION, purpose=Purpose.TRANSPORT, seen=_SEEN_SNS),
    Component.SNS_KMS: Price(usd=0.03, per=10_000, purpose=Purpose.TRANSPORT, seen=_SEEN_KMS),
    Component.SQS_RECEIVE: Price(usd=0.40, per=_MILLION, purpose=Purpose.TRANSPORT, seen=_SEEN_SQS),
    Component.SQS_DELETE: Price(usd=0.40, per=_MILLION, purpose=Purpose.TRANSPORT, seen=_SEEN_SQS),
    Component.DYNAMODB_WRITE: Price(usd=0.625, per=_MILLION, purpose=Purpose.JOURNAL, seen=_SEEN_DYNAMODB),
    Component.DYNAMODB_INDEX: Price(usd=0.625, per=_MILLION, purpose=Purpose.JOURNAL, seen=_SEEN_DYNAMODB),
    Component.DYNAMODB_READ: Price(usd=0.125, per=_MILLION, purpose=Purpose.JOURNAL, seen=_SEEN_DYNAMODB),
    Component.DYNAMODB_STORAGE: Price(usd=0.25, purpose=Purpose.JOURNAL, seen=_SEEN_DYNAMODB_STORAGE),
    Component.DYNAMODB_RECOVERY: Price(usd=0.20, purpose=Purpose.JOURNAL, seen=_SEEN_DYNAMODB_RECOVERY),
    Component.LAMBDA_REQUEST: Price(usd=0.20, per=_MILLION, purpose=Purpose.COMPUTE, seen=_SEEN_LAMBDA_REQUESTS),
    Component.LAMBDA_DURATION: Price(usd=0.0000133334, purpose=Purpose.COMPUTE, seen=_SEEN_LAMBDA_DURATION),
}
