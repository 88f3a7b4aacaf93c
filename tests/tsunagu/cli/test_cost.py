import json
from pathlib import Path

from tests.tsunagu.cli.conftest import Tsunagu

KEY = {"Type": "AWS::KMS::Key"}
ALARM = {"Type": "AWS::CloudWatch::Alarm", "Properties": {"MetricName": "a"}}


def template(path: Path, **resources: object) -> str:
    path.write_text(json.dumps({"Resources": resources}))
    return str(path)


def test_what_changes_a_month_is_printed_line_by_line(tsunagu: Tsunagu, tmp_path: Path) -> None:
    old, new = template(tmp_path / "old.json", Key=KEY), template(tmp_path / "new.json", Key=KEY, Alarm=ALARM)

    result = tsunagu("cost", "diff", old, new)

    rows = [line.split() for line in result.out.splitlines()]
    assert (result.code, result.err) == (0, "")
    assert rows[1][-5:] == ["1", "1.00", "1", "1.00", "+0.00"]
    assert rows[2][-5:] == ["0", "0.00", "1", "0.10", "+0.10"]
    assert rows[3] == ["together", "1.00", "1.10", "+0.10"]
    assert "Left out:" in result.out


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
