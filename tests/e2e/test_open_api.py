"""Schemathesis calls the deployed API by its OpenAPI document: good and bad requests, each answered as documented."""

from typing import Any

import pytest
import schemathesis
from hypothesis import settings
from schemathesis.specs.openapi.checks import positive_data_acceptance, unsupported_method

from cdk_app.demo.signed_api import SignedApi
from cdk_app.open_api import REPORTS_API
from tests.e2e.report_desk import ReportDesk
from tests.e2e.signature import Signature

# Each request is signed, so that none can leave the signature out: what is not signed is in `test_accept_now.py`.
SIGNED = REPORTS_API.document() | {"security": []}
del SIGNED["components"]["securitySchemes"]

schema = schemathesis.openapi.from_dict(SIGNED)


@pytest.fixture(scope="module")
def api(report_desk: ReportDesk) -> SignedApi:
    return report_desk.api("fuzzer")


@schema.parametrize()
@settings(max_examples=40, deadline=None, derandomize=True, database=None)
def test_each_answer_is_as_documented(case: Any, api: SignedApi) -> None:
    answer = case.call(base_url=api.url, auth=Signature(api))

    # API Gateway answers 403, and not 405, to a method that a path does not have.
    excluded = [unsupported_method]
    if answer.status_code == 422:  # two examples with one key, and another body
        excluded.append(positive_data_acceptance)
    case.validate_response(answer, excluded_checks=excluded)
