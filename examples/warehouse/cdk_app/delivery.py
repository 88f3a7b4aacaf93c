"""The delivery pipeline: deploys the warehouse to dev, and after an approval to prod."""

from aws_cdk import Environment, Stack, pipelines
from constructs import Construct

from cdk_app.company import CompanyResources
from cdk_app.stage import WarehouseStage

COMMANDS = ["npm ci", "pip install -r requirements.txt", "npx cdk synth"]


class DeliveryStack(Stack):
    """A pipeline of the CDK, whose stages are the warehouse."""

    def __init__(self, scope: Construct, construct_id: str, *, company: CompanyResources) -> None:
        environment = Environment(account=company.account, region=company.region)
        super().__init__(scope, construct_id, env=environment)
        source = pipelines.CodePipelineSource.connection(
            "company/warehouse", "main", connection_arn=company.connection_arn
        )
        pipeline = pipelines.CodePipeline(
            self, "Pipeline", synth=pipelines.ShellStep("Synth", input=source, commands=COMMANDS)
        )
        pipeline.add_stage(WarehouseStage(self, "Dev", company=company, account=company.account, region=company.region))
        pipeline.add_stage(
            WarehouseStage(self, "Prod", company=company, account=company.account, region=company.region, protect=True),
            pre=[pipelines.ManualApprovalStep("Approve")],
        )
