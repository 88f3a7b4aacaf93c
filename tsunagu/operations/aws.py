"""Clients of AWS's services for operations: one of each, with retries that suit many small reads."""

import os
import threading
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_sts import STSClient

# Templates of many stacks are read in threads, and CloudFormation throttles early.
READERS = 6
ATTEMPTS, LOCAL_ATTEMPTS = 8, 2  # an embedded cloud that does not answer at once does not run
_LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")


def local_endpoint() -> str | None:
    """Return the endpoint of an emulator on this machine, if the environment names one."""
    own = os.environ.get("AWS_ENDPOINT_URL")
    return own if own and urlsplit(own).hostname in _LOCAL_HOSTS else None


def _config() -> Config:
    attempts = os.environ.get("AWS_MAX_ATTEMPTS") or (LOCAL_ATTEMPTS if local_endpoint() else ATTEMPTS)
    return Config(
        retries={"mode": "adaptive", "total_max_attempts": int(attempts)},
        connect_timeout=10,
        read_timeout=30,
        max_pool_connections=READERS * 2,
    )


class Aws:
    """Gives the client of each service, for one account and region. Threads may share it.

    Args:
        session: Session with credentials and region. Default: boto3's own, from the environment.
    """

    def __init__(self, session: boto3.Session | None = None) -> None:
        self._session = session
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    def client(self, service: str) -> Any:
        """Return the client of a service by boto3's name of it."""
        with self._lock:
            if service not in self._clients:
                maker = boto3 if self._session is None else self._session
                self._clients[service] = maker.client(cast("Any", service), config=_config())
            return self._clients[service]

    @property
    def cloudformation(self) -> "CloudFormationClient":
        """Client of CloudFormation."""
        return cast("CloudFormationClient", self.client("cloudformation"))

    @property
    def cloudwatch(self) -> "CloudWatchClient":
        """Client of CloudWatch."""
        return cast("CloudWatchClient", self.client("cloudwatch"))

    @property
    def dynamodb(self) -> "DynamoDBClient":
        """Client of DynamoDB."""
        return cast("DynamoDBClient", self.client("dynamodb"))

    @property
    def functions(self) -> "LambdaClient":
        """Client of Lambda."""
        return cast("LambdaClient", self.client("lambda"))

    @property
    def logs(self) -> "CloudWatchLogsClient":
        """Client of CloudWatch Logs."""
        return cast("CloudWatchLogsClient", self.client("logs"))

    @property
    def sns(self) -> "SNSClient":
        """Client of SNS."""
        return cast("SNSClient", self.client("sns"))

    @property
    def sqs(self) -> "SQSClient":
        """Client of SQS."""
        return cast("SQSClient", self.client("sqs"))

    @property
    def stepfunctions(self) -> "SFNClient":
        """Client of Step Functions."""
        return cast("SFNClient", self.client("stepfunctions"))

    @property
    def sts(self) -> "STSClient":
        """Client of STS."""
        return cast("STSClient", self.client("sts"))
