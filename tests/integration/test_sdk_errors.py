"""What errors of AWS say: the call, its resource, and whether a retry can mend it."""

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ReadTimeoutError

from tsunagu.runtime.aws.sdk_errors import failed_call
from tsunagu.runtime.errors import FailedCall

ROLE = "User: arn:aws:sts::111122223333:assumed-role/worker/w is not authorized to perform"
ARN = "arn:aws:{}:eu-central-1:111122223333"
NO_POLICY = "because no identity-based policy allows the action"


def failed(code: str, text: str = "no", operation: str = "sqs:SendMessage", resource: str = "orders") -> FailedCall:
    return failed_call(ClientError({"Error": {"Code": code, "Message": text}}, "Call"), operation, resource)


@pytest.mark.parametrize(
    "code",
    [
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "SignatureDoesNotMatch",
        "KMS.DisabledException",
        "KMS.NotFoundException",
        "KMSAccessDenied",
        "KMSInvalidState",
        "KmsDisabled",
        "KmsNotFound",
        "KMS.KMSInvalidStateException",
    ],
)
def test_missing_permission_and_unusable_key_are_configuration_faults(code: str) -> None:
    call = failed(code)

    assert (call.code, call.is_configuration_fault, call.is_missing) == (code, True, False)


@pytest.mark.parametrize(
    "code",
    [
        "AWS.SimpleQueueService.NonExistentQueue",
        "QueueDoesNotExist",
        "NotFound",
        "ResourceNotFoundException",
        "ResourceNotFound",
        "NoSuchBucket",
    ],
)
def test_missing_resource_is_a_configuration_fault(code: str) -> None:
    call = failed(code)

    assert (call.is_configuration_fault, call.is_missing) == (True, True)


@pytest.mark.parametrize(
    "code",
    [
        "ThrottlingException",
        "ProvisionedThroughputExceededException",
        "RequestThrottled",
        "KMS.ThrottlingException",
        "KMSThrottling",
        "KmsThrottled",
        "KMS.KMSInternalException",
        "KMS.DependencyTimeoutException",
        "KMS.KeyUnavailableException",
        "InternalServerError",
        "ServiceUnavailable",
        "ExpiredToken",
        "NoSuchKey",
        "",
    ],
)
def test_outage_is_no_configuration_fault(code: str) -> None:
    assert not failed(code).is_configuration_fault


def test_errors_of_the_sdk_are_told_apart() -> None:
    errors = [NoCredentialsError(), ReadTimeoutError(endpoint_url="u"), EndpointConnectionError(endpoint_url="u")]

    calls = [failed_call(error, "dynamodb:Query", "orders") for error in errors]

    assert [call.is_configuration_fault for call in calls] == [True, False, False]
    assert str(calls[1]) == "dynamodb:Query on orders: ReadTimeoutError"


@pytest.mark.parametrize(
    ("resource", "name"),
    [
        ("https://sqs.eu-central-1.amazonaws.com/111122223333/orders.fifo", "orders.fifo"),
        ("arn:aws:sns:eu-central-1:111122223333:dead-letters", "dead-letters"),
        ("orders", "orders"),
        ("", ""),
        ("arn:", "arn:"),
        ("forged\nline", "forged?line"),
        ("x" * 10_000, "x" * 200),
    ],
)
def test_resource_goes_by_its_name(resource: str, name: str) -> None:
    assert failed("NotFound", resource=resource).resource == name


@pytest.mark.parametrize(
    ("text", "operation", "resource"),
    [
        (
            f"{ROLE}: dynamodb:PutItem on resource: {ARN.format('dynamodb')}:table/payments {NO_POLICY}",
            "dynamodb:PutItem",
            "payments",
        ),
        (
            f"{ROLE}: kms:GenerateDataKey on resource: {ARN.format('kms')}:key/5a0d {NO_POLICY}",
            "kms:GenerateDataKey",
            "key/5a0d",
        ),
        (
            f'{ROLE}: s3:PutObject on resource: "arn:aws:s3:::claims/orders/r-1/x.json" {NO_POLICY}',
            "s3:PutObject",
            "claims",
        ),
        (
            f"{ROLE}: sqs:sendmessage on resource: {ARN.format('sqs')}:orders {NO_POLICY}",
            "sqs:SendMessage",
            "orders",
        ),
        ("Access to the resource is denied.", "sqs:SendMessage", "orders"),
    ],
)
def test_text_of_a_denied_call_names_the_action_and_the_resource(text: str, operation: str, resource: str) -> None:
    call = failed("AccessDeniedException", text)

    assert (call.operation, call.resource) == (operation, resource)
