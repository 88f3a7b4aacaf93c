"""The flow `accept-now`: requests for reports over HTTP, each answered at once and worked once."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from cdk_app.demo.driver import KILL_PATIENCE_SECONDS, ConsumedQueue, kill_next_working_handlers
from cdk_app.demo.errors import DemoError
from cdk_app.demo.flow import FlowReport, Outputs, Progress, outputs_of
from cdk_app.demo.logs import count_deferrals
from cdk_app.demo.payment_findings import find_dead_letters
from cdk_app.demo.report_findings import ENDINGS, SUCCEEDED, SentReport, compare_reports, read_register
from cdk_app.demo.report_requests import PlannedReport, ReportShape, plan_reports
from cdk_app.demo.signed_api import ApiAnswer, SignedApi
from tsunagu.local.embedded_cloud import EmbeddedCloud

STACK_NAME = "tsunagu-embedded-reports"
SHAPE = ReportShape(reports=40, copied=4, broken=1, cancelled=1, longest_seconds=2)
WARMING = 5  # requests that start handlers before the first kill
CALLERS = 8  # threads that send
FIRST_YEAR = 2001
# After a kill, the next attempt waits for the end of a lease, 10 s; or of the visibility time-out, 90 s, if the worker
# had no lease yet.
PATIENCE_SECONDS = 240.0
LOOK_AGAIN_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptNow:
    """Sends requests for reports, kills workers, and compares the register of reports with what was sent.

    Attributes:
        seed: Decides every request.
        shape: How many requests of which kind.
        name: Key of the flow in the report.
        examples: None: requests are sent over HTTP, and signed.
    """

    seed: int = 1
    shape: ReportShape = SHAPE
    name: str = "accept-now"
    examples: Sequence[str] = ()

    def run(self, cloud: EmbeddedCloud, outputs: Outputs, progress: Progress) -> FlowReport:
        """Drive the flow; see `Flow`."""
        began = time.monotonic()
        stack = outputs_of(outputs, STACK_NAME)
        queue = ConsumedQueue.from_outputs(stack, "reports")
        reports = plan_reports(self.seed, self.name, self.shape, first_year=FIRST_YEAR)
        desk = ReportCounter(SignedApi.for_new_user(cloud, stack["ReportsApiUrl"]))
        progress(f"sending {sum(report.copies for report in reports)} requests, and killing a worker while it works")
        sent = desk.see_ended(desk.send(reports[:WARMING]))
        with ThreadPoolExecutor(1) as killer:
            kill = killer.submit(
                kill_next_working_handlers, cloud, queue.function_name, patience_seconds=KILL_PATIENCE_SECONDS
            )
            rest = desk.send(reports[WARMING:])
            killed = kill.result()
        sent += desk.see_ended(rest, progress)
        progress("comparing the register of reports with what was sent")
        findings = compare_reports(sent, read_register(cloud.client("dynamodb"), stack["ReportsTableName"]))
        return FlowReport(
            sent=sum(report.copies for report in reports),
            effects=findings.effects,
            duplicates=findings.duplicates,
            dead_lettered=len(find_dead_letters(cloud.client("sqs"), queue.dead_letter_queue_url)),
            lost=len(findings.lost),
            doubled=len(findings.doubled),
            killed=killed,
            deferred=count_deferrals(cloud, queue.function_name),
            seconds=round(time.monotonic() - began, 1),
            refused=sum(not report.is_worked and not report.failure for report in reports),
            problems=[*findings.problems, *([] if killed else ["a worker must be killed while it works, got none"])],
        )


@dataclass(frozen=True, slots=True)
class ReportCounter:
    """Where reports are asked for, and waited for.

    Attributes:
        api: The API.
        callers: How many requests are sent at once.
        patience_seconds: How long a request may take to end.
    """

    api: SignedApi
    callers: int = CALLERS
    patience_seconds: float = PATIENCE_SECONDS

    def send(self, reports: Sequence[PlannedReport]) -> list[SentReport]:
        """Send requests, several at once and each copy by itself, and cancel those that are to be cancelled.

        Raises:
            OSError: No answer came.
        """
        with ThreadPoolExecutor(self.callers) as callers:
            copies = [[callers.submit(self._send, report) for _ in range(report.copies)] for report in reports]
            answers = [[each.result() for each in group] for group in copies]
        return [SentReport(report=report, answers=group) for report, group in zip(reports, answers, strict=True)]

    def see_ended(self, sent: Sequence[SentReport], progress: Progress = lambda _text: None) -> list[SentReport]:
        """Wait until all accepted requests have ended, and read their results.

        Raises:
            DemoError: Requests are open when the time is over.
            OSError: No answer came.
        """
        deadline = time.monotonic() + self.patience_seconds
        ended: dict[str, SentReport] = {each.report.key: each for each in sent if each.request_id is None}
        while left := [each for each in sent if each.report.key not in ended]:
            if time.monotonic() > deadline:
                open_ones = ", ".join(f"{each.report.name} ({_status(each)})" for each in self.look(left))
                msg = f"every request must end within {self.patience_seconds} s, got {len(left)} open: {open_ones}"
                raise DemoError(msg)
            progress(f"{len(left)} requests left; those of killed workers come back when their leases end")
            looked = self.look(left)
            ended |= {each.report.key: each for each in looked if each.final and each.final["status"] in ENDINGS}
            time.sleep(LOOK_AGAIN_SECONDS)
        return self._each([ended[each.report.key] for each in sent], self._fetch)

    def look(self, sent: Sequence[SentReport]) -> list[SentReport]:
        """Ask once for the status of each request.

        Raises:
            OSError: No answer came.
        """
        return self._each(sent, self._look)

    def _send(self, report: PlannedReport) -> ApiAnswer:
        answer = self.api.post("/reports", report.body, key=report.key)
        if report.is_cancelled:
            self.api.call("DELETE", f"/requests/{report.key}")
        return answer

    def _look(self, sent: SentReport) -> SentReport:
        if sent.request_id is None:
            return sent
        answer = self.api.call("GET", f"/requests/{sent.request_id}")
        return replace(sent, final=answer.json() if answer.status == 200 else None)  # noqa: PLR2004

    def _fetch(self, sent: SentReport) -> SentReport:
        if sent.final is None or sent.final["status"] != SUCCEEDED:
            return sent
        path = f"/requests/{sent.request_id}/result"
        return replace(sent, result=self.api.call("GET", path), chart=self.api.call("GET", f"{path}/chart.svg"))

    def _each(self, sent: Sequence[SentReport], do: "Callable[[SentReport], SentReport]") -> list[SentReport]:
        with ThreadPoolExecutor(self.callers) as callers:
            return list(callers.map(do, sent))


def _status(sent: SentReport) -> str:
    return str(sent.final["status"]) if sent.final else "unknown"
