"""The store of results on S3."""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from tsunagu.runtime.aws.sdk_errors import error_code, failed_call
from tsunagu.runtime.errors import FailedCall, PermanentError, UnavailableError
from tsunagu.runtime.sending.publish import SendResult
from tsunagu.runtime.telemetry import call_fields

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_logger = logging.getLogger(__name__)

_MISSING = frozenset({"NoSuchKey", "404"})
_MISSING_OR_DENIED = _MISSING | {"AccessDenied", "403"}  # S3 denies a missing object, if the bucket cannot be listed
_NEVER_TAKEN = frozenset({"EntityTooLarge", "InvalidArgument", "KeyTooLongError"})
_MADE = SendResult(None)


class S3ResultStore:
    """Stores results in one bucket.

    Args:
        client: Returns the S3 client; called when the first result is stored, so that a start does not make it.
        bucket_name: The bucket.
    """

    def __init__(self, client: "Callable[[], S3Client]", bucket_name: str) -> None:
        self._client = client
        self._bucket_name = bucket_name
        self._lock = threading.Lock()

    def put(self, key: str, content: bytes, content_type: str) -> None:
        """Write an object, in the place of one that may be there.

        Raises:
            PermanentError: S3 takes no such object: it is too large, or its key is too long.
            UnavailableError: S3 did not accept it: it did not answer, or a permission, bucket or key is missing.
        """
        try:
            self._made_client().put_object(
                Bucket=self._bucket_name, Key=key, Body=content, ContentType=content_type, ChecksumAlgorithm="SHA256"
            )
        except (ClientError, BotoCoreError) as error:
            call = failed_call(error, "s3:PutObject", self._bucket_name)
            msg = f"S3 must store the result, got {call}"
            if call.code in _NEVER_TAKEN:
                raise PermanentError(msg) from error
            raise UnavailableError(msg, call=call) from error

    def copy(self, staged_key: str, key: str) -> SendResult:
        """Copy a staged object, with its content type, to its own key. No failure is raised.

        A staged object that is gone may have been copied before: then the copy is there.
        """
        source = {"Bucket": self._bucket_name, "Key": staged_key}
        try:
            self._made_client().copy_object(Bucket=self._bucket_name, Key=key, CopySource=source)  # type: ignore[arg-type]
        except (ClientError, BotoCoreError) as error:
            call = failed_call(error, "s3:PutObject", self._bucket_name)
            if error_code(error) in _MISSING_OR_DENIED and self._exists(key):
                return _MADE
            _logger.error("call failed", extra=call_fields(call))  # noqa: TRY400 - the call says more than its place
            return _not_copied(error_code(error), call)
        return _MADE

    def _exists(self, key: str) -> bool:
        try:
            self._made_client().head_object(Bucket=self._bucket_name, Key=key)
        except (ClientError, BotoCoreError):
            return False
        return True

    def _made_client(self) -> "S3Client":
        with self._lock:  # requests may run in threads, and a session makes one client at a time
            return self._client()


def _not_copied(code: str, call: FailedCall) -> SendResult:
    if code in _MISSING:
        return SendResult(None, f"{code}: the staged result must exist, got none", is_permanent=True, call=call)
    if code in _MISSING_OR_DENIED:  # counted, so that a result that is lost is given up in the end
        call = replace(call, is_missing=True)
    return SendResult(None, f"{code}: the result was not copied", call=call)
