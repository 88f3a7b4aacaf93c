"""Gateway, record, pipe, queue and worker of accepted requests together, on the embedded cloud with IAM enforced."""

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.clouds import shared_cloud
from tests.e2e.request_stack import STACK_NAME, synthesize_requests
from tests.tsunagu.local.rest_api import Answer, RestApi
from tsunagu.local.embedded_cloud import EmbeddedCloud

pytestmark = pytest.mark.slow  # the reports take the same way in every run: test_accept_now.py

ENDED = {"SUCCEEDED", "FAILED", "CANCELLED"}
DELIVERIES = ["Queue", "Event"]


class Desk:
    """A caller of the deployed APIs."""

    def __init__(self, cloud: EmbeddedCloud, outputs: dict[str, str]) -> None:
        self._apis = {name: RestApi(cloud=cloud, api_id=outputs[f"{name}ApiId"]) for name in DELIVERIES}
        iam, user = cloud.client("iam"), f"caller-{uuid.uuid4().hex[:8]}"
        iam.create_user(UserName=user)
        statement = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName=user, PolicyName="call", PolicyDocument=policy)
        keys = iam.create_access_key(UserName=user)["AccessKey"]
        self._credentials = Credentials(keys["AccessKeyId"], keys["SecretAccessKey"])

    def call(self, delivery: str, method: str, path: str, body: str | None = None) -> Answer:
        api = self._apis[delivery]
        headers = {"Content-Type": "application/json"}
        request: Any = AWSRequest(method=method, url=api.url(path), data=body, headers=headers)
        SigV4Auth(self._credentials, "execute-api", "us-east-1").add_auth(request)
        return api.call(
            method, path, body, **{name.replace("-", "_"): value for name, value in request.headers.items()}
        )

    def ended(self, delivery: str, request_id: str) -> dict[str, Any]:
        """Wait for the end of a request, and return its status document."""
        deadline = time.monotonic() + 60
        while True:
            shown = self.call(delivery, "GET", f"/requests/{request_id}")
            document: dict[str, Any] = shown.json()
            if document.get("status") in ENDED:
                return document
            assert time.monotonic() < deadline, shown.body
            time.sleep(0.1)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCloud]:
    with shared_cloud(tmp_path_factory.mktemp("requests")) as running:
        yield running


@pytest.fixture(scope="module")
def desk(cloud: EmbeddedCloud, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    outputs = cloud.deploy(synthesize_requests(tmp_path_factory.mktemp("assembly")))[STACK_NAME]
    return Desk(cloud, dict(outputs))


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_a_request_is_accepted_worked_on_and_its_result_is_read(desk: Desk, delivery: str) -> None:
    accepted = desk.call(delivery, "POST", "/reports", '{"month": "2026-01"}')
    request_id = accepted.json()["request_id"]
    shown = desk.ended(delivery, request_id)
    result = desk.call(delivery, "GET", f"/requests/{request_id}/result")
    chart = desk.call(delivery, "GET", f"/requests/{request_id}/result/chart.svg")

    assert accepted.status == 202
    assert (shown["status"], shown["progress"]) == ("SUCCEEDED", "1 of 2")
    assert (result.body, result.headers["content-type"]) == (b"month,2026-01", "text/csv")
    assert (chart.body, chart.headers["content-type"]) == (b"<svg/>", "image/svg+xml")


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_a_request_that_is_refused_by_its_work_fails_with_the_reason(desk: Desk, delivery: str) -> None:
    request_id = desk.call(delivery, "POST", "/reports", '{"month": "broken"}').json()["request_id"]
    shown = desk.ended(delivery, request_id)

    assert shown["status"] == "FAILED"
    assert "there are no sales of this month" in shown["reason"]
    assert desk.call(delivery, "GET", f"/requests/{request_id}/result").status == 404
