import shlex

import pytest

from cdk_app.demo.errors import DemoError
from cdk_app.demo.flow import Flow, outputs_of
from cdk_app.demo.flows import FLOWS


def test_each_flow_has_a_name_of_its_own() -> None:
    names = [flow.name for flow in FLOWS]

    assert len(set(names)) == len(names) > 0


WITHOUT_THE_COMMAND = {"accept-now", "web-and-queue"}  # their requests are sent over HTTP


@pytest.mark.parametrize(
    "flow", [flow for flow in FLOWS if flow.name not in WITHOUT_THE_COMMAND], ids=lambda flow: str(flow.name)
)
def test_each_flow_has_examples_that_call_the_command(flow: Flow) -> None:
    assert flow.examples
    for line in flow.examples:
        assert "{tsunagu}" in shlex.split(line)


def test_app_without_the_stack_of_a_flow_gets_a_list_of_its_stacks() -> None:
    with pytest.raises(DemoError, match="the app must deploy the stack tsunagu-embedded-payments, got orders"):
        outputs_of({"orders": {}}, "tsunagu-embedded-payments")
