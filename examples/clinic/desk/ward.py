"""The ward: admits a patient, once the insurance and a bed are known."""

from tsunagu import Work, pipeline_service

from .admission import Admission
from .tables import table_name


@pipeline_service
def handler(admission: Admission, work: Work) -> dict[str, object]:
    """Admit the patient."""
    bed, tariff = work.results["bed"]["bed"], work.results["insurance"]["tariff"]
    work.put(table_name(), {"id": f"admission-{work.request_id}", "bed": bed, "tariff": tariff})
    return {"patient": admission.patient, "bed": bed}
