"""The CDK app: the stacks of one stage, and the checks of their templates."""

from typing import Any

from aws_cdk import App

from cdk_app.settings import StageSettings, load_settings
from cdk_app.stacks.order_api import OrderApiStack
from cdk_app.stacks.order_pipeline import OrderPipelineStack
from cdk_app.stacks.payments import PaymentsStack
from cdk_app.stacks.reports import ReportsStack
from cdk_app.stacks.supplier_sync import SupplierSyncStack
from tsunagu.cdk import add_checks

_DEFAULT_STAGE = "dev"


def build_app(settings: StageSettings | None = None, **app_props: Any) -> App:
    """Build the app of one stage. Call `synth()` of the result to write the templates.

    Args:
        settings: Settings of the stage. Default: those of the stage in the context (`cdk -c stage=prod`), or else of
            `dev`.
        app_props: Props of `aws_cdk.App`, such as `context` and `outdir`.

    Raises:
        SettingsError: The context has no such stage, or one of its settings is wrong.
        AssetError: A handler package cannot become an asset.
    """
    # Without analytics the CDK CLI and the tests get the same templates.
    app = App(**{"analytics_reporting": False, **app_props})
    settings = settings or _settings_of(app)
    PaymentsStack(app, "Payments", settings=settings, stack_name=f"tsunagu-{settings.name}-payments")
    OrderPipelineStack(app, "OrderPipeline", settings=settings, stack_name=f"tsunagu-{settings.name}-order-pipeline")
    ReportsStack(app, "Reports", settings=settings, stack_name=f"tsunagu-{settings.name}-reports")
    SupplierSyncStack(app, "SupplierSync", settings=settings, stack_name=f"tsunagu-{settings.name}-supplier-sync")
    OrderApiStack(app, "OrderApi", settings=settings, stack_name=f"tsunagu-{settings.name}-order-api")
    add_checks(app, protect=settings.protect)
    return app


def _settings_of(app: App) -> StageSettings:
    stage = app.node.try_get_context("stage")
    return load_settings(app.node.try_get_context("tsunagu"), _DEFAULT_STAGE if stage is None else str(stage))
