"""Makes clients of AWS services, with time-outs that are shorter than the invocation."""

import functools
from typing import TYPE_CHECKING, Any

from botocore.config import Config

from tsunagu.runtime.aws.session import session
from tsunagu.runtime.restore import after_restore

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient

TRIES_PER_CALL = 3  # botocore's "standard" retries, the only layer that repeats a call
CALL_SHARE = 2 / 3  # of the function's time-out; the rest is for the answer to SQS
LONGEST_CONNECT_SECONDS = 1.0
LONGEST_READ_SECONDS = 2.0


def client_config(function_timeout_seconds: float, *, longest_read_seconds: float = LONGEST_READ_SECONDS) -> Config:
    """Return a configuration with which a call and all its retries end before the function times out.

    Args:
        function_timeout_seconds: Longest time of one invocation.
        longest_read_seconds: Longest wait for an answer. Calls that copy large objects need more than others.
    """
    try_seconds = function_timeout_seconds * CALL_SHARE / TRIES_PER_CALL
    return Config(
        connect_timeout=min(LONGEST_CONNECT_SECONDS, try_seconds / 3),
        read_timeout=min(longest_read_seconds, try_seconds * 2 / 3),
        retries={"mode": "standard", "total_max_attempts": TRIES_PER_CALL},
    )


def dynamodb_client(config: Config) -> "DynamoDBClient":
    """Return a DynamoDB client of the function's own region.

    DynamoDB validates the parameters; the SDK does not, because that takes a quarter of a batch's processor time.
    """
    client: DynamoDBClient = _client("dynamodb", config.merge(Config(parameter_validation=False)))
    return client


@functools.cache
def process_dynamodb_client(function_timeout_seconds: int) -> "DynamoDBClient":
    """Return the DynamoDB client that all parts of a function share. Making a second one would lengthen its start.

    Args:
        function_timeout_seconds: Longest time of one invocation.
    """
    return dynamodb_client(client_config(function_timeout_seconds))


def sqs_client(config: Config) -> "SQSClient":
    """Return an SQS client of the function's own region."""
    client: SQSClient = _client("sqs", config)
    return client


def sns_client(config: Config) -> "SNSClient":
    """Return an SNS client of the function's own region."""
    client: SNSClient = _client("sns", config)
    return client


def sfn_client(config: Config) -> "SFNClient":
    """Return a Step Functions client of the function's own region."""
    client: SFNClient = _client("stepfunctions", config)
    return client


def cloudwatch_client(config: Config) -> "CloudWatchClient":
    """Return a CloudWatch client of the function's own region."""
    client: CloudWatchClient = _client("cloudwatch", config)
    return client


def s3_client(config: Config) -> "S3Client":
    """Return an S3 client of the function's own region.

    The SDK does not check the checksums of responses: the caller compares each object with the SHA-256 of its claim.
    """
    client: S3Client = _client("s3", config.merge(Config(response_checksum_validation="when_required")))
    return client


def _client(service: str, config: Config) -> Any:
    """Return a client whose connections are not part of a snapshot."""
    made: Any = session().create_client(service, config=config)
    after_restore(made.close)  # the next call connects anew
    return made


class LazyClients:
    """Clients of one configuration. Each is made when it is first needed, so a start makes none of them.

    Args:
        config: Time-outs and retries.

    Attributes:
        sqs: Returns the SQS client.
        sns: Returns the SNS client.
        sfn: Returns the Step Functions client.
        s3: Returns the S3 client.
        cloudwatch: Returns the CloudWatch client.
    """

    def __init__(self, config: Config) -> None:
        self.sqs = functools.cache(lambda: sqs_client(config))
        self.sns = functools.cache(lambda: sns_client(config))
        self.sfn = functools.cache(lambda: sfn_client(config))
        self.s3 = functools.cache(lambda: s3_client(config))
        self.cloudwatch = functools.cache(lambda: cloudwatch_client(config))
