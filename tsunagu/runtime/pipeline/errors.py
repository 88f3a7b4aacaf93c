"""Errors of a command to start or replay a request.

* RefusedRequestError        a PermanentError: the same command will be refused again
    + MalformedRequestError      the JSON document is malformed
    + UnknownStepError           the pipeline has no such step or service
    + UnknownRequestError        no run of the request is stored
    + NoStoredInputError         no run of the request has the input of the step
    + KeyTakenError              another request has the idempotency key
* RequestInProgressError     an UnavailableError: another call with the same key is running; call again
* ForeignKeyError            an UnavailableError: another pipeline of the same name has the key in the table
* NotPublishedError          an UnavailableError: the request is stored, but may not be published; call again

A second call with the same idempotency key never starts a second run. The caller of the function sees the class name as
`errorType` and the text as `errorMessage`.
"""

from tsunagu.runtime.errors import PermanentError, UnavailableError


class RefusedRequestError(PermanentError):
    """The command is refused, and would be refused again."""


class MalformedRequestError(RefusedRequestError):
    """The JSON document is malformed."""


class UnknownStepError(RefusedRequestError):
    """The pipeline has no such step, or the step no such service."""


class UnknownRequestError(RefusedRequestError):
    """No run of the request is stored. One that was stored a moment ago may not be in the index yet."""


class NoStoredInputError(RefusedRequestError):
    """No run of the request has the input of the step, because a step before it is not done."""


class KeyTakenError(RefusedRequestError):
    """Another request has the idempotency key."""


class RequestInProgressError(UnavailableError):
    """Another call with the same idempotency key is running, or was killed a moment ago."""


class ForeignKeyError(UnavailableError):
    """Another pipeline of the same name has the idempotency key in the table. The caller is not at fault."""


class NotPublishedError(UnavailableError):
    """The request is stored, but may not be published."""
