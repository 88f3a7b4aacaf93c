"""Another team's app, whose folders are called as ours: `cdk_app`, `lambdas` and `tests`, each a package."""

import json
import zipfile
from pathlib import Path

import pytest

from tests.packaging.conftest import Environment
from tests.synthesis import WITHOUT_VALIDATION

FILES = {
    "cdk_app/__init__.py": "",
    "cdk_app/app.py": """
from pathlib import Path

import lambdas
from aws_cdk import App, Duration, Stack
from cdk_app.settings import STACK_NAME
from tsunagu.cdk import HandlerPackage, IdempotentReceiver, IdempotentReceiverProps, QueueChannel, QueueChannelProps

folder = Path(lambdas.__file__).parent
app = App()
stack = Stack(app, STACK_NAME)
channel = QueueChannel(stack, "Channel", QueueChannelProps(handler_timeout=Duration.seconds(30)))
package = HandlerPackage(path=folder / "payments", include=[folder / "contracts", folder / "rates.py"])
IdempotentReceiver(stack, "Receiver", IdempotentReceiverProps(package=package, channel=channel))
app.synth()
""",
    "cdk_app/settings.py": 'STACK_NAME = "Theirs"\n',
    "lambdas/__init__.py": "",
    "lambdas/rates.py": "VAT = 19\n",
    "lambdas/contracts/__init__.py": "",
    "lambdas/contracts/their_orders.py": """
from dataclasses import dataclass


@dataclass
class TheirOrder:
    number: str
""",
    "lambdas/payments/__init__.py": "",
    "lambdas/payments/handler.py": """
from lambdas.contracts.their_orders import TheirOrder
from lambdas.rates import VAT
from tsunagu import Message, message_handler

from .their_service import pay


@message_handler("payments", key="number")
def handler(order: TheirOrder, message: Message) -> None:
    pay(order, VAT)
""",
    "lambdas/payments/their_service.py": "def pay(order: object, vat: int) -> None: ...\n",
    "tests/__init__.py": "",
}


@pytest.fixture(scope="module")
def output(full_environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the other team's app synthesized."""
    project = tmp_path_factory.mktemp("project")
    for name, text in FILES.items():
        (project / name).parent.mkdir(exist_ok=True, parents=True)
        (project / name).write_text(text)
    variables = {"CDK_OUTDIR": str(project / "out"), **WITHOUT_VALIDATION}
    full_environment.run("python", "-m", "cdk_app.app", cwd=project, variables=variables)
    return project / "out"


@pytest.fixture(scope="module")
def task(output: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The function's zip, unpacked."""
    (asset,) = output.glob("asset.*.zip")
    folder = tmp_path_factory.mktemp("task")
    with zipfile.ZipFile(asset) as archive:
        archive.extractall(folder)
    return folder


def test_an_app_with_folders_called_as_ours_synthesizes_with_its_own_code(output: Path, task: Path) -> None:
    resources = json.loads((output / "Theirs.template.json").read_text())["Resources"].values()
    (function,) = [each["Properties"] for each in resources if each["Type"] == "AWS::Lambda::Function"]
    held = {path.relative_to(task).as_posix(): path.read_text() for path in (task / "lambdas").rglob("*.py")}

    assert function["Handler"] == "lambdas.payments.handler.handler"
    assert held == {name: text for name, text in FILES.items() if name.startswith("lambdas/")}


def test_the_handler_of_such_an_app_imports_from_its_zip_alone(full_environment: Environment, task: Path) -> None:
    program = (
        "import sys; sys.path.insert(0, ''); import tsunagu, lambdas.payments.handler as module; "
        "print(tsunagu.__file__, module.__file__, callable(module.handler))"
    )

    printed = full_environment.run("python", "-c", program, cwd=task)

    assert printed.split() == [f"{task}/tsunagu/__init__.py", f"{task}/lambdas/payments/handler.py", "True"]
