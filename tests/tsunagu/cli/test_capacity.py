import json
from pathlib import Path

from tests.tsunagu.cli.conftest import Tsunagu

MAPPING = {"EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]}, "FunctionName": {"Ref": "Function"}, "BatchSize": 10}
RESOURCES = {
    "Queue": {"Type": "AWS::SQS::Queue"},
    "Function": {"Type": "AWS::Lambda::Function", "Properties": {"ReservedConcurrentExecutions": 5, "Timeout": 1}},
    "Mapping": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": MAPPING},
}


def test_the_capacity_of_each_receiver_is_printed(tsunagu: Tsunagu, tmp_path: Path) -> None:
    path = tmp_path / "template.json"
    path.write_text(json.dumps({"Resources": RESOURCES}))

    result = tsunagu("capacity", str(path), "--milliseconds", "198", "--messages", "500")

    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == [
        "Function",
        "  at most 25 messages a second: 5 invocations of its mapping or function",
        "  next 5,000: 1,000 invocations of the account",
        "  takes 5 invocations of 2.00 s at the same time",
        "  500 messages are done after 20 s",
        "  a full batch takes longer than the time-out of 1 s: give it a smaller batch",
    ]


def test_a_template_without_a_queue_is_one_sentence(tsunagu: Tsunagu, tmp_path: Path) -> None:
    path = tmp_path / "template.json"
    path.write_text(json.dumps({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}))

    result = tsunagu("capacity", str(path), "--milliseconds", "10")

    assert result.code == 1
    assert result.err == f"error: {path} must have a function with a queue, got none\n"
