"""The insurance desk: finds the tariff of a patient's insurer."""

from tsunagu import PermanentError, Work, pipeline_service

from .admission import Admission
from .tables import reader


@pipeline_service
def handler(admission: Admission, work: Work) -> dict[str, str]:  # noqa: ARG001 - a service takes both
    """Return the tariff."""
    tariff = reader().get({"id": f"tariff-{admission.insurer}"})
    if tariff is None:
        msg = f"the insurer must have a tariff, got {admission.insurer!r}, which has none"
        raise PermanentError(msg)
    return {"tariff": str(tariff["name"])}
