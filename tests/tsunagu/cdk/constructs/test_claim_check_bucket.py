from typing import Any

import pytest
from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Annotations, Match

from tests.tsunagu.cdk.constructs.synthesized import only, permissions, properties, resources
from tsunagu.cdk.constructs.claim_check_bucket import ClaimCheckBucket, ClaimCheckBucketProps
from tsunagu.errors import InvalidPropsError

BUCKET = "AWS::S3::Bucket"
BUCKET_ARN = "arn:aws:s3:::claims"
KEY_ARN = "arn:aws:kms:eu-west-1:111122223333:key/5a0d6f1e-9c3b-4a38-8d7c-2f0a2b6c1d11"


def role(stack: Stack) -> iam.Role:
    return iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))


def bucket(stack: Stack, **settings: Any) -> ClaimCheckBucket:
    return ClaimCheckBucket(stack, "Claims", ClaimCheckBucketProps(**settings))


def imported(stack: Stack) -> s3.IBucket:
    key = kms.Key.from_key_arn(stack, "ImportedKey", KEY_ARN)
    return s3.Bucket.from_bucket_attributes(stack, "Imported", bucket_arn=BUCKET_ARN, encryption_key=key)


def test_objects_are_encrypted_with_a_key_of_the_bucket_and_a_bucket_key_spares_calls(stack: Stack) -> None:
    ClaimCheckBucket(stack, "Claims")

    [key] = resources(stack, "AWS::KMS::Key")
    [rule] = properties(stack, BUCKET)["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["BucketKeyEnabled"] is True
    assert rule["ServerSideEncryptionByDefault"] == {
        "SSEAlgorithm": "aws:kms",
        "KMSMasterKeyID": {"Fn::GetAtt": [key, "Arn"]},
    }


def test_nobody_else_gets_in(stack: Stack) -> None:
    bucket(stack)

    found = properties(stack, BUCKET)
    assert found["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    }
    assert found["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


def test_calls_without_tls_are_refused(stack: Stack) -> None:
    bucket(stack)

    [refusal] = properties(stack, "AWS::S3::BucketPolicy")["PolicyDocument"]["Statement"]
    assert (refusal["Effect"], refusal["Action"]) == ("Deny", "s3:*")
    assert refusal["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_objects_versions_and_abandoned_uploads_expire(stack: Stack) -> None:
    bucket(stack, expiration=Duration.days(60), recovery=Duration.days(3))

    assert properties(stack, BUCKET)["VersioningConfiguration"] == {"Status": "Enabled"}
    assert properties(stack, BUCKET)["LifecycleConfiguration"]["Rules"] == [
        {
            "Status": "Enabled",
            "ExpirationInDays": 60,
            "NoncurrentVersionExpiration": {"NoncurrentDays": 3},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
        }
    ]


@pytest.mark.parametrize(("protect", "policy"), [(True, "Retain"), (False, "Delete")])
def test_protection_decides_what_becomes_of_bucket_and_key(stack: Stack, protect: bool, policy: str) -> None:
    bucket(stack, protect=protect)

    for resource_type in (BUCKET, "AWS::KMS::Key"):
        assert only(stack, resource_type)["DeletionPolicy"] == policy


def test_no_function_is_made_that_could_empty_the_bucket(stack: Stack) -> None:
    bucket(stack, protect=False)

    assert not resources(stack, "AWS::Lambda::Function")


def test_reader_may_read_versions_of_objects_under_its_prefix_and_no_more(stack: Stack) -> None:
    bucket(stack, existing=imported(stack)).grant_read(role(stack), under="orders")

    assert permissions(stack) == {
        ("s3:GetObjectVersion", f"{BUCKET_ARN}/orders/*"),
        ("kms:Decrypt", KEY_ARN),
    }


def test_writer_may_put_objects_under_its_prefix_recognise_its_own_and_no_more(stack: Stack) -> None:
    bucket(stack, existing=imported(stack)).grant_write(role(stack), under="orders/*/reserve/billing")

    assert permissions(stack) == {
        ("s3:PutObject", f"{BUCKET_ARN}/orders/*/reserve/billing/*"),
        ("s3:GetObject", f"{BUCKET_ARN}/orders/*/reserve/billing/*"),
        ("kms:GenerateDataKey", KEY_ARN),
        ("kms:Decrypt", KEY_ARN),
    }


def test_existing_bucket_is_used_as_it_is(stack: Stack) -> None:
    bucket(stack, existing=imported(stack))

    assert not any(resources(stack, resource_type) for resource_type in (BUCKET, "AWS::KMS::Key"))


def test_given_key_encrypts_the_objects(stack: Stack) -> None:
    key = kms.Key(stack, "Secret")

    assert bucket(stack, key=key).key is key
    assert len(resources(stack, "AWS::KMS::Key")) == 1


def test_access_logs_go_where_they_are_asked_for(stack: Stack) -> None:
    bucket(stack, access_logs=s3.Bucket.from_bucket_name(stack, "Logs", "the-logs"))

    assert properties(stack, BUCKET)["LoggingConfiguration"] == {"DestinationBucketName": "the-logs"}


def test_bucket_whose_objects_expire_before_the_last_message_is_refused(stack: Stack) -> None:
    claims = bucket(stack, expiration=Duration.days(60))

    claims.require_lifetime(Duration.days(60), stack)
    with pytest.raises(InvalidPropsError) as refusal:
        claims.require_lifetime(Duration.seconds(60 * 86_400 + 1), stack)

    assert str(refusal.value) == (
        "Stack/Claims: expiration must be at least 61 days, because a message of Stack can refer to an object for that "
        "long, got 60: raise expiration, or lower the retentions of the queues"
    )


def test_synthesis_prints_the_versions_and_the_lifetime_that_an_existing_bucket_must_have(stack: Stack) -> None:
    bucket(stack, existing=imported(stack)).require_lifetime(Duration.days(60), stack)

    told = Match.string_like_regexp("must be versioned, and its objects must be kept for at least 60 days")
    assert len(Annotations.from_stack(stack).find_info("/Stack/Claims", told)) == 1


@pytest.mark.parametrize("settings", [{}, {"versioned": False}])
def test_bucket_of_this_app_that_keeps_no_versions_is_refused(stack: Stack, settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidPropsError) as refusal:
        bucket(stack, existing=s3.Bucket(stack, "Own", **settings))

    assert str(refusal.value) == (
        "existing must be versioned, because a claim names a version, got Stack/Own without versions"
    )


def test_bucket_of_this_app_whose_versions_are_suspended_is_refused(stack: Stack) -> None:
    status = s3.CfnBucket.VersioningConfigurationProperty(status="Suspended")
    suspended = s3.Bucket.from_cfn_bucket(s3.CfnBucket(stack, "Own", versioning_configuration=status))

    with pytest.raises(InvalidPropsError, match="must be versioned"):
        bucket(stack, existing=suspended)


@pytest.mark.parametrize("settings", [{"versioned": True}, {"object_lock_enabled": True}])
def test_bucket_of_this_app_that_keeps_versions_is_taken(stack: Stack, settings: dict[str, Any]) -> None:
    own = s3.Bucket(stack, "Own", **settings)

    assert bucket(stack, existing=own).bucket is own


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"expiration": Duration.hours(12)}, "expiration must be between 86,400 and 315,360,000 seconds, got 43,200"),
        ({"expiration": Duration.hours(36)}, "expiration must be a whole number of days, got 129,600 seconds"),
        ({"recovery": Duration.hours(36)}, "recovery must be a whole number of days, got 129,600 seconds"),
        ({"expiration": 60}, "expiration must be of type Duration, got 60"),
    ],
)
def test_prop_that_s3_would_not_take_is_refused_with_a_sentence(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidPropsError) as refusal:
        ClaimCheckBucketProps(**settings)

    assert str(refusal.value) == sentence


def test_key_that_aws_manages_is_refused(stack: Stack) -> None:
    with pytest.raises(InvalidPropsError, match="key must be a customer-managed key, got alias/aws/s3"):
        bucket(stack, key=kms.Alias.from_alias_name(stack, "Managed", "alias/aws/s3"))


def test_existing_bucket_takes_no_access_logs(stack: Stack) -> None:
    logs = s3.Bucket.from_bucket_name(stack, "Logs", "the-logs")

    with pytest.raises(InvalidPropsError, match="access_logs must be left out with existing, because"):
        bucket(stack, existing=imported(stack), access_logs=logs)
