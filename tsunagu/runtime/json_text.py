"""JSON text of messages, items and objects: written in one form, and read strictly."""

import json
from typing import Any, NoReturn

from tsunagu.runtime.errors import InvalidMessageError

JsonObject = dict[str, Any]


def json_text(value: object) -> str:
    """Return the shortest JSON of a value. Characters outside ASCII are not escaped.

    Two characters are escaped, because SQS does not accept them:
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html

    Raises:
        InvalidMessageError: The value is not JSON, contains NaN or half a surrogate pair, or is nested too deep.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:  # a surrogate's UnicodeEncodeError is a ValueError
        msg = f"the value must be JSON, got one with {_why(error)}"
        raise InvalidMessageError(msg) from None
    return text.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")


def unique_keys(pairs: list[tuple[str, Any]]) -> JsonObject:
    """Return the object of these pairs; the `object_pairs_hook` of `json.loads`.

    Raises:
        InvalidMessageError: A key is there twice.
    """
    result = dict(pairs)
    if len(result) < len(pairs):
        msg = "the body must hold each key once, got a key twice in one object"
        raise InvalidMessageError(msg)
    return result


def refuse_constant(name: str) -> NoReturn:
    """Refuse NaN and the infinities; the `parse_constant` of `json.loads`.

    Raises:
        InvalidMessageError: Always.
    """
    msg = f"the body must be JSON, got {name}, which is not a JSON number"
    raise InvalidMessageError(msg)


def _why(error: Exception) -> str:
    if isinstance(error, UnicodeEncodeError):
        return "half a surrogate pair"
    return "too deep a nesting" if isinstance(error, RecursionError) else str(error)
