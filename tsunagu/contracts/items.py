"""The idempotency item: its attribute names and its statuses. `runtime.idempotency.item` explains each attribute.

One number, `lease`, decides whether an item can be claimed, so that no condition needs an OR:

* INPROGRESS: when the lease ends
* RELEASED: `FREE`
* COMMITTED: until when the owner may be sending; any worker may send after that
* COMPLETED, DEAD: `NEVER`
"""

import re
from enum import StrEnum

ID = "id"
STATUS = "status"
OWNER = "owner"
FENCE = "fence"
LEASE = "lease"
ATTEMPTS = "attempts"
SETTLED = "settled"
PAYLOAD_HASH = "payload_hash"
OUTBOX = "outbox"
REASON = "reason"
PUBLISHED_REASON = "published_reason"
MESSAGE_IDS = "message_ids"
TOLD = "told"
RESULT = "result"
REQUEST_ID = "request_id"
RECEIVER = "receiver"
PLACE = "place"
BEHIND = "behind"
UPDATED = "updated"
EXPIRATION = "expiration"  # the table's TTL attribute, in seconds since the epoch

REQUEST_INDEX = "RequestIndex"  # by request id, keys only; on tables of pipelines

# An item has 409,600 bytes at most. Outbox and result may have these together; ids, names and reason have the rest.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
OUTBOX_AND_RESULT_BYTES = 380_000

# A batch may hold ten thousand copies of one message, which are dead-lettered together. An item keeps the newest of
# their message ids, of 36 characters each. A copy whose id it does not keep is never acknowledged for that reason: it
# claims the item, and is dead-lettered again.
KEPT_MESSAGE_IDS = 100
# A scope of a receiver, or a name of shared keys. The key space of one receiver has an `@` too, that of a pipeline a
# dot: so none of them can be another's.
KEY_SPACE_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")

# The longest id that DynamoDB takes as a partition key, in UTF-8.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
ID_BYTES = 2_048

FREE = 0
NEVER = 10**15


class Status(StrEnum):
    """Status of an idempotency item."""

    INPROGRESS = "INPROGRESS"
    RELEASED = "RELEASED"
    COMMITTED = "COMMITTED"
    COMPLETED = "COMPLETED"
    DEAD = "DEAD"
