"""Reads the errors that the SDK raises: the code, the call that failed, and whether a retry can mend it."""

import re

from botocore.exceptions import BotoCoreError, ClientError

from tsunagu.runtime.errors import FailedCall

_NAME_CHARACTERS = 200

# Codes of DynamoDB, SQS, SNS, S3, Step Functions and the SDK itself, without the prefix that SQS gives some. Sources:
# https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html and the errors of each operation.
_MISSING = frozenset(
    {
        "NoSuchBucket",
        "NonExistentQueue",
        "NotFound",
        "NotFoundException",
        "QueueDoesNotExist",
        "ResourceNotFound",
        "ResourceNotFoundException",
    }
)
_DENIED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AllAccessDisabled",
        "AuthorizationError",
        "AuthorizationErrorException",
        "AuthorizationHeaderMalformed",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidAddress",
        "InvalidBucketName",
        "InvalidClientTokenId",
        "InvalidEndpointConfigurationError",
        "InvalidSecurity",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "NoCredentialsError",
        "NoRegionError",
        "OptInRequired",
        "PartialCredentialsError",
        "PermanentRedirect",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
        "UnsupportedOperation",
        "403",  # of a HEAD, whose answer has no body
    }
)
# KMS and the services that call it have many codes: KMS.DisabledException, KMSInvalidState, KmsNotFound. These pass by.
_KMS_OUTAGES = ("Throttl", "Internal", "Timeout", "KeyUnavailable")
# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
_DENIED_ACTION = re.compile(r'not authorized to perform: (\w+:\w+)(?: on resource: "?(arn:[\w+=,.@/:*-]+))?')


def error_code(error: ClientError | BotoCoreError) -> str:
    """Return the code of a service's error, or the class name of an error of the SDK itself."""
    return error.response.get("Error", {}).get("Code", "") if isinstance(error, ClientError) else type(error).__name__


def failed_call(error: ClientError | BotoCoreError, operation: str, resource: str) -> FailedCall:
    """Return the call that raised `error`.

    Args:
        error: What the SDK raised.
        operation: What was called, by the name that IAM has for it.
        resource: The name, URL or ARN of what it was called on.
    """
    return described_call(error_code(error), str(error), operation, resource)


def described_call(code: str, text: str, operation: str, resource: str) -> FailedCall:
    """Return a call that failed with an error code and a text.

    If the text names a denied action and its resource, these take the place of `operation` and `resource`: a call can
    need several permissions, such as that of a key.
    """
    denied = _DENIED_ACTION.search(text)
    if denied and denied[1].lower() != operation.lower():
        operation = denied[1]
    name = _name(denied[2]) if denied and denied[2] else _name(resource)
    is_missing = code.rpartition(".")[2] in _MISSING and not _is_of_kms(code)
    return FailedCall(
        operation=operation,
        resource=name,
        code=code,
        is_configuration_fault=is_missing or is_denied(code),
        is_missing=is_missing,
    )


def is_denied(code: str) -> bool:
    """Return whether a permission, a credential or a key is missing, so that no retry mends it."""
    if _is_of_kms(code):
        return not any(word in code for word in _KMS_OUTAGES)
    return code.rpartition(".")[2] in _DENIED


def _is_of_kms(code: str) -> bool:
    return code.upper().startswith("KMS")


def _name(resource: str) -> str:
    """Return the name in an ARN or a URL of a queue; bounded, because a handler may have given it."""
    if resource.startswith("arn:") and resource.count(":") >= 5:  # noqa: PLR2004 - an ARN has six parts
        _, _, service, _, _, name = resource.split(":", 5)
        name = name.partition("/")[0] if service == "s3" else name.removeprefix("table/")
    else:
        name = resource.rpartition("/")[2] if "://" in resource else resource
    printable = "".join(character if character.isprintable() else "?" for character in name)
    return printable[:_NAME_CHARACTERS]
