"""What public scanners say about every stack, and what of it is accepted."""

import json

import pytest
from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks, NagPack, ServerlessChecks
from cfnlint.api import ManualArgs, lint  # type: ignore[import-untyped]

from tests.snapshots.stages import app_of, templates

# Each is explained beside its construct. To add one here is to say that the finding is right to be there.
PAYMENT_CHANNELS = {"FifoChannel", "StandardChannel"}
ORDER_SERVICES = {"Steps/Reserve/Inventory", "Steps/Reserve/Billing", "Steps/Ship/Shipping"}
JOB = "SupplierSync/SupplierSync"
ORDER_API = "OrderApi/OrderApi"
REPORTS, EVENT_REPORTS = "Reports/Reports", "Reports/EventReports"
CHANNELS = {
    "OrderApi/Channel",
    f"{REPORTS}/Channel",
    f"{JOB}/Channel",
    *(f"Payments/{channel}" for channel in PAYMENT_CHANNELS),
    *(f"OrderPipeline/Orders/{service}/Channel" for service in ORDER_SERVICES),
    "OrderPipeline/NotificationsChannel",
}
RECEIVERS = {
    f"{ORDER_API}/Receiver",
    f"{REPORTS}/Receiver",
    f"{JOB}/Receiver",
    "Payments/FifoReceiver",
    "Payments/StandardReceiver",
    *(f"OrderPipeline/Orders/{service}/Receiver" for service in ORDER_SERVICES),
}
SWEPT = (REPORTS, EVENT_REPORTS, ORDER_API)
RUN_SWEEPER = "OrderPipeline/Orders/RunSweeper"
FUNCTIONS = {
    "OrderPipeline/Orders/Preprocessor",
    f"{RUN_SWEEPER}/Handler",
    f"{EVENT_REPORTS}/Worker",
    *(f"{api}/Sweeper/Handler" for api in SWEPT),
    *(f"{receiver}/Handler" for receiver in RECEIVERS),
}
OBJECTS = "AwsSolutions-IAM5[Resource::<OrdersClaimCheckBucketC8EEFFA4.Arn>/orders/*{}]"
RESULTS = {REPORTS: "ReportsResultsBucket7F9B6516", EVENT_REPORTS: "EventReportsResultsBucket4045101F"}
REPORT_WORKERS = {REPORTS: "Receiver/Handler", EVENT_REPORTS: "Worker"}
REPORT_METHODS = {
    *((api, "reports/POST") for api in RESULTS),
    *((api, f"requests/{{id}}{part}/GET") for api in RESULTS for part in ("", "/result", "/result/{name}")),
    (REPORTS, "requests/{id}/DELETE"),
}
LOG_POLICY = "arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
ACKNOWLEDGED = {
    *((f"{channel}/DeadLetterQueue", "Serverless-SQSRedrivePolicy") for channel in CHANNELS),
    *(
        (f"{channel}/Subscription/DeadLetterQueue", rule)
        for channel in CHANNELS
        if channel.startswith("OrderPipeline")
        for rule in ("AwsSolutions-SQS3", "Serverless-SQSRedrivePolicy")
    ),
    *(
        (f"{function}/Function", rule)
        for function in FUNCTIONS
        for rule in ("AwsSolutions-L1", "Serverless-LambdaLatestVersion", "Serverless-LambdaDLQ")
    ),
    *(
        (f"{function}/Role/Resource", rule)
        for function in FUNCTIONS
        for rule in ("AwsSolutions-IAM5[Resource::*]", "Serverless-LambdaStarPermissions")
    ),
    *((f"{receiver}/Mapping", "Serverless-LambdaEventSourceMappingDestination") for receiver in RECEIVERS),
    *(
        (f"{function}/Role", OBJECTS.format(""))
        for function in FUNCTIONS - {f"{RUN_SWEEPER}/Handler"}
        if function.startswith("OrderPipeline")
    ),
    *(
        (f"OrderPipeline/Orders/Steps/{place}/Receiver/Handler/Role", OBJECTS.format(f"/{place.lower()}/*"))
        for place in ("Reserve/Inventory", "Reserve/Billing", "Ship/Shipping")
    ),
    ("OrderPipeline/Orders/ClaimCheckBucket/Bucket", "AwsSolutions-S1"),
    *(
        (f"{JOB}/{machine}/Role/Resource", "AwsSolutions-IAM5[Resource::*]")
        for machine in ("Machine", "ReleaseMachine")
    ),
    *((f"{api}/Gateway/Gateway/Api/Default/{method}", "AwsSolutions-COG4") for api, method in REPORT_METHODS),
    *(
        (f"{api}/Gateway/Gateway/Api/DeploymentStage.v1", rule)
        for api in RESULTS
        for rule in ("AwsSolutions-APIG3", "AwsSolutions-APIG6")
    ),
    (f"{REPORTS}/Gateway/Gateway/Api/CloudWatchRole", f"AwsSolutions-IAM4[Policy::{LOG_POLICY}]"),
    *((f"{api}/Results/Bucket", "AwsSolutions-S1") for api in RESULTS),
    *(
        (f"{api}/{role}", f"AwsSolutions-IAM5[Resource::<{bucket}.Arn>/{prefix}reports/*]")
        for api, bucket in RESULTS.items()
        for role, prefix in (
            ("Gateway/Role", ""),
            (f"{REPORT_WORKERS[api]}/Role", ""),
            (f"{REPORT_WORKERS[api]}/Role", ".staging/"),
        )
    ),
    *(
        (f"{sweeper}/Invocations", "Serverless-LambdaAsyncFailureDestination")
        for sweeper in (RUN_SWEEPER, *(f"{api}/Sweeper" for api in SWEPT))
    ),
    *(
        (f"{sweeper}/Schedule", "tsunagu::ScheduleDeadLetters")
        for sweeper in (RUN_SWEEPER, *(f"{api}/Sweeper" for api in SWEPT))
    ),
    (f"{REPORTS}/Sweeper/QueueAge", "AwsSolutions-IAM5[Resource::*]"),
    *(
        (f"{EVENT_REPORTS}/Events/DeadLetterQueue", rule)
        for rule in ("AwsSolutions-SQS3", "Serverless-SQSRedrivePolicy")
    ),
    *((f"{JOB}/Undelivered", rule) for rule in ("AwsSolutions-SQS3", "Serverless-SQSRedrivePolicy")),
}
# W3005: CDK makes a function depend on its role and on the role's policy; the first is superfluous.
CFN_LINT_IGNORED = ["W3005"]


