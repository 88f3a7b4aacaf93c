"""Records each parcel once."""

import os
from dataclasses import dataclass

from tsunagu import Message, message_handler

from .environment import ParcelsEnvironment


@dataclass
class Parcel:
    """A parcel, with its business key `number`."""

    number: str
    grams: int


@message_handler("parcels", key="number")
def handler(parcel: Parcel, message: Message) -> None:
    """Record a parcel."""
    table_name = ParcelsEnvironment.from_environment(os.environ).parcels_table_name
    message.put(table_name, {"number": parcel.number, "grams": parcel.grams})
