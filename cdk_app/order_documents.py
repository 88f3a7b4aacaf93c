"""`python -m cdk_app.order_documents`: writes the documents of the order service, which are checked in for its clients.

The OpenAPI document is for those who call the API, the AsyncAPI document for those who send to the queue.
"""

import json
from pathlib import Path
from typing import Any

from cdk_app.entry_points import entry_point
from tsunagu.contracts.async_api import QueueApi

APPLICATION, ROUTER = "lambdas.order_api.app:app", "lambdas.order_api.handler:queue"

_DOCS = Path(__file__).resolve().parents[1] / "docs"
OPEN_API, ASYNC_API = _DOCS / "openapi" / "order-api.json", _DOCS / "asyncapi" / "order-api.json"


def open_api() -> str:
    """Return the OpenAPI document of the application, as JSON."""
    return _json(entry_point(APPLICATION).openapi())


def async_api() -> str:
    """Return the AsyncAPI document of the messages that the service consumes, as JSON."""
    api = QueueApi(
        title="Orders",
        version=entry_point(APPLICATION).version,
        models=entry_point(ROUTER).models,
        description="Messages about orders. Each takes effect once, in whatever order they come.",
    )
    return _json(api.document())


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2) + "\n"


def main() -> None:
    """Write the documents."""
    for path, text in ((OPEN_API, open_api()), (ASYNC_API, async_api())):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    main()
