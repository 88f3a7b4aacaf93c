import ast
import os
from collections.abc import Iterator
from pathlib import Path, PurePath

import pytest

from tests.groups import SHARED_FIXTURES, STAGES_APART, TEMPLATES, group_of, turn_of

TESTS = Path(__file__).parent


@pytest.mark.parametrize("module", ["e2e/test_deployment.py", "e2e/test_order_pipeline.py"])
def test_tests_of_one_deployment_share_a_worker(module: str) -> None:
    assert group_of(PurePath(module), ["order_run", "deployment"]) == "deployment"


def test_commands_that_start_clouds_of_their_own_run_anywhere() -> None:
    assert group_of(PurePath("e2e/test_clouds_of_commands.py"), ["project", "tmp_path"]) is None


def test_tests_that_read_the_templates_of_a_stage_share_a_worker() -> None:
    readers = [path for path in TESTS.rglob("test_*.py") if "\nfrom tests.snapshots.stages import" in path.read_text()]

    assert len(readers) > 1
    assert {group_of(reader.relative_to(TESTS), ["stage"]) for reader in readers} == {TEMPLATES}
    for stage in STAGES_APART:
        assert {group_of(reader.relative_to(TESTS), ["stage"], stage) for reader in readers} == {
            f"templates of {stage}"
        }


def test_tests_that_share_a_cloud_or_an_environment_share_a_worker() -> None:
    sources = [path.read_text() for path in TESTS.rglob("*.py")]
    made = {
        name
        for called in ("EmbeddedCloud.start", "shared_cloud", "_environment")
        for source in sources
        if f"{called}(" in source
        for name in fixtures_of_a_session_that_make(called, source)
    }

    assert {"deployment", "cloud", "full_environment"} <= made <= set(SHARED_FIXTURES)


def fixtures_of_a_session_that_make(called: str, source: str) -> Iterator[str]:
    """Names of the session's fixtures whose body calls `called`."""
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, ast.FunctionDef) and "scope='session'" in map(ast.unparse, keywords(function)):
            calls = (ast.unparse(call.func) for call in ast.walk(function) if isinstance(call, ast.Call))
            if called in calls:
                yield function.name


def keywords(function: ast.FunctionDef) -> list[ast.keyword]:
    return [each for made in function.decorator_list if isinstance(made, ast.Call) for each in made.keywords]


def test_tests_of_a_module_share_a_worker_as_their_fixtures_may_be_those_of_the_module() -> None:
    assert group_of(PurePath("integration/test_clients.py"), ["aws"]) == "integration/test_clients.py"


def test_the_deployment_begins_first_and_short_modules_last() -> None:
    begin = [
        turn_of(PurePath("e2e/test_deployment.py"), ["deployment"]),
        turn_of(PurePath("e2e/test_clouds_of_commands.py"), []),
        turn_of(PurePath("explorer/test_mutants.py"), []),
        turn_of(PurePath("integration/test_clients.py"), ["aws"]),
    ]

    assert begin == sorted(set(begin))


def test_workers_know_the_group_of_a_test(request: pytest.FixtureRequest) -> None:
    """Without this, each worker would deploy by itself: a new pytest once hid the groups from pytest-xdist."""
    in_a_worker = "PYTEST_XDIST_WORKER" in os.environ

    assert request.node.nodeid.endswith("@test_groups.py") is in_a_worker
