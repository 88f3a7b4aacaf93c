import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import boto3
import pytest

from tsunagu.errors import CommandError
from tsunagu.operations.channels import QueueKind, find_queue_url

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

FIFO_URL = "https://sqs.example/payments.fifo"
NO_STACK = (
    "<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code>"
    "<Message>Stack with id other does not exist</Message></Error></ErrorResponse>"
)
STACK = (
    "<DescribeStacksResponse><DescribeStacksResult><Stacks><member>"
    "<StackName>deployed</StackName><StackStatus>CREATE_COMPLETE</StackStatus>"
    "<CreationTime>2024-01-01T00:00:00Z</CreationTime><Outputs><member>"
    f"<OutputKey>FifoQueueUrl</OutputKey><OutputValue>{FIFO_URL}</OutputValue>"
    "</member></Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>"
)


class OneStack(BaseHTTPRequestHandler):
    """CloudFormation with one stack, called `deployed`: moto's cannot be used without its larger extras."""

    def do_POST(self) -> None:
        query = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        status, text = (200, STACK) if query["StackName"] == ["deployed"] else (400, NO_STACK)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Stay silent."""


@pytest.fixture
def cloudformation() -> Iterator["CloudFormationClient"]:
    with HTTPServer(("127.0.0.1", 0), OneStack) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield boto3.client(
            "cloudformation",
            endpoint_url=f"http://127.0.0.1:{server.server_port}",
            region_name="eu-central-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        server.shutdown()


def test_a_queue_is_found_by_the_outputs_of_its_stack(cloudformation: "CloudFormationClient") -> None:
    assert find_queue_url(cloudformation, "deployed", QueueKind.FIFO) == FIFO_URL


def test_a_stack_that_is_not_deployed_is_named(cloudformation: "CloudFormationClient") -> None:
    with pytest.raises(CommandError, match=r"^the stack other must be deployed, got none of this name at http://"):
        find_queue_url(cloudformation, "other", QueueKind.FIFO)


def test_a_stack_without_the_output_is_told_with_those_it_has(cloudformation: "CloudFormationClient") -> None:
    with pytest.raises(CommandError, match="must have the output StandardQueueUrl, got FifoQueueUrl"):
        find_queue_url(cloudformation, "deployed", QueueKind.STANDARD)
