"""Sends the entries of a batch call to SQS or SNS, such that a faulty entry does not harm the others.

In most cases the answer names the faulty entry, in `Failed`. But a message without a group on a FIFO queue, or a
parameter that the SDK refuses, fails the whole call. Then each entry is sent by a call of its own.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from tsunagu.runtime.aws.sdk_errors import described_call, error_code, failed_call
from tsunagu.runtime.sending.attribute import Attribute
from tsunagu.runtime.sending.publish import EntryFailure, OutgoingMessage

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


class EntryCall:
    """A call that sends a batch of entries to one target.

    Args:
        operation: What is called, by the name that IAM has for it.
        target: URL of the queue, or ARN of the topic.
        call: Sends a batch. The `Id` of each entry is its index.
    """

    __slots__ = ("call", "operation", "target")

    def __init__(self, operation: str, target: str, call: BatchCall) -> None:
        self.operation = operation
        self.target = target
        self.call = call

    def send(self, messages: Sequence[OutgoingMessage]) -> list[str | EntryFailure]:
        """Send `messages` by one call, and return the id of each, or why it was not sent.

        Raises:
            ClientError, BotoCoreError: The whole call failed.
        """
        answer = self.call(messages)
        answers: dict[str, str | EntryFailure] = {
            each["Id"]: each["MessageId"] for each in answer.get("Successful", [])
        }
        for entry in answer.get("Failed", []):
            answers[entry["Id"]] = self._refused(entry)
        return [answers[str(index)] for index in range(len(messages))]

    def failure(self, error: ClientError | BotoCoreError) -> EntryFailure:
        """Return why an entry was not sent, after its call has failed."""
        code = error_code(error).rpartition(".")[2]  # SQS adds a prefix to some: AWS.SimpleQueueService.
        call = failed_call(error, self.operation, self.target)
        return EntryFailure(str(error), can_retry=False, is_permanent=code in _NEVER_TAKEN, call=call)

    def _refused(self, entry: Mapping[str, Any]) -> EntryFailure:
        text = f"{entry['Code']}: {entry.get('Message', '')}"
        call = described_call(entry["Code"], text, self.operation, self.target)
        at_fault = entry["SenderFault"] and "Throttl" not in entry["Code"]  # a throttled sender may send again
        # A deployment may repair a configuration; the entry is right.
        is_permanent = at_fault and not call.is_configuration_fault
        return EntryFailure(text, can_retry=not at_fault, is_permanent=is_permanent, call=call)


def send_entries(messages: Sequence[OutgoingMessage], call: EntryCall, *, in_order: bool) -> list[str | EntryFailure]:
    """Send `messages` by one call. If the whole call fails, send each by its own call, except in an outage.

    Args:
        messages: The messages in order; as many as one call can hold.
        call: Sends a batch.
        in_order: Whether the groups are those of a FIFO queue or topic.

    Returns:
        The id of each message, or why it was not sent.
    """
    try:
        return call.send(messages)
    except (ClientError, BotoCoreError) as error:
        if len(messages) == 1 or _is_outage(error):
            return [call.failure(error)] * len(messages)
    except _NOT_WRITTEN as error:
        if len(messages) == 1:
            return [_not_written(error)]
    return _send_singly(messages, call, in_order=in_order)


def _send_singly(messages: Sequence[OutgoingMessage], call: EntryCall, *, in_order: bool) -> list[str | EntryFailure]:
    """Send each message by its own call. A failure stops the rest of a group that is in order; an outage stops all."""
    answers: list[str | EntryFailure] = []
    failed: dict[str, EntryFailure] = {}
    for message in messages:
        group_id = message.group_id
        if group_id in failed:
            text, failure = f"not sent: group {group_id} failed before it", failed[group_id]
            answers.append(EntryFailure(text, failure.can_retry, call=failure.call))
            continue
        try:
            (answer,) = call.send([message])
        except (ClientError, BotoCoreError) as error:
            answer = call.failure(error)
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


def _not_written(error: Exception) -> EntryFailure:
    return EntryFailure(f"the SDK cannot write the message: {type(error).__name__}", can_retry=False, is_permanent=True)


def _attribute(attribute: Attribute | str) -> dict[str, Any]:
    if isinstance(attribute, str):
        return {"DataType": "String", "StringValue": attribute}
    kind = "BinaryValue" if isinstance(attribute.value, bytes) else "StringValue"
    return {"DataType": attribute.data_type, kind: attribute.value}
