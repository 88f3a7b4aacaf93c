"""The contenders of `make bench-synth` make the same resources: else their ratio would say nothing."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from benchmarks.synth.__main__ import same_resources
from benchmarks.synth.process import synthesize

pytestmark = pytest.mark.slow  # two synths in fresh processes


def resources(template: dict[str, Any]) -> list[Any]:
    """The resources in the order of their types, each with its properties; ids are numbered in that order.

    The name of a zip file is left out: it is the hash of its bytes, and with us that of what is in it.
    """
    found = sorted(template["Resources"].items(), key=lambda entry: entry[1]["Type"])
    text = json.dumps([[each["Type"], each["Properties"], each.get("DeletionPolicy")] for _, each in found])
    for number, (logical_id, _) in enumerate(found):
        text = re.sub(rf"\b{logical_id}\b", f"#{number}", text)
    numbered: list[Any] = json.loads(re.sub(r"[0-9a-f]{64}\.zip", "asset.zip", text))
    return numbered


def test_both_make_the_same_resources_with_the_same_properties(tmp_path: Path) -> None:
    for contender in (contenders := same_resources(tmp_path)):
        synthesize(contender)
    ours, by_hand = (resources(json.loads((each.output / "Invoices.template.json").read_text())) for each in contenders)

    assert ours == by_hand
