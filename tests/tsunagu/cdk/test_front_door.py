"""What `tsunagu.cdk` exports, and what it says where its extra is not installed."""

import ast
import dataclasses
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest
from constructs import Construct

import tsunagu.cdk
from tsunagu import errors
from tsunagu.cdk import assets, checks, constructs, patterns
from tsunagu.cdk.homes import MODULES


def public_classes(package: ModuleType) -> Iterator[type]:
    """Constructs and dataclasses that the modules of a package define."""
    for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        module = importlib.import_module(found.name)
        for name, kind in inspect.getmembers(module, inspect.isclass):
            is_public = kind.__module__ == module.__name__ and not name.startswith("_")
            if is_public and (issubclass(kind, Construct) or dataclasses.is_dataclass(kind)):
                yield kind


# What receivers keep of a table that they share, the numbers of a job's state machine, parts of a gateway or a web API,
# the code of a function, what operators work with, and what a notifier inherits: no stack makes them.
BEHIND = {
    "CheckedConstruct",
    "KeySpaces",
    "ReceiverKeys",
    "RunLimits",
    "Answers",
    "Call",
    "GatewayApi",
    "WebHttpApi",
    "WebRestApi",
    "FunctionCode",
    "OperatedResources",
    "MessagingWatch",
    "FunctionWatch",
}


@pytest.mark.parametrize("package", [constructs, patterns], ids=lambda package: package.__name__)
def test_every_construct_and_its_props_are_exported(package: ModuleType) -> None:
    classes = list(public_classes(package))

    assert classes
    assert {kind.__name__ for kind in classes} - BEHIND <= set(tsunagu.cdk.__all__)


@pytest.mark.parametrize("package", [assets, checks], ids=lambda package: package.__name__)
def test_what_a_package_exports_is_exported(package: ModuleType) -> None:
    exported = {name: getattr(package, name) for name in package.__all__}

    assert {name: getattr(tsunagu.cdk, name) for name in exported} == exported
    assert exported.keys() <= set(tsunagu.cdk.__all__)


def test_every_exported_name_resolves() -> None:
    program = "import tsunagu.cdk\nfor name in tsunagu.cdk.__all__: getattr(tsunagu.cdk, name)"

    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_name_is_in_the_module_that_type_checkers_read_it_from() -> None:
    tree = ast.parse(inspect.getsource(tsunagu.cdk))
    (block,) = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]

    assert {alias.name: f"tsunagu.cdk.{MODULES[alias.name]}" for node in imports for alias in node.names} == {
        alias.name: node.module for node in imports for alias in node.names
    }
    assert MODULES.keys() <= set(tsunagu.cdk.__all__)


def test_a_receiver_loads_nothing_of_gateways_schedules_and_pipelines() -> None:
    program = (
        "import sys; from tsunagu.cdk import IdempotentReceiver, QueueChannel; "
        "print([name for name in sys.modules if name.startswith(('aws_cdk.aws_api', 'aws_cdk.aws_step', "
        "'aws_cdk.aws_scheduler', 'aws_cdk.aws_pipes', 'tsunagu.cdk.patterns.service'))])"
    )

    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert printed.stdout == "[]\n"


def test_every_name_is_exported_once() -> None:
    assert len(set(tsunagu.cdk.__all__)) == len(tsunagu.cdk.__all__)


def test_errors_that_a_stack_can_raise_are_exported() -> None:
    exported = {name for name in tsunagu.cdk.__all__ if name.endswith("Error")}

    assert exported == {"AssetError", "InvalidPropsError", "TsunaguError"}
    assert all(getattr(tsunagu.cdk, name) is getattr(errors, name) for name in exported)


def test_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match=r"module 'tsunagu\.cdk' has no attribute 'QueueChanel'"):
        tsunagu.cdk.QueueChanel  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize("name", ["tsunagu.cdk", "tsunagu.cdk.constructs", "tsunagu.cdk.assets"])
def test_without_the_extra_the_import_says_what_to_install(name: str) -> None:
    program = f"import sys; sys.modules['aws_cdk'] = None; import {name}"

    tried = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert tried.returncode == 1
    assert tried.stderr.splitlines()[-1] == (
        'ModuleNotFoundError: tsunagu.cdk needs the package aws-cdk-lib: run pip install "tsunagu[cdk]"'
    )


def test_handler_packages_need_no_aws_cdk() -> None:
    program = "import sys; from tsunagu.cdk import HandlerPackage, Platform; print('aws_cdk' in sys.modules)"

    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert printed.stdout == "False\n"


def props() -> Iterator[tuple[str, "dataclasses.Field[object]"]]:
    """Every prop of every class, with the name of its class."""
    for package in (constructs, patterns):
        for kind in public_classes(package):
            if dataclasses.is_dataclass(kind):
                yield from ((kind.__name__, field) for field in dataclasses.fields(kind))


def test_prop_for_an_existing_resource_is_called_existing() -> None:
    replacing = {
        (kind, field.name)
        for kind, field in props()
        if re.search(r"\bI(Topic|Table|Bucket|Queue)\b", str(field.type)) and field.default is None
    }

    assert replacing == {
        ("ClaimCheckBucketProps", "access_logs"),
        ("ClaimCheckBucketProps", "existing"),
        ("DeadLetterNotifierProps", "alarm_topic"),  # a second topic, beside that of the notifications
        ("DeadLetterNotifierProps", "existing"),
        ("IdempotencyTableProps", "existing"),
        ("QueueChannelProps", "dead_letter_queue"),  # that of the existing queue
        ("QueueChannelProps", "existing"),
        ("ResultBucketProps", "access_logs"),
        ("ResultBucketProps", "existing"),
        ("TopicChannelProps", "existing"),
        ("TopicSubscriptionProps", "dead_letter_queue"),  # one in another region
    }


def test_dead_letter_notifier_is_called_the_same_in_every_class() -> None:
    names = {field.name for _, field in props() if re.search(r"\bDeadLetterNotifier\b", str(field.type))}

    assert names == {"dead_letter_notifier"}
