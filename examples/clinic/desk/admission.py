"""An admission, as each service of the pipeline reads it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Admission:
    """A patient who is to be admitted.

    Attributes:
        patient: Number of the patient.
        insurer: Short name of the insurer.
    """

    patient: str
    insurer: str
