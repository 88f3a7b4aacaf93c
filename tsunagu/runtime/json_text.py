"""JSON text of messages, items and objects: written in one form, read strictly, and with numbers that stay exact.

A JSON number can have more digits than a `float` keeps. Such a number is read as an `ExactFloat`, which keeps its text,
so it is written again with all of its digits.
"""

import json
import math
import re
from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any, NoReturn, Self

from tsunagu.runtime.errors import InvalidMessageError

JsonObject = dict[str, Any]

_ALWAYS_EXACT_CHARACTERS = 16  # a point and 15 digits, without an exponent: a float keeps these
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_BYTE_ORDER_MARK = "\ufeff"
_CONTAINERS = (dict, list, tuple)
_PLAIN = frozenset({str, int, float, bool, type(None)})
_SHOWN_CHARACTERS = 40
_SMALLEST_EXPONENT = -6_176  # that of a decimal number of 128 bits, IEEE 754


class _DecimalFoundError(Exception):
    """The value has a `Decimal`, which the writer of the standard library does not know."""


class _RefusedError(Exception):
    """The reader found what other readers accept, and this one does not. The text follows the name of the text."""


class ExactFloat(float):
    """A JSON number that a `float` would round. As a `float` it is rounded; its text has all digits.

    `str()`, `repr()` and an f-string return the text. So `Decimal(str(number))` is exact for each JSON number.

    Args:
        text: The number, as JSON spells it.

    Attributes:
        text: The number, as it was sent.
    """

    __slots__ = ("text",)

    text: str

    def __new__(cls, text: str) -> Self:
        """Make the number of a text."""
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __getnewargs__(self) -> tuple[str]:  # type: ignore[override]  # a copy must have all digits too
        return (self.text,)

    def __repr__(self) -> str:
        return self.text

    __str__ = __repr__


_EXACT = (ExactFloat, Decimal)
Spelling = Callable[[ExactFloat | Decimal], str]


def read_json(name: str, text: str | bytes) -> Any:
    """Return the JSON value of a text. This is the one reader of JSON that others wrote, and it is strict.

    It refuses what JSON or Unicode does not know (NaN, half a surrogate pair, a byte order mark), what readers
    understand differently (a key twice in one object), and numbers that are not of moderate size.

    Args:
        name: What the text is, for the error: "the body".
        text: The text, or its bytes in UTF-8.

    Returns:
        The value. A number with a fraction or an exponent is a `float`; where that would round it, an `ExactFloat`.

    Raises:
        InvalidMessageError: The text is refused; the error says why, without the text.
    """
    try:
        characters = _characters(text)
        value = _READER.decode(characters)
        if _ESCAPED_SURROGATE.search(characters):  # most are pairs; only the value shows the halves
            json.dumps(value, ensure_ascii=False).encode()
    except _RefusedError as error:
        msg = f"{name} {error}"
        raise InvalidMessageError(msg) from None
    except UnicodeDecodeError:
        msg = f"{name} must be JSON in UTF-8, got other bytes"
        raise InvalidMessageError(msg) from None
    except UnicodeEncodeError:
        msg = f"{name} must be JSON in Unicode, got half a surrogate pair"
        raise InvalidMessageError(msg) from None
    except RecursionError:
        msg = f"{name} must be JSON of moderate depth, got one nested too deep"
        raise InvalidMessageError(msg) from None
    except json.JSONDecodeError as error:
        msg = f"{name} must be JSON, got an error at line {error.lineno}, column {error.colno}: {error.msg}"
        raise InvalidMessageError(msg) from None
    except ValueError:
        msg = f"{name} must be JSON with numbers of moderate size, got one that is too large"
        raise InvalidMessageError(msg) from None
    return value


def _characters(text: str | bytes) -> str:
    characters = text.decode() if isinstance(text, bytes) else text
    characters.encode()
    if characters.startswith(_BYTE_ORDER_MARK):
        msg = "must be JSON without a byte order mark (BOM)"
        raise _RefusedError(msg)
    return characters


def exact_number(text: str) -> float:
    """Return a JSON number that has a fraction or an exponent; the `parse_float` of `json.loads`.

    Returns:
        A `float`, if its shortest spelling has the same value; else an `ExactFloat`.

    Raises:
        ValueError: The number is not of moderate size.
    """
    number = float(text)
    if len(text) <= _ALWAYS_EXACT_CHARACTERS and "e" not in text and "E" not in text:
        return number
    if math.isinf(number):
        msg = "a number is too large"
        raise ValueError(msg)
    spelled = repr(number)
    try:
        is_exact = spelled == text or Decimal(spelled) == Decimal(text)
    except InvalidOperation:  # an exponent of 19 digits
        msg = "the exponent of a number is too large"
        raise ValueError(msg) from None
    if is_exact:
        return number
    if not is_of_moderate_size(Decimal(text)):
        msg = "a number is too small"
        raise ValueError(msg)
    return ExactFloat(text)


def _unique_keys(pairs: list[tuple[str, Any]]) -> JsonObject:
    result = dict(pairs)
    if len(result) < len(pairs):
        msg = "must hold each key once, got a key twice in one object"
        raise _RefusedError(msg)
    return result


def _refuse_constant(constant: str) -> NoReturn:
    msg = f"must be JSON, got {constant}, which is not a JSON number"
    raise _RefusedError(msg)


