"""The import rules of the project; each has a planted violation that it must find."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.architecture.imports import Import, all_imports, circles, import_graph, is_within, modules

PROJECT = Path(__file__).resolve().parents[2]
APP = ("cdk_app", "lambdas")
INFRASTRUCTURE = ("aws_cdk", "constructs", "jsii")
LAUNCHER = "tsunagu.local.launcher"  # runs in the emulator's own environment, where nothing of ours is installed
WEB = ("a2wsgi", "fastapi", "flask", "mangum", "starlette", "uvicorn")
WITH_BOTO3 = ("tsunagu.runtime.aws", "tsunagu.runtime.functions")

# From the ground up. A module imports its own room, and rooms of lower floors.
FLOORS = (
    ("tsunagu.runtime.restore",),
    (
        "tsunagu.contracts",
        "tsunagu.errors",
        "tsunagu.cache",
        "tsunagu.dockerfiles",
        "tsunagu.templates",
        "tsunagu.runtime.startup",
        "tsunagu.runtime.retry",
    ),
    ("tsunagu.runtime.errors", "tsunagu.runtime.clock", "tsunagu.runtime.tracing"),
    ("tsunagu.runtime.json_text", "tsunagu.runtime.table_reader", "tsunagu.runtime.telemetry"),
    ("tsunagu.runtime.sending",),
    ("tsunagu.runtime.claim_check", "tsunagu.runtime.idempotency"),
    ("tsunagu.runtime.receiving",),
    ("tsunagu.runtime.pipeline", "tsunagu.runtime.requests", "tsunagu.runtime.single_flight", "tsunagu.runtime.web"),
    ("tsunagu.runtime.aws",),
    ("tsunagu.runtime.functions",),
    ("tsunagu", "tsunagu.runtime"),  # the front door of handlers; `tsunagu.runtime` itself imports nothing
    ("tsunagu.cdk.props",),
    (
        "tsunagu.cdk.assets",
        "tsunagu.capacity",
        "tsunagu.costs",
        "tsunagu.local",
        "tsunagu.operations",
        "tsunagu.scaffold",
    ),
    ("tsunagu.cdk.constructs", "tsunagu.cli", "tsunagu.testing"),
    ("tsunagu.cdk.patterns", "tsunagu.cdk.checks"),
    ("tsunagu.cdk",),
    ("lambdas.contracts",),
    ("lambdas",),
    ("cdk_app.settings", "cdk_app.handler_packages"),
    ("cdk_app.stacks",),
    ("cdk_app.app", "cdk_app.demo"),
    ("cdk_app",),
)

Rule = Callable[[Import], bool]


def contracts_import_more_than_the_standard_library(found: Import) -> bool:
    own = is_within(found.imported, "tsunagu.contracts")
    return is_within(found.importer, "tsunagu.contracts") and not own and not _is_standard(found.imported)


def the_reader_of_templates_imports_more_than_the_standard_library(found: Import) -> bool:
    own = is_within(found.imported, "tsunagu.templates")
    return is_within(found.importer, "tsunagu.templates") and not own and not _is_standard(found.imported)


def the_runtime_imports_more_of_the_library_than_the_contracts(found: Import) -> bool:
    allowed = is_within(found.imported, "tsunagu.contracts", "tsunagu.runtime")
    return _runs_in_lambda(found.importer) and is_within(found.imported, "tsunagu") and not allowed


def what_runs_in_lambda_imports_infrastructure(found: Import) -> bool:
    runs = _runs_in_lambda(found.importer) or is_within(found.importer, "lambdas")
    return runs and is_within(found.imported, "cdk_app", "tsunagu.cdk", *INFRASTRUCTURE)


def infrastructure_imports_the_runtime(found: Import) -> bool:
    return is_within(found.importer, "tsunagu.cdk") and is_within(found.imported, "tsunagu.runtime")


def operations_import_infrastructure(found: Import) -> bool:
    without = ("tsunagu.operations", "tsunagu.cli", "tsunagu.local", "tsunagu.testing")
    return is_within(found.importer, *without) and is_within(found.imported, "tsunagu.cdk", *INFRASTRUCTURE)


def the_library_imports_the_app(found: Import) -> bool:
    return is_within(found.importer, "tsunagu") and is_within(found.imported, *APP)


def the_app_imports_a_handler_or_the_runtime(found: Import) -> bool:
    handler = is_within(found.imported, "lambdas") and _handler_package(found.imported) is not None
    return is_within(found.importer, "cdk_app") and (handler or is_within(found.imported, "tsunagu.runtime"))


def the_app_imports_past_the_front_door_of_stacks(found: Import) -> bool:
    past = is_within(found.imported, "tsunagu.cdk") and not _is_front_door_of(found.imported, "tsunagu", "cdk")
    return is_within(found.importer, "cdk_app") and past


def a_handler_imports_another_handler(found: Import) -> bool:
    ours, theirs = _handler_package(found.importer), _handler_package(found.imported)
    return ours is not None and theirs is not None and ours != theirs


def a_handler_imports_what_its_zip_does_not_hold(found: Import) -> bool:
    library = is_within(found.imported, "tsunagu") and not _runs_in_lambda(found.imported)
    return is_within(found.importer, "lambdas") and library and not _is_front_door(found.imported)


def what_is_deployed_or_operated_imports_what_only_tests_use(found: Import) -> bool:
    inside = is_within(found.importer, "tsunagu.testing")
    return not inside and is_within(found.imported, "tsunagu.testing")


def fakes_and_the_explorer_import_what_only_tests_have(found: Import) -> bool:
    of_the_plugin = is_within(found.importer, "tsunagu.testing.plugin") and is_within(found.imported, "pytest")
    allowed = is_within(found.imported, "tsunagu") or _is_standard(found.imported) or of_the_plugin
    return is_within(found.importer, "tsunagu.testing") and not allowed


def boto3_is_imported_outside_its_adapters(found: Import) -> bool:
    runs = _runs_in_lambda(found.importer) or is_within(found.importer, "lambdas")
    return runs and not is_within(found.importer, *WITH_BOTO3) and is_within(found.imported, "boto3", "botocore")


def a_web_framework_is_imported_outside_the_web_room(found: Import) -> bool:
    outside = is_within(found.importer, "tsunagu", "cdk_app") and not is_within(found.importer, "tsunagu.runtime.web")
    return outside and is_within(found.imported, *WEB)


def the_launcher_imports_what_the_emulators_environment_lacks(found: Import) -> bool:
    ours = is_within(found.imported, "tsunagu", *APP)
    return is_within(found.importer, LAUNCHER) and ours and not is_within(found.imported, LAUNCHER)


def a_module_imports_a_higher_floor(found: Import) -> bool:
    if not is_within(found.imported, "tsunagu", *APP) or is_within(found.importer, LAUNCHER):
        return False
    (floor, room), (other_floor, other_room) = _floor(found.importer), _floor(found.imported)
    return room != other_room and other_floor >= floor


RULES: dict[Rule, tuple[str, str]] = {
    contracts_import_more_than_the_standard_library: ("tsunagu/contracts/x.py", "import boto3"),
    the_reader_of_templates_imports_more_than_the_standard_library: (
        "tsunagu/templates/x.py",
        "from tsunagu.errors import TsunaguError",
    ),
    the_runtime_imports_more_of_the_library_than_the_contracts: (
        "tsunagu/runtime/x.py",
        "from tsunagu.errors import TsunaguError",
    ),
    what_runs_in_lambda_imports_infrastructure: ("lambdas/payments/x.py", "from tsunagu.cdk import QueueChannel"),
    infrastructure_imports_the_runtime: ("tsunagu/cdk/constructs/x.py", "from tsunagu.runtime import clock"),
    operations_import_infrastructure: ("tsunagu/operations/x.py", "def late():\n    import aws_cdk"),
    the_library_imports_the_app: ("tsunagu/cli/x.py", "from cdk_app.demo import flow"),
    the_app_imports_a_handler_or_the_runtime: ("cdk_app/stacks/x.py", "from lambdas.payments import service"),
    the_app_imports_past_the_front_door_of_stacks: (
        "cdk_app/stacks/x.py",
        "from tsunagu.cdk.constructs import QueueChannel",
    ),
    a_handler_imports_another_handler: ("lambdas/payments/x.py", "from lambdas.reports import service"),
    a_handler_imports_what_its_zip_does_not_hold: ("lambdas/payments/x.py", "from tsunagu.operations import trace"),
    what_is_deployed_or_operated_imports_what_only_tests_use: (
        "tsunagu/operations/x.py",
        "from tsunagu.testing.fakes import FakeClock",
    ),
    fakes_and_the_explorer_import_what_only_tests_have: (
        "tsunagu/testing/explorer/x.py",
        "from tests.explorer.plant import Plant",
    ),
    boto3_is_imported_outside_its_adapters: (
        "tsunagu/runtime/x.py",
        "def late():\n    from boto3.session import Session",
    ),
    a_web_framework_is_imported_outside_the_web_room: ("tsunagu/runtime/receiving/x.py", "from mangum import Mangum"),
    the_launcher_imports_what_the_emulators_environment_lacks: (
        "tsunagu/local/launcher/x.py",
        "from tsunagu.errors import TsunaguError",
    ),
    a_module_imports_a_higher_floor: (
        "tsunagu/runtime/idempotency/x.py",
        "from ..receiving.delivery import Delivery",
    ),
}


def _is_standard(name: str) -> bool:
    return name.partition(".")[0] in sys.stdlib_module_names


def _runs_in_lambda(name: str) -> bool:
    return name == "tsunagu" or is_within(name, "tsunagu.runtime", "tsunagu.contracts")


def _is_front_door(name: str) -> bool:
    """Whether it is a name of the package `tsunagu` itself, and no module of it."""
    return _is_front_door_of(name, "tsunagu")


def _is_front_door_of(name: str, *package: str) -> bool:
    *parents, last = name.split(".")
    return tuple(parents) == package and not PROJECT.joinpath(*package, last).exists()


def _floor(name: str) -> tuple[int, str]:
    """Return floor and room of a module: the room whose name begins its own, the longest one where several do."""
    rooms = [(room, number) for number, floor in enumerate(FLOORS) for room in floor if is_within(name, room)]
    room, number = max(rooms, key=lambda found: len(found[0]))
    if room == "lambdas" and (package := _handler_package(name)):
        return number, package
    return number, room


def _handler_package(name: str) -> str | None:
    """The package directly below `lambdas` that is not the contracts."""
    parts = name.split(".")
    if parts[0] != "lambdas" or len(parts) == 1 or is_within(name, "lambdas.contracts"):
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


def test_no_import_leads_in_a_circle() -> None:
    assert circles(import_graph(PROJECT)) == []


def test_a_planted_circle_is_found(tmp_path: Path) -> None:
    plant(tmp_path, "tsunagu/a.py", "from tsunagu import b")
    plant(tmp_path, "tsunagu/b.py", "def late():\n    from tsunagu.c import name")
    plant(tmp_path, "tsunagu/c.py", "import tsunagu.a")

    assert circles(import_graph(tmp_path)) == [["tsunagu.a", "tsunagu.b", "tsunagu.c"]]


def test_every_module_stands_on_a_floor() -> None:
    for name in import_graph(PROJECT):
        assert _floor(name)


def test_the_command_and_the_embedded_cloud_do_not_load_aws_cdk() -> None:
    """`aws_cdk` starts a Node process, which a command that lists dead letters must not wait for."""
    names = [name for package in ("tsunagu.cli", "tsunagu.local") for name in modules(PROJECT, package)]

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
