"""What the demonstration tells at its end: a table for people, a file for programs."""

import json
from collections.abc import Mapping
from pathlib import Path

from rich.table import Table

from cdk_app.local.demo.flow import FlowReport

COLUMNS = ("sent", "effects", "duplicates", "dead_lettered", "lost", "doubled", "killed", "deferred", "seconds")


def report_table(reports: Mapping[str, FlowReport]) -> Table:
    """Return a table with one row a flow."""
    table = Table("flow", title="What the effects say")
    for column in COLUMNS:
        table.add_column(column.replace("_", "-"), justify="right")
    for name, report in reports.items():
        table.add_row(name, *(str(getattr(report, column)) for column in COLUMNS))
    return table


def write_report(path: Path, reports: Mapping[str, FlowReport]) -> None:
    """Write `path`, an object keyed by flow."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({name: report.to_json() for name, report in reports.items()}, indent=2) + "\n")
