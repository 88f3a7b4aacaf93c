from pathlib import PurePath

import pytest

from tests.groups import group_of, turn_of


@pytest.mark.parametrize("module", ["e2e/test_deployment.py", "e2e/test_order_pipeline.py"])
def test_tests_of_one_deployment_share_a_worker(module: str) -> None:
    assert group_of(PurePath(module), ["order_run", "deployment"]) == "deployment"


def test_commands_that_start_clouds_of_their_own_run_anywhere() -> None:
    assert group_of(PurePath("e2e/test_clouds_of_commands.py"), ["project", "tmp_path"]) is None


def test_tests_that_read_the_templates_of_every_stage_share_a_worker() -> None:
    readers = (
        "snapshots/test_templates.py",
        "cdk_app/stacks/test_payments.py",
        "tsunagu/cdk/checks/test_rules_on_a_stack.py",
    )

    assert len({group_of(PurePath(reader), ["stage"]) for reader in readers}) == 1


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
