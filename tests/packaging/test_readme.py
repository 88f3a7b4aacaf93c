"""README's example, as another team would try it: in a folder of its own, with the installed wheel."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.packaging.conftest import PROJECT, Environment
from tests.synthesis import WITHOUT_VALIDATION
from tsunagu.local.embedded_cloud import EmbeddedCloud
from tsunagu.operations.queues import wait_until_drained

# Folders that this repository has too. Nothing may import them by mistake.
OWN_FOLDERS = ("lambdas", "cdk_app", "tests")
NOT_IMPORTED = 'raise ImportError("a folder of the project itself was imported")\n'


def readme_file(name: str) -> str:
    """The code block below the line of README that names this file."""
    found = re.search(rf"`{re.escape(name)}`:\n\n```python\n(.*?)```", (PROJECT / "README.md").read_text(), re.DOTALL)
    assert found, name
    return found[1]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with README's two files, and folders of its own that are called as ours."""
    for name in ("app.py", "invoices/handler.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(readme_file(name))
    for name in OWN_FOLDERS:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(NOT_IMPORTED)
    (tmp_path / "node_modules").symlink_to(PROJECT / "node_modules")
    return tmp_path


@pytest.fixture
def cloud(full_environment: Environment, project: Path) -> Iterator[EmbeddedCloud]:
    """An embedded cloud that the project's own command started, with the app deployed."""
    full_environment.run("tsunagu", "up", cwd=project, variables=WITHOUT_VALIDATION)
    cloud = EmbeddedCloud.attach(project / ".tsunagu" / "cloud")
    yield cloud
    full_environment.run("tsunagu", "down", cwd=project)


def test_readmes_example_deploys_and_processes_a_message_once(
    full_environment: Environment, project: Path, cloud: EmbeddedCloud
) -> None:
    invoices = [{"number": "i-1", "amount": 995}, {"number": "i-2", "amount": 1}, {"number": "i-1", "amount": 995}]
    (project / "invoices.jsonl").write_text("\n".join(map(json.dumps, invoices)))
    where = ("--stack-name", "Invoices", "--queue", "Invoices", "--group-by", "number")
    options = ("--file", "invoices.jsonl", "--yes", "--force")  # its constructs are protected, by default

    full_environment.run(
        "tsunagu",
        "send",
        *where,
        *options,
        cwd=project,
        variables=cloud.environment(),
    )
    stack = cloud.client("cloudformation").describe_stacks(StackName="Invoices")["Stacks"][0]
    (queue_url,) = [output["OutputValue"] for output in stack["Outputs"]]
    wait_until_drained(cloud.client("sqs"), [queue_url], patience_seconds=120)

    assert sorted(recorded(cloud)) == [("i-1", 995), ("i-2", 1)]


def recorded(cloud: EmbeddedCloud) -> list[tuple[str, int]]:
    """Number and amount of the invoices in the handler's table: the one that is no idempotency table."""
    dynamodb = cloud.client("dynamodb")
    (table,) = [name for name in dynamodb.list_tables()["TableNames"] if name.startswith("Invoices-Table")]
    return [(item["number"]["S"], int(item["amount"]["N"])) for item in dynamodb.scan(TableName=table)["Items"]]
