"""Sleeps over each form, so that the processors of the machine hardly matter."""

import os
import time
from dataclasses import dataclass

from tsunagu import Message, message_handler

from .environment import ClerkEnvironment

ENVIRONMENT = ClerkEnvironment.from_environment(os.environ)


@dataclass
class Form:
    """A form, with its business key `number`."""

    number: str


@message_handler("clerk", key="number", concurrency=ENVIRONMENT.parallel_messages)
def handler(_form: Form, _message: Message) -> None:
    """Sleep."""
    time.sleep(ENVIRONMENT.message_milliseconds / 1_000)
