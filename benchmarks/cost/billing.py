"""The rules by which AWS makes units of items, calls and messages."""

import math
from collections.abc import Mapping
from typing import Any

# https://aws.amazon.com/sns/pricing/, https://aws.amazon.com/sqs/pricing/ and, of a pipe,
# https://aws.amazon.com/eventbridge/pricing/: each such piece of a call is a request.
BILLED_BYTES = 65_536
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
WRITE_UNIT_BYTES, READ_UNIT_BYTES = 1_024, 4_096
TRANSACTIONAL, EVENTUAL = 2, 0.5
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
CONTAINER_BYTES = 3
# "Up to 99 %" are spared: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html
CALLS_PAST_THE_BUCKET_KEY = 0.01


def write_units(size_bytes: int) -> int:
    """Return the units of a write of an item, or of a refused one."""
    return max(1, math.ceil(size_bytes / WRITE_UNIT_BYTES))


def read_units(size_bytes: int) -> int:
    """Return the units of a consistent read of an item, or of one that is not there."""
    return max(1, math.ceil(size_bytes / READ_UNIT_BYTES))


def billed_requests(size_bytes: float) -> int:
    """Return the requests that a call of SQS, SNS or a pipe is billed as, with messages of so many bytes together."""
    return max(1, math.ceil(size_bytes / BILLED_BYTES))


def item_bytes(attributes: Mapping[str, Mapping[str, Any]]) -> int:
    """Return the size by which DynamoDB bills: names and values.

    A number has a byte for two digits, without zeros at its ends, and one more. A list and a map have three bytes, and
    one for each value. See
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(len(name) + _value_bytes(value) for name, value in attributes.items())


def _value_bytes(value: Mapping[str, Any]) -> int:
    ((kind, held),) = value.items()
    if kind == "S":
        return len(held.encode())
    if kind == "N":
        return (len(held.strip("0")) + 1) // 2 + 1
    if kind == "L":
        return CONTAINER_BYTES + sum(1 + _value_bytes(each) for each in held)
    if kind == "M":
        return CONTAINER_BYTES + sum(1 + len(name) + _value_bytes(each) for name, each in held.items())
    return 1  # a truth value, or null
