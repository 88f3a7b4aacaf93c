import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_sqs as sqs

from tests.apps import new_app
from tsunagu.cdk.checks import add_checks
from tsunagu.cdk.constructs.acknowledgement import acknowledge


@pytest.fixture
def app(app_context: dict[str, Any], tmp_path: Path) -> App:
    return new_app(context=app_context, analytics_reporting=False, outdir=str(tmp_path))


def report(app: App) -> dict[str, Any]:
    """Violations that our plugin reported."""
    document = json.loads((Path(app.outdir) / "validation-report.json").read_text())
    [found] = [plugin for plugin in document["pluginReports"] if plugin["pluginName"] == "tsunagu"]
    return dict(found)


def test_broken_rule_stops_the_synthesis_and_names_the_construct(app: App) -> None:
    sqs.Queue(Stack(app, "Shop"), "Orders", queue_name="orders")
    add_checks(app)

    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()

    [violation] = report(app)["violations"]
    [construct] = violation["violatingConstructs"]
    assert violation["ruleName"] == "FixedName"
    assert construct["constructPath"] == "Shop/Orders/Resource"
    assert construct["cloudFormationResource"]["propertyPaths"] == ["Properties/QueueName"]


def test_acknowledged_finding_lets_the_synthesis_pass(app: App) -> None:
    queue = sqs.Queue(Stack(app, "Shop"), "Orders", queue_name="orders")
    acknowledge(queue, "tsunagu::FixedName", "the warehouse sends to it by this name")
    add_checks(app)

    app.synth()

    assert report(app)["violations"] == []


def test_every_stack_of_the_app_is_checked(app: App) -> None:
    sqs.Queue(Stack(app, "Shop"), "Orders")
    sqs.Queue(Stack(app, "Warehouse"), "Parcels", queue_name="parcels")
    add_checks(app)

    with pytest.raises(RuntimeError):
        app.synth()

    [violation] = report(app)["violations"]
    assert [found["constructPath"] for found in violation["violatingConstructs"]] == ["Warehouse/Parcels/Resource"]


def test_protected_app_keeps_what_is_stateful(app: App) -> None:
    sqs.Queue(Stack(app, "Shop"), "Orders")
    add_checks(app, protect=True)

    with pytest.raises(RuntimeError):
        app.synth()

    assert [violation["ruleName"] for violation in report(app)["violations"]] == ["StatefulDelete"]
