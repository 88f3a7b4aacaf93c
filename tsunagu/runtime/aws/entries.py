"""Sends the entries of a batch call to SQS or SNS, such that a faulty entry does not harm the others.

In most cases the answer names the faulty entry, in `Failed`. But a message without a group on a FIFO queue, or a
parameter that the SDK refuses, fails the whole call. Then each entry is sent by a call of its own.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from tsunagu.runtime.aws.sdk_errors import error_code
from tsunagu.runtime.sending.publish import Attribute, EntryFailure, OutgoingMessage

# Errors of a call with one entry that a retry cannot mend.
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
# What the SDK raises for a message that it cannot write: half a surrogate pair, or a field that is no text.
_NOT_WRITTEN = (AttributeError, TypeError, UnicodeError)
_TOO_MANY_REQUESTS = 429
_SERVER_ERRORS = 500

BatchCall = Callable[[Sequence[OutgoingMessage]], Mapping[str, Any]]


def batch_entry(index: int, message: OutgoingMessage) -> dict[str, Any]:
    """Return the fields that entries of SQS and SNS have in common: all but the text and the trace header."""
    entry: dict[str, Any] = {"Id": str(index)}
    if message.attributes:
        entry["MessageAttributes"] = {name: _attribute(value) for name, value in message.attributes.items()}
    if message.group_id is not None:
        entry["MessageGroupId"] = message.group_id
    if message.deduplication_id is not None:
        entry["MessageDeduplicationId"] = message.deduplication_id
    return entry


def send_entries(messages: Sequence[OutgoingMessage], call: BatchCall, *, in_order: bool) -> list[str | EntryFailure]:
    """Send `messages` by one call. If the whole call fails, send each by its own call, except in an outage.

    Args:
        messages: The messages in order; as many as one call can hold.
        call: Sends a batch. The `Id` of each entry is its index.
        in_order: Whether the groups are those of a FIFO queue or topic.

    Returns:
        The id of each message, or why it was not sent.
    """
    try:
        return _answers(len(messages), call(messages))
    except (ClientError, BotoCoreError) as error:
        if len(messages) == 1 or _is_outage(error):
            return [_failure(error)] * len(messages)
    except _NOT_WRITTEN as error:
        if len(messages) == 1:
            return [_not_written(error)]
    return _send_singly(messages, call, in_order=in_order)


def _send_singly(messages: Sequence[OutgoingMessage], call: BatchCall, *, in_order: bool) -> list[str | EntryFailure]:
    """Send each message by its own call. A failure stops the rest of a group that is in order; an outage stops all."""
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
        except _NOT_WRITTEN as error:
            answer = _not_written(error)
        if in_order and isinstance(answer, EntryFailure) and group_id is not None:
            failed[group_id] = answer
        answers.append(answer)
    return answers


def _is_outage(error: ClientError | BotoCoreError) -> bool:
    """Whether other messages would have failed too: throttling, an internal error of the service, or no answer."""
    if isinstance(error, BotoCoreError):
        return not isinstance(error, ParamValidationError)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    # SQS, SNS and KMS answer 400 to some throttled calls: RequestThrottled, KMS.ThrottlingException, KMSThrottling.
    return status >= _SERVER_ERRORS or status == _TOO_MANY_REQUESTS or "Throttl" in error_code(error)


def _failure(error: ClientError | BotoCoreError) -> EntryFailure:
    code = error_code(error).rpartition(".")[2]  # SQS adds a prefix to some: AWS.SimpleQueueService.
    return EntryFailure(str(error), can_retry=False, is_permanent=code in _NEVER_TAKEN)


def _not_written(error: Exception) -> EntryFailure:
    return EntryFailure(f"the SDK cannot write the message: {type(error).__name__}", can_retry=False, is_permanent=True)


def _answers(count: int, answer: Mapping[str, Any]) -> list[str | EntryFailure]:
    answers: dict[str, str | EntryFailure] = {entry["Id"]: entry["MessageId"] for entry in answer.get("Successful", [])}
    for entry in answer.get("Failed", []):
        text = f"{entry['Code']}: {entry.get('Message', '')}"
        at_fault = entry["SenderFault"] and "Throttl" not in entry["Code"]  # a throttled sender may send again
        answers[entry["Id"]] = EntryFailure(text, can_retry=not at_fault, is_permanent=at_fault)
    return [answers[str(index)] for index in range(count)]


def _attribute(attribute: Attribute | str) -> dict[str, Any]:
    if isinstance(attribute, str):
        return {"DataType": "String", "StringValue": attribute}
    kind = "BinaryValue" if isinstance(attribute.value, bytes) else "StringValue"
    return {"DataType": attribute.data_type, kind: attribute.value}
