"""Makes a new repository with one flow in it: files of templates, filled in. No function's zip holds them."""

from tsunagu.scaffold.flows import FLOWS, Flow, FlowName
from tsunagu.scaffold.repository import Repository
from tsunagu.scaffold.settings import PYTHONS, PythonVersion, default_python, project_name

__all__ = [
    "FLOWS",
    "PYTHONS",
    "Flow",
    "FlowName",
    "PythonVersion",
    "Repository",
    "default_python",
    "project_name",
]
