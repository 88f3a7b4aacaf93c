"""Permissions of the workers of accepted requests: take one away, see it denied, and list what the role has."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from cdk_app.demo.logs import log_lines
from cdk_app.demo.report_requests import FLAKY, PlannedReport
from tests.e2e.permissions import count_ended_invocations, without_permission
from tests.e2e.report_desk import ReportDesk

LOOK_SECONDS = 60
REFUSED = "moon-1"
ELSEWHERE = ("kms:", "logs:", "xray:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A permission of the worker's role, and a request that needs it.

    Attributes:
        action: What is taken away.
        resource: Output of the stack with the name of the resource.
        folder: Prefix of the objects that it is taken away on. Default: it is not about objects.
        fails: Whether the request is one that the worker refuses, so that it becomes a dead letter.
        stumbles: Whether the first attempt of the request fails.
        is_harmless: Whether the request ends all the same, and only the log says what is missing.
    """

    action: str
    resource: str
    folder: str = ""
    fails: bool = False
    stumbles: bool = False
    is_harmless: bool = False

    @property
    def name(self) -> str:
        return f"{self.action} on {self.resource}{self.folder}"

    def report(self, year: int, key: str) -> PlannedReport:
        """Return the request, for a month of this year."""
        region = {"region": REFUSED} if self.fails else {"region": f"{FLAKY}1"} if self.stumbles else {}
        failure = "region must be one of" if self.fails else None
        body = json.dumps({"month": f"{year}-01", **region})
        return PlannedReport(name=self.name, month=f"{year}-01", body=body, key=key, failure=failure)


@dataclass(frozen=True, slots=True)
class Worker:
    """A deployed worker."""

    desk: ReportDesk
    function_name: str

    @property
    def role_name(self) -> str:
        client = self.desk.cloud.client("lambda")
        return str(client.get_function_configuration(FunctionName=self.function_name)["Role"]).split("/")[-1]

    def without(self, case: Case) -> AbstractContextManager[None]:
        """Take the permission of a case away while the block runs."""
        return without_permission(self.desk.cloud.client("iam"), self.role_name, case.action, self._part(case))

    def lines(self) -> list[Mapping[str, Any]]:
        """Return the lines of the log."""
        return [*self._lines()]

    def count_invocations(self) -> int:
        """Return how many invocations have ended."""
        return count_ended_invocations(self.desk.cloud, self.function_name)

    def _lines(self) -> Iterator[Mapping[str, Any]]:
        for text in log_lines(self.desk.cloud, self.function_name):
            try:
                line = json.loads(text)
            except ValueError:  # the Python interpreter itself writes text
                continue
            yield line if isinstance(line, dict) else {}

    def wait_until_denied(self, case: Case, lines_before: int) -> None:
        """Wait until the log says that the action was denied."""
        deadline = time.monotonic() + LOOK_SECONDS
        while not any(line.get("operation") == case.action for line in self.lines()[lines_before:]):
            assert time.monotonic() < deadline, f"{case.name} was never denied"
            time.sleep(0.1)

    def granted_beside(self, cases: Iterable[Case]) -> list[tuple[str, str]]:
        """Return the permissions of the role, by action and resource, that none of the cases is about."""
        known = {(case.action, self._part(case)) for case in cases}
        iam, name = self.desk.cloud.client("iam"), self.role_name
        names = iam.list_role_policies(RoleName=name)["PolicyNames"]
        documents: list[Any] = [iam.get_role_policy(RoleName=name, PolicyName=each)["PolicyDocument"] for each in names]
        granted = {
            (action, resource)
            for document in documents
            for statement in document["Statement"]
            for action in _listed(statement["Action"])
            for resource in _listed(statement["Resource"])
            if not action.startswith(ELSEWHERE)
        }
        return [
            (action, resource)
            for action, resource in granted
            if not any(action == of and part in resource for of, part in known)
        ]

    def _part(self, case: Case) -> str:
        """Return the part of an ARN that names the resource of a case."""
        name = self.desk.stack[case.resource].rsplit("/", 1)[-1].rsplit(":", 1)[-1]
        return f"{name}{case.folder}"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
