"""The object store on S3, and what S3's errors mean for a message."""

import base64
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from tsunagu.contracts.claims import CONTENT_TYPE
from tsunagu.runtime.aws.sdk_errors import error_code, failed_call
from tsunagu.runtime.claim_check import KeptObject, ObjectDeniedError, ObjectExistsError, ObjectMissingError, OpenObject
from tsunagu.runtime.errors import FailedCall, UnavailableError
from tsunagu.runtime.telemetry import call_fields

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_logger = logging.getLogger(__name__)

# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
# A GET of a delete marker's version is a MethodNotAllowed; a HEAD has no body, and so only its status for a code.
_MISSING = frozenset({"NoSuchKey", "NoSuchVersion", "MethodNotAllowed", "404", "405"})
_TRANSIENT = frozenset(
    {
        "ConditionalRequestConflict",  # another write of the key is under way
        "ExpiredToken",
        "OperationAborted",
        "RequestTimeout",
        "RequestTimeTooSkewed",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "KMS.ThrottlingException",
    }
)
_DENIED = frozenset({"AccessDenied", "403"})
_ACTIONS = {"put_object": "s3:PutObject", "head_object": "s3:GetObject", "get_object": "s3:GetObject"}
_PRECONDITION_FAILED = 412
_TOO_MANY_REQUESTS = 429
_SERVER_ERRORS = 500


class S3ObjectStore:
    """Stores objects in one versioned bucket.

    Args:
        client: Returns the S3 client; called when the first object is needed, so that a start does not make it.
        bucket_name: The bucket.
    """

    def __init__(self, client: "Callable[[], S3Client]", bucket_name: str) -> None:
        self._client = client
        self._bucket_name = bucket_name

    def put(self, key: str, body: bytes, sha256: str) -> str:
        """Write an object that does not exist yet, and return its version.

        Raises:
            ObjectExistsError: The object exists.
            ObjectDeniedError: The bucket is not versioned, or S3 refused the call for another reason.
            UnavailableError: S3 did not answer, or throttled the call; or a permission, the bucket or its key is
                missing.
        """
        checksum = base64.b64encode(bytes.fromhex(sha256)).decode()
        answer = self._call(
            "put_object",
            key,
            Body=body,
            IfNoneMatch="*",
            ChecksumAlgorithm="SHA256",
            ChecksumSHA256=checksum,
            ContentType=CONTENT_TYPE,
        )
        return self._version_id(answer)

    def find(self, key: str) -> KeptObject:
        """Return the version and the checksum of an object.

        Raises:
            ObjectMissingError: The object does not exist.
            ObjectDeniedError: S3 refused the call, or the bucket is not versioned.
            UnavailableError: S3 did not answer; or the bucket or its key is missing.
        """
        answer = self._call("head_object", key, ChecksumMode="ENABLED")
        checksum = answer.get("ChecksumSHA256")
        return KeptObject(self._version_id(answer), base64.b64decode(checksum).hex() if checksum else None)

    def open(self, key: str, version_id: str) -> OpenObject:
        """Open one version of an object for reading.

        Raises:
            ObjectMissingError: The version does not exist.
            ObjectDeniedError: S3 refused the call.
            UnavailableError: S3 did not answer; or the bucket or its key is missing.
        """
        answer = self._call("get_object", key, VersionId=version_id)

        def read() -> bytes:
            try:
                body: bytes = answer["Body"].read()
            except BotoCoreError as error:
                call = failed_call(error, _ACTIONS["get_object"], self._bucket_name)
                msg = f"S3 did not send all of {key}: {call}"
                raise UnavailableError(msg, call=call) from error
            return body

        return OpenObject(answer["ContentLength"], read)

    def _call(self, operation: str, key: str, **arguments: object) -> Any:
        try:
            return getattr(self._client(), operation)(Bucket=self._bucket_name, Key=key, **arguments)
        except ParamValidationError:
            raise
        except ClientError as error:
            call = failed_call(error, _ACTIONS[operation], self._bucket_name)
            raise _meaning(error, key, call, is_read=operation != "put_object") from error
        except BotoCoreError as error:
            call = failed_call(error, _ACTIONS[operation], self._bucket_name)
            msg = f"S3 did not answer for {key}: {call}"
            raise UnavailableError(msg, call=call) from error

    def _version_id(self, answer: Any) -> str:
        version_id = answer.get("VersionId")
        if not isinstance(version_id, str):
            msg = f"the bucket {self._bucket_name} must be versioned, got an object without a version"
            raise ObjectDeniedError(msg)
        return version_id


def _meaning(error: ClientError, key: str, call: FailedCall, *, is_read: bool) -> Exception:
    """Return the error that a refused call means for a message.

    A denied read may mean that the object is missing, which is no fault of the configuration. So it is an attempt.
    """
    code = error_code(error)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if status == _PRECONDITION_FAILED:
        return ObjectExistsError(key)
    if code in _MISSING:
        return ObjectMissingError(f"{key} must be in the bucket, got {code}: missing")
    may_be_missing = is_read and code in _DENIED and not call.operation.startswith("kms:")
    is_outage = code in _TRANSIENT or status >= _SERVER_ERRORS or status == _TOO_MANY_REQUESTS
    if is_outage or (call.is_configuration_fault and not may_be_missing):
        return UnavailableError(f"S3 did not accept the call for {key}: {call}", call=call)
    _logger.error("call failed", extra=call_fields(call))
    return ObjectDeniedError(
        f"S3 must allow the call for {key}, got {code}: no permission, or no such object (the bucket cannot be listed)"
    )
