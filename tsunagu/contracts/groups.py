"""A parked group: the items in the idempotency table that keep a FIFO group in order behind a dead message.

* The *group item* numbers the messages that died or were parked. `head` is the first number that is not settled, `tail`
  the number that the next one gets. The group is parked while `head` is below `tail`. `skipped` are numbers that an
  operator gave up: the head passes them.
* An *entry* is a number of the group: which message has it, and why.

A number belongs to a `line`: the time at which the group item was made. So no number is ever given twice, even if
somebody deletes the item.
"""

import hashlib
import json
import re
from dataclasses import dataclass

GROUP_ID = "group_id"
QUEUE_ARN = "queue_arn"
LINE = "line"
HEAD = "head"
TAIL = "tail"
SKIPPED = "skipped"
SKIPS = "skips"
DIED = "died"
DIED_MS = "died_ms"
DIED_ITEM_ID = "died_item_id"
DIED_MESSAGE_ID = "died_message_id"

ITEM_ID = "item_id"
MESSAGE_ID = "message_id"
# Not `request_id`: the index of a pipeline's table would have the entry, and a trace would take it for an item.
REQUEST = "request"

PREFIX = "group:"  # no key space has a colon
FIRST = 1
_LABEL = re.compile(r"([0-9]{1,15})\.([0-9]{1,15})")


def group_item_id(queue_arn: str, group_id: str) -> str:
    """Return the id of the group item of a message group. Each queue has groups of its own."""
    return f"{PREFIX}{hashlib.sha256(json.dumps([queue_arn, group_id]).encode()).hexdigest()}"


def entry_id(item_id: str, label: str) -> str:
    """Return the id of an entry: that of the group item, and the label of its place."""
    return f"{item_id}:{label}"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in a parked group.

    Attributes:
        line: Which numbering it is of: when its group item was made, in milliseconds since the epoch.
        number: Its number, from 1.
    """

    line: int
    number: int

    @classmethod
    def from_label(cls, label: str) -> "Place | None":
        """Read a place from the text that messages and entries have; None if it is none."""
        found = _LABEL.fullmatch(label)
        return cls(int(found[1]), int(found[2])) if found else None

    @property
    def label(self) -> str:
        """The place as messages and entries have it."""
        return f"{self.line}.{self.number}"
