"""Writes and reads values in DynamoDB's format, as boto3 does.

The values that JSON has are written and read here, with members of enumerations, and decimal numbers, which amounts of
money are. Others that DynamoDB stores are written by boto3, which is imported only for them: sets, and instances of
other subclasses.

Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html
"""

from collections.abc import Callable, Mapping
from decimal import Clamped, Context, Decimal, Inexact, Overflow, Rounded, Underflow
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tsunagu.runtime.table_reader import TableItem

_NUMBERS_END = 10**38  # DynamoDB keeps 38 digits
# Refuses what DynamoDB would round. It is boto3's own.
_NUMBERS = Context(Emin=-128, Emax=126, prec=38, traps=[Clamped, Overflow, Inexact, Rounded, Underflow])


def to_attributes(values: Mapping[str, object]) -> dict[str, Any]:
    """Return plain Python values in DynamoDB's format.

    Raises:
        TypeError: DynamoDB has no type for a value.
        ArithmeticError: A number has more digits than DynamoDB keeps.
    """
    return {name: _written(value) for name, value in values.items()}


def _written(value: object) -> Any:
    write = _WRITERS.get(type(value))
    if write is None:
        write = next((_WRITERS[kind] for kind in (str, int) if isinstance(value, kind)), _written_by_boto3)
    return write(value)


def _written_number(value: int) -> Any:
    return {"N": int.__repr__(value)} if -_NUMBERS_END < value < _NUMBERS_END else _written_by_boto3(value)


def _written_decimal(value: Decimal) -> Any:
    return {"N": str(_NUMBERS.create_decimal(value))} if value.is_finite() else _written_by_boto3(value)


def _written_by_boto3(value: object) -> Any:
    from boto3.dynamodb.types import TypeSerializer  # noqa: PLC0415 - takes a tenth of a start

    return TypeSerializer().serialize(value)


_WRITERS: dict[type, Callable[[Any], Any]] = {
    str: lambda value: {"S": value},
    bool: lambda value: {"BOOL": value},
    type(None): lambda _: {"NULL": True},
    int: _written_number,
    Decimal: _written_decimal,
    bytes: lambda value: {"B": value},
    dict: lambda value: {"M": to_attributes(value)},
    list: lambda value: {"L": [_written(each) for each in value]},
    tuple: lambda value: {"L": [_written(each) for each in value]},
}


def plain_item(attributes: Mapping[str, Any]) -> "TableItem":
    """Return the attributes of an item, or of a key, as plain Python values; a whole number is an `int`."""
    return {name: _read(value) for name, value in attributes.items()}


def _read(attribute: Mapping[str, Any]) -> Any:
    [(kind, value)] = attribute.items()
    return _READERS[kind](value)


def _number(text: str) -> int | Decimal:
    number = Decimal(text)
    return int(number) if number == number.to_integral_value() else number


_READERS: dict[str, Callable[[Any], Any]] = {
    "S": str,
    "N": _number,
    "B": bytes,
    "BOOL": bool,
    "NULL": lambda _: None,
    "M": plain_item,
    "L": lambda values: [_read(each) for each in values],
    "SS": set,
    "NS": lambda values: set(map(_number, values)),
    "BS": lambda values: set(map(bytes, values)),
}
