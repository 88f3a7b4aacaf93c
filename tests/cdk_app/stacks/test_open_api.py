"""The OpenAPI document that is checked in is that of the deployed API."""

import json
from typing import Any

from cdk_app.open_api import REPORTS_DOCUMENT, reports_document
from tests.snapshots.stages import resources_of, template_of

METHODS = "AWS::ApiGateway::Method"


def deployed_methods() -> set[tuple[str, str]]:
    """Path and verb of each method of the API `Reports`, without preflights."""
    template = template_of("prod", "reports")
    parts = resources_of(template, "AWS::ApiGateway::Resource")

    def path_of(reference: dict[str, Any]) -> str:
        name = reference.get("Ref")
        if name is None:
            return ""  # the root of the API
        properties = parts[name]["Properties"]
        return f"{path_of(properties['ParentId'])}/{properties['PathPart']}"

    return {
        (path_of(method["Properties"]["ResourceId"]), method["Properties"]["HttpMethod"].lower())
        for name, method in resources_of(template, METHODS).items()
        if name.startswith("Reports") and method["Properties"]["HttpMethod"] != "OPTIONS"
    }


def test_document_is_that_of_the_code() -> None:
    assert REPORTS_DOCUMENT.read_text() == reports_document(), "run `make openapi`, and read the difference"


def test_document_has_the_methods_of_the_deployed_api() -> None:
    documented = {(path, verb) for path, verbs in json.loads(reports_document())["paths"].items() for verb in verbs}

    assert documented == deployed_methods()
