"""`python -m cdk_app.open_api`: writes the OpenAPI document of the reports, which is checked in for their clients."""

import json
from pathlib import Path

from lambdas.contracts.reports import ReportRequest
from tsunagu.contracts.open_api import RequestApi

REPORTS_DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "openapi" / "reports.json"
REPORTS_API = RequestApi(
    title="Sales reports",
    version="1.0.0",
    name="reports",
    request_model=ReportRequest,
    cancellable=True,
)


def reports_document() -> str:
    """Return the document of the API `Reports` of the reports stack, as JSON."""
    return json.dumps(REPORTS_API.document(), indent=2) + "\n"


def main() -> None:
    """Write the document."""
    REPORTS_DOCUMENT.parent.mkdir(parents=True, exist_ok=True)
    REPORTS_DOCUMENT.write_text(reports_document())


if __name__ == "__main__":
    main()
