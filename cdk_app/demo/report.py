"""Reports the flows of the demonstration: a table for people, a JSON file for programs."""

import json
from collections.abc import Mapping
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table

from cdk_app.demo.flow import FlowReport

HEADINGS = {
    "sent": "sent",
    "effects": "effects",
    "duplicates": "copies",
    "dead_lettered": "dead",
    "refused": "refused",
    "lost": "lost",
    "doubled": "doubled",
    "killed": "killed",
    "deferred": "defer-\nred",
    "seconds": "s",
}


def report_table(reports: Mapping[str, FlowReport]) -> Table:
    """Return a table with one row for each flow. It fits into 80 columns."""
    table = Table(box=SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False)
    table.add_column("flow", no_wrap=True)
    for heading in HEADINGS.values():
        table.add_column(heading, justify="right")
    for name, report in reports.items():
        table.add_row(name, *(str(getattr(report, column)) for column in HEADINGS))
    return table


def write_report(path: Path, reports: Mapping[str, FlowReport]) -> None:
    """Write the reports to `path`, as a JSON object with the name of each flow as key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({name: report.to_json() for name, report in reports.items()}, indent=2) + "\n")