def acknowledgements(app: App) -> dict[tuple[str, str], str]:
    """Reasons of what is acknowledged in the app, by construct path and rule."""
    key = Validations.ACKNOWLEDGED_RULES_METADATA_KEY
    return {
        (construct.node.path, rule.removeprefix("Annotation::")): reason
        for construct in app.node.find_all()
        for entry in construct.node.metadata
        if entry.type == key
        for rule, reason in entry.data.items()
    }


@pytest.mark.parametrize("pack", [AwsSolutionsChecks, ServerlessChecks])
@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_cdk_nag_finds_nothing_that_is_not_acknowledged(stage: str, pack: type[NagPack]) -> None:
    app = app_of(stage)

    report = pack(app).validate_scope(app)

    assert [(violation.rule_name, violation.violating_resources) for violation in report.violations] == []


def test_nothing_is_acknowledged_but_what_was_agreed() -> None:
    assert set(acknowledgements(app_of("prod"))) == ACKNOWLEDGED


def test_every_acknowledgement_says_why() -> None:
    assert all(len(reason.split()) >= 5 for reason in acknowledgements(app_of("prod")).values())


# stg is as prod and embedded as dev: snapshots show it.
@pytest.mark.parametrize(
    "stage", ["prod", *(pytest.param(stage, marks=pytest.mark.slow) for stage in ("dev", "stg", "embedded"))]
)
def test_cfn_lint_finds_nothing(stage: str) -> None:
    for template in templates(stage).values():
        matches = lint(json.dumps(template), regions=["eu-west-1"], config=ManualArgs(ignore_checks=CFN_LINT_IGNORED))

        assert [str(match) for match in matches] == []
