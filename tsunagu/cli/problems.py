"""Errors of AWS's SDK as sentences for operators: what is missing, and what they can do."""

import os
from collections.abc import Callable, Sequence

from botocore import exceptions as sdk
from botocore.exceptions import BotoCoreError, ClientError

from tsunagu.operations.aws import local_endpoint
from tsunagu.operations.denials import denial_of
from tsunagu.runtime.aws.sdk_errors import error_code

_SIGN_IN = "sign in again (such as `aws sso login`), or choose other credentials with --profile"
_EMBEDDED = "for the embedded cloud, `tsunagu up` prints the variables to export"
_EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")
_UNKNOWN_KEYS = (
    "AuthFailure",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
)
_SESSION_ENDED = (
    sdk.SSOTokenLoadError,
    sdk.TokenRetrievalError,
    sdk.UnauthorizedSSOTokenError,
    sdk.CredentialRetrievalError,
)
_NO_ANSWER = (sdk.EndpointConnectionError, sdk.ConnectTimeoutError, sdk.ProxyConnectionError)
_BROKEN_OFF = (sdk.ConnectionClosedError, sdk.ReadTimeoutError, sdk.ResponseStreamingError)


def sentence_of(error: BotoCoreError | ClientError) -> str:
    """Return what an error of the SDK means for the operator, in one sentence."""
    return _of_service(error) if isinstance(error, ClientError) else _of_sdk(error)


def _of_service(error: ClientError) -> str:
    code, called = error_code(error).rpartition(".")[2], error.operation_name
    if denial := denial_of(error):
        on = f" on {denial.resource}" if denial.resource else ""
        to = f" to {denial.user}" if denial.user else ""
        return f"IAM must allow {denial.action}{on}{to}, got a refusal"
    if code in _EXPIRED:
        return f"the credentials must be valid, got expired ones: {_SIGN_IN}"
    if code in _UNKNOWN_KEYS:
        place = f"in {_region()}"
        return f"the credentials must be those of an account {place}, got {code}: choose others with --profile"
    if "Throttl" in code or code in {"TooManyRequestsException", "RequestLimitExceeded"}:
        return f"AWS must have room for {called}, got {code} after all retries: try again, or name one stack by --stack"
    return f"AWS must answer the command's calls, got: {_one_line(error)}"


def _of_sdk(error: BotoCoreError) -> str:
    for kinds, sentence in _SENTENCES:
        if isinstance(error, kinds):
            return sentence(error)
    return f"AWS must answer the command's calls, got: {_one_line(error)}"


def _no_credentials(_: BotoCoreError) -> str:
    return f"credentials must be given, got none or half of them: set AWS_PROFILE or --profile; {_EMBEDDED}"


def _no_region(_: BotoCoreError) -> str:
    return f"a region must be given, got none: set AWS_REGION or --region; {_EMBEDDED}"


def _no_profile(error: BotoCoreError) -> str:
    return f"the profile must be one of the AWS configuration, got {error.kwargs.get('profile', 'another')}"


def _session_ended(error: BotoCoreError) -> str:
    return f"the session must be signed in, got: {_one_line(error)}: {_SIGN_IN}"


def _broken_off(error: BotoCoreError) -> str:
    return f"the connection to AWS must hold, got: {_one_line(error)}: look what was done, then try again"


def _no_answer(error: BotoCoreError) -> str:
    url = error.kwargs.get("endpoint_url") or error.kwargs.get("proxy_url") or "its endpoint"
    if own := local_endpoint():
        return (
            f"the embedded cloud must run at {own}, got no answer: start it with `tsunagu up` and export what it "
            "prints, or unset AWS_ENDPOINT_URL for AWS itself"
        )
    return f"AWS must be reached at {url}, got no connection: is {_region()} a region, and is the network up?"


def _region() -> str:
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "the region of the profile"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")


_SENTENCES: Sequence[tuple[tuple[type[BotoCoreError], ...], Callable[[BotoCoreError], str]]] = (
    ((sdk.NoCredentialsError, sdk.PartialCredentialsError), _no_credentials),
    ((sdk.NoRegionError,), _no_region),
    ((sdk.ProfileNotFound,), _no_profile),
    (_SESSION_ENDED, _session_ended),
    (_NO_ANSWER, _no_answer),
    (_BROKEN_OFF, _broken_off),
)
