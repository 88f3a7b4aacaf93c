"""The function of the synchronous API: it puts the request under its idempotency key, once, and answers 202."""

import json
import os
from typing import Any

import boto3
from botocore.exceptions import ClientError

_table = boto3.client("dynamodb")


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Record the request."""
    headers = {name.lower(): value for name, value in event["headers"].items()}
    request_id = headers["idempotency-key"]
    try:
        _table.put_item(
            TableName=os.environ["RECORDS_TABLE"],
            Item={"id": {"S": request_id}, "body": {"S": event["body"]}, "status": {"S": "ACCEPTED"}},
            ConditionExpression="attribute_not_exists(id)",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
    return {"statusCode": 202, "body": json.dumps({"request_id": request_id})}
