"""Where events come from unless a test says otherwise, and ids that look like AWS's and are the same in each run."""

import hashlib
import json
import uuid
from itertools import count

ACCOUNT = "111122223333"
REGION = "eu-central-1"
QUEUE_ARN = f"arn:aws:sqs:{REGION}:{ACCOUNT}:messages"
TOPIC_ARN = f"arn:aws:sns:{REGION}:{ACCOUNT}:events"
SENT_MS = 1_800_000_000_000  # 2027-01-15T08:00:00Z

_SPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")  # of URLs, in RFC 9562
_numbers = count(1)


def unique_id(seed: object = None) -> str:
    """Return an id of the form of SQS's and SNS's: always the same one for a seed, another one without."""
    return str(uuid.uuid5(_SPACE, repr(("event", next(_numbers)) if seed is None else seed)))


def md5(text: str) -> str:
    """Return the digest that SQS writes beside a body."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def text_of(body: object) -> str:
    """Return a body as text: text as it is, anything else as JSON."""
    return body if isinstance(body, str) else json.dumps(body, separators=(",", ":"))
