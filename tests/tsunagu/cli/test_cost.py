import json
from pathlib import Path

import pytest

from tests.tsunagu.cli.conftest import Tsunagu

KEY = {"Type": "AWS::KMS::Key"}
ALARM = {"Type": "AWS::CloudWatch::Alarm", "Properties": {"MetricName": "a"}}


def template(path: Path, **resources: object) -> str:
    path.write_text(json.dumps({"Resources": resources}))
    return str(path)


def test_what_changes_a_month_is_printed_line_by_line(tsunagu: Tsunagu, tmp_path: Path) -> None:
    old, new = template(tmp_path / "old.json", Key=KEY), template(tmp_path / "new.json", Key=KEY, Alarm=ALARM)

    result = tsunagu("cost", "diff", old, new)
    everything = tsunagu("cost", "diff", old, new, "--all")

    rows = [line.split() for line in result.out.splitlines()]
    assert (result.code, result.err) == (0, "")
    assert rows[1][-5:] == ["0", "0.00", "1", "0.10", "+0.10"]
    assert rows[2] == ["unchanged", "(1;", "--all)", "1.00", "1.00", "+0.00"]
    assert rows[3] == ["together", "1.00", "1.10", "+0.10"]
    assert "Left out:" in result.out
    assert everything.out.splitlines()[1].split()[-5:] == ["1", "1.00", "1", "1.00", "+0.00"]


def test_the_same_template_changes_nothing(tsunagu: Tsunagu, tmp_path: Path) -> None:
    path = template(tmp_path / "a.json", Key=KEY)

    result = tsunagu("cost", "diff", path, path, "--at-most", "0")

    assert result.code == 0
    assert "Nothing that is counted here changes." in result.out


def test_a_most_that_is_no_number_is_refused_and_holds_nothing_back(tsunagu: Tsunagu, tmp_path: Path) -> None:
    old, new = template(tmp_path / "old.json", Key=KEY), template(tmp_path / "new.json", Key=KEY, Alarm=ALARM)

    result = tsunagu("cost", "diff", old, new, "--at-most", "nan")

    assert (result.code, result.err) == (1, "error: --at-most must be a number of USD, got nan\n")


def test_rows_fit_a_terminal_of_80_columns(tsunagu: Tsunagu, tmp_path: Path) -> None:
    queue, function = {"Type": "AWS::SQS::Queue"}, {"Type": "AWS::Lambda::Function"}
    mapping = {"EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]}, "FunctionName": {"Ref": "Function"}}
    resources = {"Queue": queue, "Function": function, "Api": {"Type": "AWS::ApiGateway::RestApi"}, "Key": KEY}
    small, large = (
        {
            **resources,
            "Mapping": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": {**mapping, "BatchSize": size}},
        }
        for size in (1, 10)
    )
    old, new = template(tmp_path / "old.json", **small), template(tmp_path / "new.json", **large)

    result = tsunagu("cost", "diff", old, new, "--all", "--messages", "100000000", "--requests", "100000000")

    table = result.out.partition("\n\n")[0]
    assert "together" in table
    assert max(map(len, table.splitlines())) <= 80


@pytest.mark.parametrize(("at_most", "code"), [("0.05", 1), ("0.1", 0), ("1", 0)])
def test_a_pipeline_fails_when_a_month_costs_too_much_more(
    tsunagu: Tsunagu, tmp_path: Path, at_most: str, code: int
) -> None:
    old, new = template(tmp_path / "old.json", Key=KEY), template(tmp_path / "new.json", Key=KEY, Alarm=ALARM)

    result = tsunagu("cost", "diff", old, new, "--at-most", at_most)

    assert result.code == code
    assert "together" in result.out
    assert result.err == ("error: a month may cost at most 0.05 USD more, got 0.10 USD more\n" if code else "")


def test_json_has_the_lines_the_sum_and_what_was_assumed(tsunagu: Tsunagu, tmp_path: Path) -> None:
    old, new = template(tmp_path / "old.json", Key=KEY), template(tmp_path / "new.json", Key=KEY, Alarm=ALARM)

    document = json.loads(tsunagu("cost", "diff", old, new, "--json", "--messages", "5").out)

    assert document["difference_usd"] == pytest.approx(0.10)
    assert document["traffic"]["messages"] == 5
    assert {line["name"]: (line["old_units"], line["new_units"]) for line in document["lines"]} == {
        "kms.key": (1, 1),
        "cloudwatch.alarm": (0, 1),
    }


def test_sources_are_printed_when_asked_for(tsunagu: Tsunagu, tmp_path: Path) -> None:
    path = template(tmp_path / "a.json", Key=KEY)

    assert "kms.key: 1 USD for 1 keys, a month: " in tsunagu("cost", "diff", path, path, "--sources").out
    assert "kms.key: 1 USD" not in tsunagu("cost", "diff", path, path).out


def test_what_is_no_template_is_one_sentence(tsunagu: Tsunagu, tmp_path: Path) -> None:
    result = tsunagu("cost", "diff", str(tmp_path / "none.json"), str(tmp_path / "none.json"))

    assert result.code != 0
    assert result.err.startswith("error: ")
    assert result.err.count("\n") == 1


def test_negative_traffic_is_one_sentence(tsunagu: Tsunagu, tmp_path: Path) -> None:
    path = template(tmp_path / "a.json", Key=KEY)

    assert tsunagu("cost", "diff", path, path, "--messages", "-1").err == "error: messages must be 0 or more, got -1\n"
