"""What the errors of the SDK say to an operator."""

import pytest
from botocore import exceptions as sdk
from botocore.exceptions import BotoCoreError, ClientError

from tsunagu.cli.problems import sentence_of

USER = "arn:aws:sts::111122223333:assumed-role/Reader/jo"
QUEUE = "arn:aws:sqs:eu-central-1:111122223333:orders"
TABLE = "arn:aws:dynamodb:eu-central-1:111122223333:table/items"


def refused(code: str, message: str = "", operation: str = "GetItem") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            refused(
                "AccessDenied",
                f"User: {USER} is not authorized to perform: sqs:sendmessage on resource: {QUEUE} because no "
                "identity-based policy allows the sqs:sendmessage action",
                "SendMessage",
            ),
            f"IAM must allow sqs:SendMessage on {QUEUE} to {USER}, got a refusal",
        ),
        (
            refused(
                "AccessDeniedException",
                f"User: {USER} is not authorized to perform: dynamodb:Query on resource: {TABLE}/index/OpenIndex",
            ),
            f"IAM must allow dynamodb:Query on {TABLE}/index/OpenIndex to {USER}, got a refusal",
        ),
        (
            refused(
                "KMS.AccessDeniedException", "The ciphertext refers to a key that you may not use", "ReceiveMessage"
            ),
            "IAM must allow ReceiveMessage, got a refusal",
        ),
        (refused("ExpiredToken"), "the credentials must be valid, got expired ones: sign in again"),
        (refused("ExpiredTokenException"), "the credentials must be valid, got expired ones: sign in again"),
        (refused("InvalidClientTokenId"), "the credentials must be those of an account in eu-central-1, got Invalid"),
        (refused("ThrottlingException", operation="GetTemplate"), "AWS must have room for GetTemplate, got Throttling"),
        (refused("ValidationError", "a\nb"), "AWS must answer the command's calls, got: An error occurred"),
        (sdk.NoRegionError(), "a region must be given, got none"),
        (sdk.NoCredentialsError(), "credentials must be given, got none"),
        (sdk.ProfileNotFound(profile="jo"), "the profile must be one of the AWS configuration, got jo"),
        (sdk.TokenRetrievalError(provider="sso", error_msg="expired"), "the session must be signed in, got: "),
        (
            sdk.EndpointConnectionError(endpoint_url="https://sqs.eu-x-1.amazonaws.com"),
            "AWS must be reached at https://sqs.eu-x-1.amazonaws.com, got no connection: is eu-central-1 a region",
        ),
        (sdk.ReadTimeoutError(endpoint_url="https://sqs"), "the connection to AWS must hold, got: Read timeout"),
        (sdk.ParamValidationError(report="x"), "AWS must answer the command's calls, got: Parameter validation"),
    ],
)
def test_error_is_one_sentence_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, error: BotoCoreError | ClientError, sentence: str
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_REGION", "eu-central-1")

    assert sentence_of(error).startswith(sentence)
    assert "\n" not in sentence_of(error)
