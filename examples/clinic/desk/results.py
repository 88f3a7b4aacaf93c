"""Lab results: each is filed once."""

from dataclasses import dataclass

from tsunagu import InvalidMessageError, Message, message_handler

from .tables import table_name

HEMOGLOBIN = range(20, 251)  # grams per litre of a living person


@dataclass(frozen=True, slots=True)
class Result:
    """A result of the lab.

    Attributes:
        sample: Number of the sample: the business key.
        patient: Number of the patient.
        hemoglobin: Grams per litre.
    """

    sample: str
    patient: str
    hemoglobin: int


@message_handler("results", key="sample")
def handler(result: Result, message: Message) -> None:
    """File a result."""
    if result.hemoglobin not in HEMOGLOBIN:
        msg = f"hemoglobin must be from 20 to 250 g/l, got {result.hemoglobin}"
        raise InvalidMessageError(msg)
    message.put(table_name(), {"id": f"result-{result.sample}", "hemoglobin": result.hemoglobin})