# Made once: a receiver reads and writes JSON several times for each message.
_READER = json.JSONDecoder(object_pairs_hook=_unique_keys, parse_constant=_refuse_constant, parse_float=exact_number)


def is_of_moderate_size(number: Decimal) -> bool:
    """Return whether `read_json` accepts a number: below 1.8e308, and zero or from 1e-6176.

    A `Decimal` knows exponents of 18 digits. To print such a number without its exponent takes all memory.
    """
    is_finite = number.is_finite() and not math.isinf(float(number))
    return is_finite and (number.is_zero() or number.adjusted() >= _SMALLEST_EXPONENT)


def json_text(value: object) -> str:
    """Return the shortest JSON of a value. Characters outside ASCII are not escaped.

    An `ExactFloat` and a `Decimal` are written with all of their digits.

    Two characters are escaped, because SQS does not accept them:
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html

    Raises:
        InvalidMessageError: The value is not JSON, contains NaN or half a surrogate pair, is nested too deep, or has a
            `Decimal` that could not be read again.
    """
    try:
        text = _dumps(value, _exact_text, _SHORTEST)
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:  # a surrogate's UnicodeEncodeError is a ValueError
        msg = f"the value must be JSON, got one with {_why(error)}"
        raise InvalidMessageError(msg) from None
    return text.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")


def canonical_json(value: object) -> str:
    """Return the same text for equal JSON values: keys are sorted, and numbers are spelled by their exact value.

    Two numbers are equal if they have the same value, and both or none of them have a fraction or an exponent: `1.0`
    equals `1.00` and `1e0`, but not `1`.

    The text of a value whose numbers all fit a `float` must never change, because tables keep hashes of it.

    Raises:
        InvalidMessageError: The value is not JSON, or is nested too deep.
    """
    try:
        return _dumps(value, _canonical_number, _CANONICAL)
    except (TypeError, ValueError, RecursionError) as error:
        msg = f"the value must be JSON, got one with {_why(error)}"
        raise InvalidMessageError(msg) from None


def has_exact_numbers(value: object) -> bool:
    """Return whether a JSON value has an `ExactFloat` or a `Decimal`, which other writers of JSON round or refuse."""
    containers = [value] if isinstance(value, _CONTAINERS) else [(value,)]
    while containers:
        container = containers.pop()
        parts: Iterable[object] = container.values() if isinstance(container, dict) else container
        kinds = set(map(type, parts))
        if kinds <= _PLAIN:
            continue
        if any(issubclass(kind, _EXACT) for kind in kinds):
            return True
        if any(issubclass(kind, _CONTAINERS) for kind in kinds):
            containers += [part for part in parts if isinstance(part, _CONTAINERS)]
    return False


def _dumps(value: object, spell: Spelling, writer: json.JSONEncoder) -> str:
    """Return the JSON of a value. Only where it has exact numbers, the slower writer is needed."""
    try:
        text = writer.encode(value)
    except _DecimalFoundError:
        pass
    else:
        if not has_exact_numbers(value):
            return text
    return _exact_dumps(value, spell, ensure_ascii=writer.ensure_ascii, sort_keys=writer.sort_keys)


def _refuse_type(part: object) -> NoReturn:
    if isinstance(part, Decimal):
        raise _DecimalFoundError
    msg = f"Object of type {type(part).__name__} is not JSON serializable"
    raise TypeError(msg)


_writer_of = partial(json.JSONEncoder, default=_refuse_type, allow_nan=False, separators=(",", ":"))
_SHORTEST = _writer_of(ensure_ascii=False)
_CANONICAL = _writer_of(ensure_ascii=True, sort_keys=True)


def _exact_dumps(value: object, spell: Spelling, *, ensure_ascii: bool, sort_keys: bool) -> str:
    def write(part: object) -> str:
        if isinstance(part, _EXACT):
            return spell(part)
        if isinstance(part, dict):
            pairs = sorted(part.items()) if sort_keys else part.items()
            return "{" + ",".join(f"{key(name)}:{write(inner)}" for name, inner in pairs) + "}"
        if isinstance(part, list | tuple):
            return "[" + ",".join(map(write, part)) + "]"
        return json.dumps(part, ensure_ascii=ensure_ascii, allow_nan=False)

    def key(name: object) -> str:
        text = json.dumps({name: 0}, ensure_ascii=ensure_ascii, separators=(",", ":"))  # a key may be a number
        return text[1:-3]

    return write(value)


def _exact_text(number: ExactFloat | Decimal) -> str:
    if isinstance(number, ExactFloat):
        return number.text
    if not is_of_moderate_size(number):
        msg = f"the number {str(number)[:_SHOWN_CHARACTERS]}, which is not of moderate size"
        raise ValueError(msg)
    return str(number)


def _canonical_number(number: ExactFloat | Decimal) -> str:
    text = _exact_text(number)
    if text.lstrip("-").isdigit():
        return str(int(text))
    rounded, exact = repr(float(text)), Decimal(text)
    if Decimal(rounded) == exact:
        return rounded
    sign, digits, exponent = exact.as_tuple()
    significant = "".join(map(str, digits)).rstrip("0")  # never empty, because a float keeps zero
    return f"{'-' * sign}{significant}E{int(exponent) + len(digits) - len(significant)}"


def _why(error: Exception) -> str:
    if isinstance(error, UnicodeEncodeError):
        return "half a surrogate pair"
    return "too deep a nesting" if isinstance(error, RecursionError) else str(error)
