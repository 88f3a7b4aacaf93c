"""A stage of the delivery pipeline: the warehouse, in one account and region."""

from typing import Any

from aws_cdk import Environment, Stage
from constructs import Construct
from tsunagu.cdk import Platform

from cdk_app.company import CompanyResources
from cdk_app.warehouse import WarehouseStack


class WarehouseStage(Stage):
    """The warehouse.

    Args:
        company: What the company has.
        account: Account of the stage.
        region: Region of the stage.
        protect: Whether what holds data outlives its stack.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        company: CompanyResources,
        account: str,
        region: str,
        protect: bool = False,
        **stage_props: Any,
    ) -> None:
        super().__init__(scope, construct_id, env=Environment(account=account, region=region), **stage_props)
        WarehouseStack(self, "Warehouse", company=company, platform=Platform(), protect=protect)
