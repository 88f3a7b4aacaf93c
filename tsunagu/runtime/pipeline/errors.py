"""Why a request is not started or replayed.

* RefusedRequestError        a PermanentError: asking again with the same words is refused again
    + MalformedRequestError      the document is not of its shape
    + UnknownStepError           the pipeline has no such step or service
    + UnknownRequestError        no run of the request is recorded
    + NoStoredInputError         no run of the request has what the step needs
    + KeyTakenError              another request has the idempotency key
* RequestInProgressError     an UnavailableError: another call with the same key is at it, ask again
* NotPublishedError          an UnavailableError: recorded, and not known to be published, ask again

A caller that asks again with the same idempotency key never starts a second run. The names reach the caller of the
function as `errorType`, the sentences as `errorMessage`.
"""

from tsunagu.runtime.errors import PermanentError, UnavailableError


class RefusedRequestError(PermanentError):
    """The request is refused, however often it is made."""


class MalformedRequestError(RefusedRequestError):
    """The document is not of its shape."""


class UnknownStepError(RefusedRequestError):
    """The pipeline has no such step, or the step no such service."""


class UnknownRequestError(RefusedRequestError):
    """No run of the request is recorded. One that was recorded a moment ago may not be in the index yet."""


class NoStoredInputError(RefusedRequestError):
    """No run of the request has what the step needs: a step before it is not done."""


class KeyTakenError(RefusedRequestError):
    """Another request has the idempotency key."""


class RequestInProgressError(UnavailableError):
    """Another call with the same idempotency key is at it, or was killed a moment ago."""


class NotPublishedError(UnavailableError):
    """The request is recorded, and not known to be published."""
