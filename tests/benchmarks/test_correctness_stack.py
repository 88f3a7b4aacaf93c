"""The stack of the correctness benchmark, which no other test synthesizes."""

import json
from pathlib import Path

from benchmarks.correctness.stack import CONTENDERS, STACK_NAME, synthesize_contenders


def test_stack_has_a_function_for_each_contender(tmp_path: Path) -> None:
    assembly = synthesize_contenders(tmp_path / "cdk.out")

    resources = json.loads((assembly / f"{STACK_NAME}.template.json").read_text())["Resources"].values()
    handlers = {
        each["Properties"]["Handler"].rsplit(".", 2)[-2]
        for each in resources
        if each["Type"] == "AWS::Lambda::Function"
    }
    assert handlers == {"handler", "plain_lock", "powertools"}
    assert len(CONTENDERS) == len(handlers)
