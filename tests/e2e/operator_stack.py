"""A scheduled job and a pipeline, with roles for people who look and for people who change something."""

import json
from pathlib import Path

from aws_cdk import App, CfnOutput, Stack
from aws_cdk import aws_iam as iam

from cdk_app.settings import EMBEDDED_STAGE, load_settings
from tests.e2e.job_stack import TIMEOUT, JobStack
from tests.e2e.wide_stack import WideStack
from tsunagu.cdk import OperatorAccess, OperatorAccessProps

PROJECT = Path(__file__).parents[2]
READER, OPERATOR = "Reader", "Operator"


def add_people(stack: Stack) -> None:
    """Add the two roles, their policies, and outputs with their ARNs."""
    roles = {name: iam.Role(stack, name, assumed_by=iam.AccountRootPrincipal()) for name in (READER, OPERATOR)}
    OperatorAccess(stack, "Access", OperatorAccessProps(readers=[roles[READER]], operators=[roles[OPERATOR]]))
    for name, role in roles.items():
        CfnOutput(stack, f"{name}RoleArn", value=role.role_arn)


def synthesize_operated(output: Path) -> Path:
    """Write the cloud assembly of both stacks into the folder `output`."""
    context = json.loads((PROJECT / "cdk.json").read_text())["context"]
    app = App(outdir=str(output), context=context, analytics_reporting=False, builtin_cloud_formation_validation=False)
    settings = load_settings(context["tsunagu"], EMBEDDED_STAGE)
    for stack in (JobStack(app, settings, TIMEOUT), WideStack(app, settings)):
        add_people(stack)
    return Path(app.synth().directory)
