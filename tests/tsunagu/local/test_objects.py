"""Objects of a versioned bucket: written once, read by version, and hidden from callers that may not list them."""

import base64
import hashlib
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tsunagu.local.embedded_cloud import EmbeddedCloud


@pytest.fixture(scope="module")
def bucket(deploy: Callable[..., Any]) -> str:
    properties = {
        "VersioningConfiguration": {"Status": "Enabled"},
        "LifecycleConfiguration": {"Rules": [{"Status": "Enabled", "ExpirationInDays": 30}]},
    }
    made: str = deploy({"Bucket": {"Type": "AWS::S3::Bucket", "Properties": properties}})["Bucket"]
    return made


@pytest.fixture
def key() -> str:
    return f"in/{uuid.uuid4()}.json"


def allow(bucket: str, *actions: str, path: str = "/in/*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": f"arn:aws:s3:::{bucket}{path}"}


def put_once(s3: Any, bucket: str, key: str, body: bytes, *, checksum_of: bytes | None = None) -> str:
    """Write an object that must not be there yet, with its checksum, and return its version."""
    digest = hashlib.sha256(body if checksum_of is None else checksum_of).digest()
    answer = s3.put_object(
        Bucket=bucket, Key=key, Body=body, IfNoneMatch="*", ChecksumSHA256=base64.b64encode(digest).decode()
    )
    version: str = answer["VersionId"]
    return version


def test_object_is_written_once(cloud: EmbeddedCloud, bucket: str, key: str) -> None:
    s3 = cloud.client("s3")
    put_once(s3, bucket, key, b"first")

    with pytest.raises(ClientError, match="PreconditionFailed") as refused:
        put_once(s3, bucket, key, b"second")

    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412
    kept = s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")["ChecksumSHA256"]
    assert kept == base64.b64encode(hashlib.sha256(b"first").digest()).decode()


def test_body_that_its_checksum_does_not_fit_is_refused(cloud: EmbeddedCloud, bucket: str, key: str) -> None:
    with pytest.raises(ClientError, match="BadDigest"):
        put_once(cloud.client("s3"), bucket, key, b"sent", checksum_of=b"meant")


def test_version_outlives_what_is_written_over_it_and_its_deletion(cloud: EmbeddedCloud, bucket: str, key: str) -> None:
    s3 = cloud.client("s3")
    version = put_once(s3, bucket, key, b"first")
    s3.put_object(Bucket=bucket, Key=key, Body=b"second")
    s3.delete_object(Bucket=bucket, Key=key)

    assert s3.get_object(Bucket=bucket, Key=key, VersionId=version)["Body"].read() == b"first"
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(Bucket=bucket, Key=key)
    s3.delete_object(Bucket=bucket, Key=key, VersionId=version)
    with pytest.raises(ClientError, match="NoSuchVersion"):
        s3.get_object(Bucket=bucket, Key=key, VersionId=version)


def test_reading_a_version_is_allowed_by_get_object_version_alone(
    cloud: EmbeddedCloud, client_of: Callable[..., Any], bucket: str, key: str
) -> None:
    version = put_once(cloud.client("s3"), bucket, key, b"{}")

    for action, other in (("s3:GetObjectVersion", "s3:GetObject"), ("s3:GetObject", "s3:GetObjectVersion")):
        reader = client_of("s3", [allow(bucket, action)])
        pinned = {"VersionId": version} if action == "s3:GetObjectVersion" else {}
        assert reader.get_object(Bucket=bucket, Key=key, **pinned)["Body"].read() == b"{}"
        with pytest.raises(ClientError, match=f"not authorized to perform: {other} "):
            reader.get_object(Bucket=bucket, Key=key, **({} if pinned else {"VersionId": version}))


def test_writing_is_allowed_under_the_granted_prefix_alone(client_of: Callable[..., Any], bucket: str) -> None:
    writer = client_of("s3", [allow(bucket, "s3:PutObject")])
    put_once(writer, bucket, f"in/{uuid.uuid4()}", b"{}")

    with pytest.raises(ClientError, match="AccessDenied"):
        put_once(writer, bucket, f"out/{uuid.uuid4()}", b"{}")


@pytest.mark.parametrize("pinned", [{}, {"VersionId": str(uuid.uuid4())}], ids=["current", "version"])
def test_missing_object_is_forbidden_to_a_reader_who_may_not_list_the_bucket(
    client_of: Callable[..., Any], bucket: str, key: str, pinned: dict[str, str]
) -> None:
    actions = ("s3:GetObject", "s3:GetObjectVersion")
    stranger = client_of("s3", [allow(bucket, *actions)])
    lister = client_of("s3", [allow(bucket, *actions), allow(bucket, "s3:ListBucket", path="")])

    with pytest.raises(ClientError, match="AccessDenied"):
        stranger.get_object(Bucket=bucket, Key=key, **pinned)
    with pytest.raises(ClientError, match="403"):
        stranger.head_object(Bucket=bucket, Key=key, **pinned)
    with pytest.raises(ClientError, match="NoSuch"):
        lister.get_object(Bucket=bucket, Key=key, **pinned)
    with pytest.raises(ClientError, match="404"):
        lister.head_object(Bucket=bucket, Key=key, **pinned)


def test_deny_of_the_bucket_is_stronger_than_what_a_role_allows(
    cloud: EmbeddedCloud, client_of: Callable[..., Any], deploy: Callable[..., Any], key: str
) -> None:
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": {"Fn::Sub": "${Bucket.Arn}/*"},
    }
    policy = {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": {"Version": "2012-10-17", "Statement": [deny]}}
    bucket = deploy(
        {"Bucket": {"Type": "AWS::S3::Bucket"}, "Policy": {"Type": "AWS::S3::BucketPolicy", "Properties": policy}}
    )["Bucket"]
    cloud.client("s3").put_object(Bucket=bucket, Key=key, Body=b"{}")
    reader = client_of("s3", [allow(bucket, "s3:GetObject")])

    with pytest.raises(ClientError, match="with an explicit deny"):
        reader.get_object(Bucket=bucket, Key=key)
