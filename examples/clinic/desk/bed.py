"""The bed desk: gives a patient a bed."""

from tsunagu import Work, pipeline_service

from .admission import Admission

BEDS = 40


@pipeline_service
def handler(admission: Admission, work: Work) -> dict[str, int]:  # noqa: ARG001 - a service takes both
    """Return the number of the bed."""
    return {"bed": 1 + sum(admission.patient.encode()) % BEDS}
