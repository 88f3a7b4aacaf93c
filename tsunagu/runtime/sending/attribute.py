"""A message attribute, as SQS and SNS know it."""

from typing import NamedTuple


class Attribute(NamedTuple):
    """A message attribute of any type.

    Attributes:
        data_type: Type as SQS names it, such as `Number` or `Binary.png`.
        value: Text; bytes for a binary type.
    """

    data_type: str
    value: str | bytes
