"""Objects in S3, by moto; what moto cannot refuse is put into the SDK's mouth."""

import io
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ParamValidationError
from botocore.response import StreamingBody
from botocore.stub import Stubber

from tests.tsunagu.runtime.object_store_contract import BODY, DIGEST, KEY, ObjectStoreContract
from tsunagu.contracts.telemetry import LogKey
from tsunagu.runtime.aws.s3 import S3ObjectStore
from tsunagu.runtime.claim_check import ObjectDeniedError, ObjectExistsError, ObjectMissingError, ObjectStore
from tsunagu.runtime.errors import FailedCall, RetryableError, UnavailableError


def client() -> Any:
    return boto3.client("s3", config=Config(retries={"total_max_attempts": 1}))


def bucket(name: str, versioning: str) -> S3ObjectStore:
    client().create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    if versioning:
        client().put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": versioning})
    return S3ObjectStore(client, name)


class TestS3(ObjectStoreContract):
    @pytest.fixture
    def object_store(self) -> ObjectStore:
        return bucket("claims", "Enabled")


def test_object_carries_content_type_and_checksum() -> None:
    bucket("claims", "Enabled").put(KEY, BODY, DIGEST)

    found = client().head_object(Bucket="claims", Key=KEY, ChecksumMode="ENABLED")

    assert (found["ContentType"], "ChecksumSHA256" in found) == ("application/json", True)


def test_deleted_object_is_still_read_in_its_version_and_its_marker_is_missing() -> None:
    store = bucket("claims", "Enabled")
    version_id = store.put(KEY, BODY, DIGEST)
    marker = client().delete_object(Bucket="claims", Key=KEY)["VersionId"]

    assert store.open(KEY, version_id).read() == BODY
    with pytest.raises(ObjectMissingError):
        store.open(KEY, marker)


def test_bucket_without_versions_is_refused_in_a_sentence() -> None:
    store = bucket("claims", "")

    with pytest.raises(ObjectDeniedError, match="claims must be versioned, got an object without a version"):
        store.put(KEY, BODY, DIGEST)


@pytest.mark.parametrize(
    ("code", "status", "meaning"),
    [
        ("NoSuchKey", 404, ObjectMissingError),
        ("NoSuchVersion", 404, ObjectMissingError),
        ("MethodNotAllowed", 405, ObjectMissingError),
        ("404", 404, ObjectMissingError),
        ("PreconditionFailed", 412, ObjectExistsError),
        ("412", 412, ObjectExistsError),
        ("AnythingElse", 400, ObjectDeniedError),
        ("KMS.DisabledException", 400, UnavailableError),
        ("NoSuchBucket", 404, UnavailableError),
        ("SlowDown", 503, UnavailableError),
        ("InternalError", 500, UnavailableError),
        ("ConditionalRequestConflict", 409, UnavailableError),
        ("RequestTimeout", 400, UnavailableError),
        ("ExpiredToken", 400, UnavailableError),
        ("ThrottlingException", 400, UnavailableError),
        ("AnythingElse", 429, UnavailableError),
    ],
)
def test_each_error_of_s3_has_its_meaning(code: str, status: int, meaning: type[Exception]) -> None:
    s3 = client()
    store = S3ObjectStore(lambda: s3, "claims")
    with Stubber(s3) as stub:
        for operation in ("get_object", "put_object"):
            stub.add_client_error(operation, code, http_status_code=status)

        with pytest.raises(meaning):
            store.open(KEY, "v1")
        with pytest.raises(meaning):
            store.put(KEY, BODY, DIGEST)


@pytest.mark.parametrize("code", ["AccessDenied", "403"])
def test_denied_write_is_a_configuration_fault_and_a_denied_read_an_attempt(
    code: str, caplog: pytest.LogCaptureFixture
) -> None:
    s3 = client()
    store = S3ObjectStore(lambda: s3, "claims")
    with Stubber(s3) as stub:
        for operation in ("get_object", "put_object"):
            stub.add_client_error(operation, code, http_status_code=403)

        with pytest.raises(ObjectDeniedError):
            store.open(KEY, "v1")
        with pytest.raises(UnavailableError) as raised:
            store.put(KEY, BODY, DIGEST)

    assert raised.value.call == FailedCall("s3:PutObject", "claims", code, is_configuration_fault=True)
    (line,) = caplog.records
    assert (line.message, getattr(line, LogKey.OPERATION)) == ("call failed", "s3:GetObject")


def test_read_that_the_key_denies_is_a_configuration_fault() -> None:
    s3 = client()
    text = "User: u is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:eu-central-1:111122223333:key/5a"
    with Stubber(s3) as stub:
        stub.add_client_error("get_object", "AccessDenied", text, http_status_code=403)

        with pytest.raises(UnavailableError, match="kms:Decrypt on key/5a: AccessDenied"):
            S3ObjectStore(lambda: s3, "claims").open(KEY, "v1")


def test_denied_object_counts_as_an_attempt_and_says_that_it_may_be_missing() -> None:
    s3 = client()
    with Stubber(s3) as stub:
        stub.add_client_error("get_object", "AccessDenied", http_status_code=403)

        with pytest.raises(ObjectDeniedError, match="no permission, or no such object") as raised:
            S3ObjectStore(lambda: s3, "claims").open(KEY, "v1")

    assert isinstance(raised.value, RetryableError)


def test_body_that_breaks_off_is_unavailable() -> None:
    s3 = client()
    with Stubber(s3) as stub:
        body = StreamingBody(io.BytesIO(BODY[:-1]), len(BODY))
        stub.add_response("get_object", {"Body": body, "ContentLength": len(BODY)})
        found = S3ObjectStore(lambda: s3, "claims").open(KEY, "v1")

        with pytest.raises(UnavailableError, match="did not send all"):
            found.read()


def test_no_way_to_s3_is_unavailable() -> None:
    offline = boto3.client(
        "s3", endpoint_url="http://127.0.0.1:9", config=Config(retries={"total_max_attempts": 1}, connect_timeout=1)
    )

    with pytest.raises(UnavailableError, match="S3 did not answer"):
        S3ObjectStore(lambda: offline, "claims").open(KEY, "v1")


def test_call_that_the_sdk_cannot_make_is_our_own_fault() -> None:
    with pytest.raises(ParamValidationError):
        bucket("claims", "Enabled").open("", "v1")
