"""Answers 403 for a missing object when the caller may not list the bucket, as S3 does.

ministack answers 404 to every caller (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html, Permissions).
"""

# ruff: noqa: SLF001 - the package's docstring says why

from collections.abc import Callable
from typing import Any

from .ministack_modules import iam_evaluator, responses, router, s3
from .settings import LauncherSettings

Headers = dict[str, str]
Query = dict[str, Any]
Answer = tuple[int, Headers, Any]
Read = Callable[[str, str, Headers, Query], Answer]

NOT_FOUND = 404


def install(settings: LauncherSettings) -> None:
    """Answer 403 in place of 404 to a caller without `s3:ListBucket`, if IAM is enforced."""
    if settings.enforce_iam:
        s3._get_object = _hide_from_strangers(s3._get_object)
        s3._head_object = _hide_from_strangers(s3._head_object, has_body=False)


def _hide_from_strangers(read: Read, *, has_body: bool = True) -> Callable[..., Answer]:
    def read_or_deny(bucket: str, key: str, headers: Headers, query: Query | None = None) -> Answer:
        answer = read(bucket, key, headers, query or {})
        if answer[0] != NOT_FOUND or bucket not in s3._buckets or _may_list(bucket, headers, query or {}):
            return answer
        denied: Answer = s3._error("AccessDenied", "Access Denied", 403, f"/{bucket}/{key}")
        return denied if has_body else (*denied[:2], b"")

    return read_or_deny


def _may_list(bucket: str, headers: Headers, query: Query) -> bool:
    if "authorization" not in headers:  # ministack itself reads, for example the code of a function
        return True
    access_key = router.extract_access_key_id(headers, query)
    resource = f"arn:aws:s3:::{bucket}"
    return iam_evaluator.enforce(access_key, "s3:ListBucket", "s3", responses.get_region(), resource) is None
