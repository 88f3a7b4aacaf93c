"""The import rules of the project; each has a planted violation that it must find."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.architecture.imports import Import, all_imports, is_within, modules

PROJECT = Path(__file__).resolve().parents[2]
SHARED_LAMBDAS = ("lambdas.contracts", "lambdas.runtime")
INFRASTRUCTURE = ("aws_cdk", "constructs", "jsii")
LAUNCHER = "cdk_app.local.launcher"  # runs in the emulator's own environment, where nothing of ours is installed

Rule = Callable[[Import], bool]


def contracts_import_more_than_the_standard_library(found: Import) -> bool:
    own = is_within(found.imported, "lambdas.contracts")
    return is_within(found.importer, "lambdas.contracts") and not own and not _is_standard(found.imported)


def lambdas_import_infrastructure(found: Import) -> bool:
    return is_within(found.importer, "lambdas") and is_within(
        found.imported, "cdk_app", "aws_cdk", "constructs", "jsii"
    )


def infrastructure_imports_more_of_lambdas_than_the_contracts(found: Import) -> bool:
    """The command is a client of the runtime, because it sends messages as a producer does."""
    allowed = SHARED_LAMBDAS if is_within(found.importer, "cdk_app.cli") else ("lambdas.contracts",)
    return (
        is_within(found.importer, "cdk_app")
        and is_within(found.imported, "lambdas")
        and not is_within(found.imported, *allowed)
    )


def a_handler_imports_another_handler(found: Import) -> bool:
    ours, theirs = _handler_package(found.importer), _handler_package(found.imported)
    return ours is not None and theirs is not None and ours != theirs


def the_runtime_imports_a_handler(found: Import) -> bool:
    return is_within(found.importer, *SHARED_LAMBDAS) and _handler_package(found.imported) is not None


def boto3_is_imported_outside_runtime_aws(found: Import) -> bool:
    return (
        is_within(found.importer, "lambdas")
        and not is_within(found.importer, "lambdas.runtime.aws")
        and is_within(found.imported, "boto3", "botocore")
    )


def the_launcher_imports_what_the_emulators_environment_lacks(found: Import) -> bool:
    ours = is_within(found.imported, "cdk_app", "lambdas")
    return is_within(found.importer, LAUNCHER) and ours and not is_within(found.imported, LAUNCHER)


RULES: dict[Rule, tuple[str, str]] = {
    contracts_import_more_than_the_standard_library: ("lambdas/contracts/x.py", "import boto3"),
    lambdas_import_infrastructure: ("lambdas/payments/x.py", "from cdk_app.errors import TsunaguError"),
    infrastructure_imports_more_of_lambdas_than_the_contracts: ("cdk_app/stacks/x.py", "from lambdas import runtime"),
    a_handler_imports_another_handler: ("lambdas/payments/x.py", "from lambdas.reports import service"),
    the_runtime_imports_a_handler: ("lambdas/runtime/x.py", "from ..payments import service"),
    boto3_is_imported_outside_runtime_aws: (
        "lambdas/runtime/x.py",
        "def late():\n    from boto3.session import Session",
    ),
    the_launcher_imports_what_the_emulators_environment_lacks: (
        "cdk_app/local/launcher/x.py",
        "from cdk_app.errors import TsunaguError",
    ),
}


def _is_standard(name: str) -> bool:
    return name.partition(".")[0] in sys.stdlib_module_names


def _handler_package(name: str) -> str | None:
    """The package directly below `lambdas` that is neither contracts nor runtime."""
    parts = name.split(".")
    if parts[0] != "lambdas" or len(parts) == 1 or is_within(name, *SHARED_LAMBDAS):
        return None
    return parts[1]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_nowhere_does_it_happen_that(rule: Rule) -> None:
    assert [str(found) for found in all_imports(PROJECT) if rule(found)] == []


@pytest.mark.parametrize(("rule", "planted"), RULES.items(), ids=lambda part: getattr(part, "__name__", ""))
def test_it_is_found_when_it_is_planted_that(rule: Rule, planted: tuple[str, str], tmp_path: Path) -> None:
    path, source = planted
    plant(tmp_path, path, source)

    assert [found.importer for found in all_imports(tmp_path) if rule(found)] == [
        path.removesuffix(".py").replace("/", ".")
    ]


def test_the_command_may_use_the_runtime_and_no_handler() -> None:
    rule = infrastructure_imports_more_of_lambdas_than_the_contracts

    assert not rule(Import("cdk_app.cli.send", "lambdas.runtime.publish.Publisher", 1))
    assert rule(Import("cdk_app.cli.send", "lambdas.payments.service", 1))


def test_the_command_and_the_embedded_cloud_do_not_load_aws_cdk() -> None:
    """`aws_cdk` starts a Node process, which a command that lists dead letters must not wait for."""
    names = [name for package in ("cdk_app.cli", "cdk_app.local") for name in modules(PROJECT, package)]

    assert loads_aws_cdk([name for name in names if not is_within(name, LAUNCHER)], PROJECT) is False


def test_a_planted_load_of_aws_cdk_is_found_through_other_modules(tmp_path: Path) -> None:
    plant(tmp_path, "planted/__init__.py", "from planted import deep")
    plant(tmp_path, "planted/deep.py", "import aws_cdk")
    plant(tmp_path, "aws_cdk.py", "")

    assert loads_aws_cdk(["planted"], tmp_path) is True


def plant(root: Path, path: str, source: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(source)


def loads_aws_cdk(names: Sequence[str], root: Path) -> bool:
    """Import `names` in a child process, and tell whether that loaded `aws_cdk`."""
    program = f"import sys, {', '.join(names)}; print('aws_cdk' in sys.modules)"
    child = subprocess.run(
        [sys.executable, "-c", program],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    return child.stdout.split()[-1] == "True"
