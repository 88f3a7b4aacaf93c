"""Entries of a batch call, as SQS and SNS take and answer them; none of them pays for another's fault.

Mostly the services say which entry is at fault, in `Failed`. But a message without a group on a FIFO queue, or a
parameter that the SDK itself does not take, fails the call as a whole.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from tsunagu.runtime.aws.sdk_errors import error_code
from tsunagu.runtime.sending.publish import Attribute, EntryFailure, OutgoingMessage

# What a call that has one entry never gets past, however often it is sent.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html#API_SendMessage_Errors
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
# https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html#API_PublishBatch_Errors
_NEVER_TAKEN = frozenset(
    {
        "BatchRequestTooLong",
        "InvalidMessageContents",
        "InvalidParameter",
        "InvalidParameterValue",
        "MissingParameter",
        "ParamValidationError",  # botocore's own
        "ParameterValueInvalid",
        "ValidationError",
        "ValidationException",
    }
)
_TOO_MANY_REQUESTS = 429
_SERVER_ERRORS = 500

BatchCall = Callable[[Sequence[OutgoingMessage]], Mapping[str, Any]]


def batch_entry(index: int, message: OutgoingMessage) -> dict[str, Any]:
    """Return what the entries of a batch call have in common in SQS and SNS: all but the text and the trace header."""
    entry: dict[str, Any] = {"Id": str(index)}
    if message.attributes:
        entry["MessageAttributes"] = {name: _attribute(value) for name, value in message.attributes.items()}
    if message.group_id is not None:
        entry["MessageGroupId"] = message.group_id
    if message.deduplication_id is not None:
        entry["MessageDeduplicationId"] = message.deduplication_id
    return entry


def send_entries(messages: Sequence[OutgoingMessage], call: BatchCall) -> list[str | EntryFailure]:
    """Send `messages` by one call; singly when it fails as a whole, unless that is throttling or an outage.

    Args:
        messages: What to send, in order; as much as one call takes.
        call: Sends a batch whose entries have their index as `Id`.

    Returns:
        For each message its id, or why it was not sent.
    """
    try:
        return _answers(len(messages), call(messages))
    except (ClientError, BotoCoreError) as error:
        if len(messages) == 1 or _is_outage(error):
            return [_failure(error)] * len(messages)
    return _send_singly(messages, call)


def _send_singly(messages: Sequence[OutgoingMessage], call: BatchCall) -> list[str | EntryFailure]:
    """Send `messages` by a call each, in order; a failure keeps the rest of its group back, an outage all the rest."""
    answers: list[str | EntryFailure] = []
    failed: dict[str, EntryFailure] = {}
    for message in messages:
        group_id = message.group_id
        if group_id in failed:
            answers.append(EntryFailure(f"not sent: group {group_id} failed before it", failed[group_id].can_retry))
            continue
        try:
            (answer,) = _answers(1, call([message]))
        except (ClientError, BotoCoreError) as error:
            answer = _failure(error)
            if _is_outage(error):
                return answers + [answer] * (len(messages) - len(answers))
        if isinstance(answer, EntryFailure) and group_id is not None:
            failed[group_id] = answer
        answers.append(answer)
    return answers


def _is_outage(error: ClientError | BotoCoreError) -> bool:
    """Whether other messages would have failed too: a throttle, an error of the service's own, or no answer at all."""
    if isinstance(error, BotoCoreError):
        return not isinstance(error, ParamValidationError)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    # SQS, SNS and KMS answer 400 to some throttled calls: RequestThrottled, KMS.ThrottlingException, KMSThrottling
    return status >= _SERVER_ERRORS or status == _TOO_MANY_REQUESTS or "Throttl" in error_code(error)


def _failure(error: ClientError | BotoCoreError) -> EntryFailure:
    code = error_code(error).rpartition(".")[2]  # SQS has a prefix for some: AWS.SimpleQueueService.
    return EntryFailure(str(error), can_retry=False, is_permanent=code in _NEVER_TAKEN)


def _answers(count: int, answer: Mapping[str, Any]) -> list[str | EntryFailure]:
    answers: dict[str, str | EntryFailure] = {entry["Id"]: entry["MessageId"] for entry in answer.get("Successful", [])}
    for entry in answer.get("Failed", []):
        text, at_fault = f"{entry['Code']}: {entry.get('Message', '')}", entry["SenderFault"]
        answers[entry["Id"]] = EntryFailure(text, can_retry=not at_fault, is_permanent=at_fault)
    return [answers[str(index)] for index in range(count)]


def _attribute(attribute: Attribute | str) -> dict[str, Any]:
    if isinstance(attribute, str):
        return {"DataType": "String", "StringValue": attribute}
    kind = "BinaryValue" if isinstance(attribute.value, bytes) else "StringValue"
    return {"DataType": attribute.data_type, kind: attribute.value}
