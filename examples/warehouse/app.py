"""The app as the CDK CLI runs it: the delivery pipeline; with `-c stage=embedded`, the stack that it would deploy."""

from typing import Any

from aws_cdk import App, Environment
from tsunagu.cdk import Platform, add_checks, run_app

from cdk_app.company import ACCOUNT, REGION, CompanyResources, CompanyStack, TopicsStack
from cdk_app.delivery import DeliveryStack
from cdk_app.warehouse import WarehouseStack

EMBEDDED = "embedded"


def build_app(**app_props: Any) -> App:
    """Build the app.

    Args:
        app_props: Props of `aws_cdk.App`, such as `context` and `outdir`.
    """
    app = App(**{"analytics_reporting": False, **app_props})
    if app.node.try_get_context("stage") == EMBEDDED:
        _embedded(app)
    else:
        DeliveryStack(app, "Delivery", company=CompanyResources.from_context(app))
    add_checks(app)
    return app


def _embedded(app: App) -> None:
    """Make what the company has on AWS already, and the stack that the pipeline would deploy."""
    topics, company = TopicsStack(app), CompanyStack(app)
    warehouse = WarehouseStack(
        app,
        "Warehouse",
        company=company.resources(),
        platform=Platform.of_this_machine(),
        protect=False,
        env=Environment(account=ACCOUNT, region=REGION),
    )
    warehouse.add_stack_dependency(topics, "it is imported by name")
    warehouse.add_stack_dependency(company, "it is imported by name")


if __name__ == "__main__":
    run_app(build_app)
