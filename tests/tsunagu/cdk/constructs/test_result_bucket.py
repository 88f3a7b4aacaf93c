from typing import Any

import pytest
from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Annotations, Match

from tests.tsunagu.cdk.constructs.synthesized import only, permissions, properties, resources
from tsunagu.cdk.constructs.result_bucket import ResultBucket, ResultBucketProps
from tsunagu.errors import InvalidPropsError

BUCKET = "AWS::S3::Bucket"


def results(stack: Stack, **settings: Any) -> ResultBucket:
    return ResultBucket(stack, "Results", ResultBucketProps(**settings))


def role(stack: Stack) -> iam.Role:
    return iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))


def lifetimes(stack: Stack) -> dict[str | None, int]:
    rules = properties(stack, BUCKET)["LifecycleConfiguration"]["Rules"]
    return {rule.get("Prefix"): rule["ExpirationInDays"] for rule in rules}


def test_results_and_what_is_staged_expire(stack: Stack) -> None:
    results(stack)

    assert lifetimes(stack) == {None: 60, ".staging/": 30}


def test_what_is_staged_is_not_kept_longer_than_a_result(stack: Stack) -> None:
    results(stack, lifetime=Duration.days(7))

    assert lifetimes(stack) == {None: 7, ".staging/": 7}


def test_a_bucket_is_private_encrypted_and_kept(stack: Stack) -> None:
    results(stack)
    found = properties(stack, BUCKET)

    assert set(found["PublicAccessBlockConfiguration"].values()) == {True}
    [rule] = found["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert only(stack, BUCKET)["DeletionPolicy"] == "Retain"
    [statement] = properties(stack, "AWS::S3::BucketPolicy")["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_a_reader_reads_committed_results_of_its_scope_alone(stack: Stack) -> None:
    results(stack).grant_read(role(stack), scope="reports")
    [objects] = [target for action, target in permissions(stack) if action == "s3:GetObject"]

    assert {action for action, _ in permissions(stack)} == {"s3:GetObject", "s3:ListBucket"}
    assert "/reports/*" in objects
    assert ".staging" not in objects


def test_a_worker_stages_and_copies_results_of_its_scope(stack: Stack) -> None:
    results(stack, key=kms.Key(stack, "Secret")).grant_store(role(stack), scope="reports")
    stored = [target for action, target in permissions(stack) if action == "s3:PutObject"]

    assert sorted("/.staging/reports/*" in target for target in stored) == [False, True]
    assert all("/reports/*" in target for target in stored)
    assert {action for action, _ in permissions(stack)} == {
        "s3:GetObject",
        "s3:PutObject",
        "kms:Decrypt",
        "kms:GenerateDataKey",
    }


def test_an_existing_bucket_is_not_changed(stack: Stack) -> None:
    existing = s3.Bucket.from_bucket_name(stack, "Existing", "company-results")
    built = results(stack, existing=existing)
    built.require_lifetime(Duration.hours(25), built)

    assert built.bucket is existing
    assert not resources(stack, BUCKET)
    Annotations.from_stack(stack).has_info("/Stack/Results", Match.string_like_regexp("at least 2 days"))


def test_a_result_is_kept_as_long_as_its_request_is_shown(stack: Stack) -> None:
    built = results(stack, lifetime=Duration.days(7))

    built.require_lifetime(Duration.days(7), built)
    with pytest.raises(InvalidPropsError, match="Results: lifetime must be at least the 691,200 seconds"):
        built.require_lifetime(Duration.days(8), built)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lifetime": Duration.hours(25)}, "lifetime must be a whole number of days"),
        ({"lifetime": Duration.days(0)}, "lifetime must be between"),
        ({"staging_lifetime": Duration.hours(25)}, "staging_lifetime must be a whole number of days"),
        ({"staging_lifetime": Duration.days(61)}, "staging_lifetime must be at most the 60 days of lifetime, got 61"),
    ],
)
def test_wrong_times_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidPropsError, match=message):
        ResultBucketProps(**settings)


def test_settings_of_a_new_bucket_are_refused_for_an_existing_one(stack: Stack) -> None:
    existing = s3.Bucket.from_bucket_name(stack, "Existing", "company-results")

    with pytest.raises(InvalidPropsError, match="access_logs and key must be left out with existing"):
        ResultBucketProps(existing=existing, access_logs=existing)


def test_a_key_of_aws_is_refused(stack: Stack) -> None:
    key = kms.Alias.from_alias_name(stack, "Managed", "alias/aws/s3")

    with pytest.raises(InvalidPropsError, match="key must be a customer-managed key"):
        ResultBucketProps(key=key)
