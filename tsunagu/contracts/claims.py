"""Keys of a pipeline's objects in S3, and the grammar of the names in them.

All keys are built here. The grammar of their parts makes sure that a key stays within the prefix of its request.
"""

import re

CONTENT_TYPE = "application/json"

# A UUID of version 7, in lower case. RFC 9562, sections 4 and 5.7.
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
_WITHIN = re.compile(rf"{_ID.pattern}/(request|{_NAME.pattern}/{_NAME.pattern}(/[0-9]+)?)\.json")


class ClaimKeyError(ValueError):
    """An identifier or a name is malformed, so it cannot be part of a key.

    The text does not have the value, because it may come from a caller, and Lambda logs the text.

    Attributes:
        expectation: What it must be.
    """

    def __init__(self, expectation: str, value: object) -> None:
        got = "text of another form" if isinstance(value, str) else type(value).__name__
        super().__init__(f"{expectation}, got {got}")
        self.expectation = expectation


def check_id(name: str, value: object) -> str:
    """Return `value` if it is a UUID of version 7. Request ids and run ids are such UUIDs.

    Raises:
        ClaimKeyError: It is something else.
    """
    if not isinstance(value, str) or not _ID.fullmatch(value):
        msg = f"{name} must be a UUID of version 7 in lower case"
        raise ClaimKeyError(msg, value)
    return value


def check_name(name: str, value: object) -> str:
    """Return `value` if it can name a pipeline, a step or a service.

    Raises:
        ClaimKeyError: It is something else.
    """
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        msg = f"{name} must be 1 to 32 lower-case letters, digits and hyphens, and begin with a letter"
        raise ClaimKeyError(msg, value)
    return value


def is_key_of(key: str, pipeline: str, request_id: str) -> bool:
    """Whether `key` is a key that this module builds for the request."""
    prefix = f"{pipeline}/{request_id}/"
    return key.startswith(prefix) and _WITHIN.fullmatch(key.removeprefix(prefix)) is not None


def request_key(pipeline: str, request_id: str, run_id: str) -> str:
    """Return the key of the JSON that started a run."""
    return f"{_run_prefix(pipeline, request_id, run_id)}request.json"


def input_key(pipeline: str, request_id: str, run_id: str, *, step: str, service: str) -> str:
    """Return the key of a result that the caller of a run gave, because the run starts after that service."""
    return (
        f"{_run_prefix(pipeline, request_id, run_id)}{check_name('step', step)}/{check_name('service', service)}.json"
    )


def result_key(pipeline: str, request_id: str, run_id: str, *, step: str, service: str, fencing_token: int) -> str:
    """Return the key of a service's result. Each attempt writes its own object, named by its fencing token."""
    prefix = _run_prefix(pipeline, request_id, run_id)
    return f"{prefix}{check_name('step', step)}/{check_name('service', service)}/{int(fencing_token)}.json"


def _run_prefix(pipeline: str, request_id: str, run_id: str) -> str:
    pipeline, request_id = check_name("pipeline", pipeline), check_id("request_id", request_id)
    return f"{pipeline}/{request_id}/{check_id('run_id', run_id)}/"
