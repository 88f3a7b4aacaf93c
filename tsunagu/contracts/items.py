"""The idempotency item: its attribute names and its states.

One number, `lease`, decides whether an item can be claimed: the end of the lease while INPROGRESS, `FREE` when
RELEASED, `NEVER` when COMPLETED or DEAD. So no condition needs an OR. While COMMITTED it is when whoever did the work
does surely not send any more: then whoever meets the item sends.
"""

from enum import StrEnum

ID = "id"  # scope, "#", SHA-256 of the business key
STATUS = "status"
OWNER = "owner"  # the invocation that holds, or last held, the item
FENCE = "fence"  # rises by one with each change of owner, never falls
LEASE = "lease"  # milliseconds since the epoch
ATTEMPTS = "attempts"  # attempts that failed or were killed in this life; while COMMITTED, rounds of sends
SETTLED = "settled"  # fence of the last claim that ended with an outcome
PAYLOAD_HASH = "payload_hash"
OUTBOX = "outbox"  # messages still to be sent while COMMITTED
REASON = "reason"  # last error while RELEASED; why it died when DEAD; why its messages are not sent while COMMITTED
MESSAGE_IDS = "message_ids"  # every SQS message id that died with the item
TOLD = "told"  # message ids that are in the DLQ, with SNS told, since the last claim
RESULT = "result"  # what a service of a pipeline made, or what a run of it was started with; JSON
REQUEST_ID = "request_id"
UPDATED = "updated"  # milliseconds since the epoch
EXPIRATION = "expiration"  # seconds since the epoch: the table's TTL attribute

REQUEST_INDEX = "RequestIndex"  # by request id, keys only; on tables of pipelines

# An item has 409,600 bytes at most; these are for outbox and result together, the rest for ids, names and reason.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
OUTBOX_AND_RESULT_BYTES = 380_000

FREE = 0
NEVER = 10**15


class Status(StrEnum):
    """State of an idempotency item; an absent item has none."""

    INPROGRESS = "INPROGRESS"
    RELEASED = "RELEASED"
    COMMITTED = "COMMITTED"
    COMPLETED = "COMPLETED"
    DEAD = "DEAD"
