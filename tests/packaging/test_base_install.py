from tests.packaging.conftest import Environment

IMPORT_ALL = """
import importlib, pkgutil, sys
import tsunagu.runtime, tsunagu.cli, tsunagu.operations, tsunagu.testing
for package in (tsunagu.runtime, tsunagu.cli, tsunagu.operations, tsunagu.testing):
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if module.name != "tsunagu.testing.plugin":  # pytest imports it, and is not there
            importlib.import_module(module.name)
print("aws_cdk" in sys.modules, importlib.util.find_spec("aws_cdk"))
"""


def test_base_install_has_the_runtime_and_the_command_and_no_aws_cdk(base_environment: Environment) -> None:
    assert base_environment.run("python", "-c", IMPORT_ALL) == "False None\n"


def test_command_of_the_base_install_tells_its_verbs(base_environment: Environment) -> None:
    printed = base_environment.run("tsunagu", "--help", variables={"COLUMNS": "100"})

    verbs = set(printed.split())
    assert {"send", "up", "down"} <= verbs
    assert "demo" not in verbs


def test_base_install_says_what_stacks_need(base_environment: Environment) -> None:
    program = "try:\n    import tsunagu.cdk\nexcept ModuleNotFoundError as error:\n    print(error.name, '|', error)"

    assert base_environment.run("python", "-c", program) == (
        'aws_cdk | tsunagu.cdk needs the package aws-cdk-lib: run pip install "tsunagu[cdk]"\n'
    )
