"""Both deliveries of accepted requests, with a worker that fails on demand."""

import json
from pathlib import Path
from typing import Any

from aws_cdk import App, CfnOutput, Duration, Stack

from cdk_app.settings import EMBEDDED_STAGE, StageSettings, load_settings
from tests.apps import new_app
from tsunagu.cdk import AsyncRequestApi, AsyncRequestApiProps, HandlerPackage, ReceiverSettings

PROJECT = Path(__file__).parents[2]
STACK_NAME = "requests"
WORKER = """
from dataclasses import dataclass

from tsunagu import PermanentError, Request, Result, accepted_request


@dataclass
class Report:
    month: str


@accepted_request("reports")
def handler(report: Report, request: Request) -> Result:
    if report.month == "broken":
        raise PermanentError("there are no sales of this month")
    request.progress("1 of 2")
    request.attach("chart.svg", "<svg/>", "image/svg+xml")
    return Result(f"month,{report.month}", "text/csv")
"""


class RequestStack(Stack):
    """Two APIs with the same worker."""

    def __init__(self, scope: App, settings: StageSettings, folder: Path) -> None:
        super().__init__(scope, STACK_NAME)
        package = folder / "report_worker"
        package.mkdir()
        (package / "handler.py").write_text(WORKER)
        worker = ReceiverSettings(package=HandlerPackage(path=package), platform=settings.platform)
        for name, delivery in {"Queue": "queue", "Event": "lambda_event"}.items():
            chosen: dict[str, Any] = {"delivery": delivery, "cancellable": delivery == "queue"}
            props = AsyncRequestApiProps(
                name="reports",
                worker=worker,
                timeout=Duration.seconds(10),
                account_log_role=False,
                protect=False,
                **chosen,
            )
            api = AsyncRequestApi(self, name, props)
            CfnOutput(self, f"{name}ApiId", value=api.gateway.api.rest_api_id)


def synthesize_requests(folder: Path) -> Path:
    """Write the cloud assembly of the stack below `folder`."""
    context: dict[str, Any] = json.loads((PROJECT / "cdk.json").read_text())["context"]
    app = new_app(outdir=str(folder / "cdk.out"), context=context, analytics_reporting=False)
    RequestStack(app, load_settings(context["tsunagu"], EMBEDDED_STAGE), folder)
    return Path(app.synth().directory)
