import pytest
from aws_cdk import Stack
from aws_cdk import aws_kms as kms
from aws_cdk.assertions import Annotations, Match

from tests.tsunagu.cdk.constructs.synthesized import only, properties, resources
from tsunagu.cdk.constructs.customer_managed_key import CustomerManagedKey, CustomerManagedKeyProps
from tsunagu.cdk.constructs.key_access import allow_service

KEY = "AWS::KMS::Key"
KEY_ARN = "arn:aws:kms:eu-west-1:111122223333:key/5a0d6f1e-9c3b-4a38-8d7c-2f0a2b6c1d11"


def key(stack: Stack, *, protect: bool = True) -> CustomerManagedKey:
    return CustomerManagedKey(stack, "Secret", CustomerManagedKeyProps(description="Orders", protect=protect))


def test_key_rotates(stack: Stack) -> None:
    key(stack)

    assert properties(stack, KEY)["EnableKeyRotation"] is True


def test_account_administers_the_key_and_nobody_else_may_use_it(stack: Stack) -> None:
    key(stack)

    [statement] = properties(stack, KEY)["KeyPolicy"]["Statement"]
    assert statement["Action"] == "kms:*"
    assert statement["Principal"]["AWS"]["Fn::Join"][1][-1] == ":root"


@pytest.mark.parametrize(("protect", "policy"), [(True, "Retain"), (False, "Delete")])
def test_protection_decides_what_becomes_of_the_key(stack: Stack, protect: bool, policy: str) -> None:
    key(stack, protect=protect)

    assert only(stack, KEY)["DeletionPolicy"] == policy


def test_service_may_send_for_the_own_account_only(stack: Stack) -> None:
    key(stack).allow_service("sns.amazonaws.com", source_arn="arn:aws:sns:eu-west-1:111122223333:Orders")

    assert properties(stack, KEY)["KeyPolicy"]["Statement"][1] == {
        "Sid": "AllowSns",
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
        "Resource": "*",
        "Condition": {
            "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
            "ArnLike": {"aws:SourceArn": "arn:aws:sns:eu-west-1:111122223333:Orders"},
        },
    }


def test_imported_key_keeps_its_policy_and_synthesis_prints_what_it_must_allow(stack: Stack) -> None:
    allow_service(stack, kms.Key.from_key_arn(stack, "Imported", KEY_ARN), "cloudwatch.amazonaws.com")

    assert not resources(stack, KEY)
    Annotations.from_stack(stack).has_info(
        "/Stack", Match.string_like_regexp("imported key must allow cloudwatch.amazonaws.com")
    )
