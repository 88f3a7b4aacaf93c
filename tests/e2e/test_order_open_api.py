"""Schemathesis calls the deployed order API by its OpenAPI document: each request is answered as documented."""

import json
from typing import Any

import pytest
import schemathesis
from hypothesis import settings
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance, unsupported_method

from cdk_app.demo.signed_api import SignedApi
from cdk_app.demo.web_and_queue import STACK_NAME
from cdk_app.order_documents import OPEN_API
from tests.e2e.deployed import Deployment
from tests.e2e.signature import Signature

# Each request is signed, so that none can leave the signature out.
SIGNED = json.loads(OPEN_API.read_text()) | {"security": []}
del SIGNED["components"]["securitySchemes"]

UNKNOWN = "x-schemathesis-unknown-property"

schema = schemathesis.openapi.from_dict(SIGNED)


@pytest.fixture(scope="module")
def api(deployment: Deployment) -> SignedApi:
    return SignedApi.for_new_user(deployment.cloud, deployment.outputs[STACK_NAME]["OrderApiUrl"], name="fuzzer")


@schema.parametrize()
@settings(max_examples=20, deadline=None, derandomize=True, database=None)
def test_each_answer_is_as_documented(case: Any, api: SignedApi) -> None:
    answer = case.call(base_url=api.url, auth=Signature(api))

    # An unsigned method that a path does not have is a question of the framework: it answers 405 to signed ones.
    excluded = [unsupported_method]
    has_made_up_cursor = answer.status_code == 400 and "cursor" in (case.query or {})
    if answer.status_code in {404, 422} or has_made_up_cursor:  # no such order; two examples with one key, not one body
        excluded.append(positive_data_acceptance)
    if UNKNOWN in (case.query or {}):  # parameters that no route has are left out, as the web does
        excluded.append(negative_data_rejection)
    case.validate_response(answer, excluded_checks=excluded)
