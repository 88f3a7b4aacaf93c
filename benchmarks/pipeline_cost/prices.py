"""The list prices of what a pipeline uses, and what each is paid for. The figures are those of `tsunagu.costs`."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tsunagu.costs.prices import list_prices


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
        name: Name of its price in `tsunagu.costs`.
        usd: Price on the list.
        per: Units that it is the price of.
        purpose: What is paid for.
        seen: Page on which the figure was seen, and its date.
    """

    name: str
    usd: float
    per: int
    purpose: Purpose
    seen: str

    @property
    def unit_usd(self) -> float:
        """Price of one unit."""
        return self.usd / self.per


def _price(name: str, purpose: Purpose) -> Price:
    listed = list_prices()[name]
    return Price(name=name, usd=listed.usd, per=listed.per, purpose=purpose, seen=listed.seen)


PRICES: Mapping[Component, Price] = {
    Component.S3_PUT: _price("s3.put", Purpose.TRANSPORT),
    Component.S3_GET: _price("s3.get", Purpose.TRANSPORT),
    Component.S3_STORAGE: _price("s3.storage-gb", Purpose.TRANSPORT),
    Component.S3_KMS: _price("kms.request", Purpose.TRANSPORT),
    Component.SNS_PUBLISH: _price("sns.publish", Purpose.TRANSPORT),
    Component.SNS_KMS: _price("kms.request", Purpose.TRANSPORT),
    Component.SQS_RECEIVE: _price("sqs.request", Purpose.TRANSPORT),
    Component.SQS_DELETE: _price("sqs.request", Purpose.TRANSPORT),
    Component.DYNAMODB_WRITE: _price("dynamodb.write", Purpose.JOURNAL),
    Component.DYNAMODB_INDEX: _price("dynamodb.write", Purpose.JOURNAL),
    Component.DYNAMODB_READ: _price("dynamodb.read", Purpose.JOURNAL),
    Component.DYNAMODB_STORAGE: _price("dynamodb.storage-gb", Purpose.JOURNAL),
    Component.DYNAMODB_RECOVERY: _price("dynamodb.recovery-gb", Purpose.JOURNAL),
    Component.LAMBDA_REQUEST: _price("lambda.request", Purpose.COMPUTE),
    Component.LAMBDA_DURATION: _price("lambda.gb-second", Purpose.COMPUTE),
}
