"""Results on S3: staged, copied with their content type, and what an error of S3 means."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from tsunagu.runtime.aws.results import S3ResultStore
from tsunagu.runtime.errors import PermanentError, UnavailableError

BUCKET, STAGED, KEY = "results", ".staging/a/1/result", "a/result"


class Setting:
    def __init__(self) -> None:
        self.s3 = boto3.client("s3")
        region: Any = self.s3.meta.region_name
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": region})
        self.store = S3ResultStore(lambda: self.s3, BUCKET)

    def fail(self, operation: str, error: Exception) -> None:
        def before(**_: object) -> None:
            raise error

        self.s3.meta.events.register(f"before-call.s3.{operation}", before)

    def stored(self, key: str) -> tuple[bytes, str]:
        found = self.s3.get_object(Bucket=BUCKET, Key=key)
        return found["Body"].read(), found["ContentType"]


@pytest.fixture
def setting() -> Setting:
    return Setting()


def refused(code: str, status: int = 400) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "CopyObject",
    )


def timed_out() -> Exception:
    return ReadTimeoutError(endpoint_url="http://127.0.0.1")


def test_result_is_copied_with_its_content_type_however_often(setting: Setting) -> None:
    setting.store.put(STAGED, b"old", "text/plain")
    setting.store.put(STAGED, b"a;b", "text/csv; charset=utf-8")

    results = [setting.store.copy(STAGED, KEY) for _ in range(2)]

    assert [result.error for result in results] == [None, None]
    assert setting.stored(KEY) == (b"a;b", "text/csv; charset=utf-8")


def test_copy_of_what_is_gone_counts_as_made_if_it_was_made(setting: Setting) -> None:
    setting.store.put(STAGED, b"x", "text/plain")
    setting.store.copy(STAGED, KEY)
    setting.s3.delete_object(Bucket=BUCKET, Key=STAGED)

    assert setting.store.copy(STAGED, KEY).error is None


def test_copy_of_what_never_was_is_refused_for_good(setting: Setting) -> None:
    result = setting.store.copy(STAGED, KEY)

    assert (result.is_permanent, result.error) == (True, "NoSuchKey: the staged result must exist, got none")


def test_denied_copy_counts_as_a_round_because_its_object_may_be_missing(setting: Setting) -> None:
    setting.fail("CopyObject", refused("AccessDenied", 403))

    result = setting.store.copy(STAGED, KEY)

    assert not result.is_permanent
    assert result.call is not None
    assert (result.call.is_configuration_fault, result.call.is_missing) == (True, True)


@pytest.mark.parametrize("error", [refused("SlowDown", 503), timed_out()])
def test_outage_of_a_copy_is_tried_again(setting: Setting, error: Exception) -> None:
    setting.fail("CopyObject", error)

    result = setting.store.copy(STAGED, KEY)

    assert result.error is not None
    assert not result.is_permanent


@pytest.mark.parametrize("error", [refused("SlowDown", 503), refused("AccessDenied", 403), timed_out()])
def test_result_that_is_not_stored_is_an_outage(setting: Setting, error: Exception) -> None:
    setting.fail("PutObject", error)

    with pytest.raises(UnavailableError, match="S3 must store the result, got s3:PutObject on results") as raised:
        setting.store.put(STAGED, b"x", "text/plain")
    assert raised.value.call is not None


@pytest.mark.parametrize("code", ["EntityTooLarge", "KeyTooLongError"])
def test_result_that_s3_never_takes_fails_for_good(setting: Setting, code: str) -> None:
    setting.fail("PutObject", refused(code))

    with pytest.raises(PermanentError, match=code):
        setting.store.put(STAGED, b"x", "text/plain")


def test_copy_whose_bucket_does_not_exist_raises_nothing() -> None:
    client: Callable[[], Any] = lambda: boto3.client("s3")  # noqa: E731

    result = S3ResultStore(client, "nowhere").copy(STAGED, KEY)

    assert (result.error, result.is_permanent) == ("NoSuchBucket: the result was not copied", False)
