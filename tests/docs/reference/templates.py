"""What the pages say of a construct's template: resources, charges while it is idle, alarms and permissions."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Resources = Mapping[str, Mapping[str, Any]]

ALARM, COMPOSITE, KEY, DASHBOARD, ENDPOINT = (
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::KMS::Key",
    "AWS::CloudWatch::Dashboard",
    "AWS::EC2::VPCEndpoint",
)
POLICIES = ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
ROLE = "AWS::IAM::Role"
# List prices of us-east-1 in US cents a month, as docs/constructs/flow-dashboard.md explains them.
ALARM_METRIC_CENTS, COMPOSITE_CENTS, KEY_CENTS, DASHBOARD_CENTS = 10, 50, 100, 300
ENDPOINT_CENTS = 1460  # a cent an hour, in each of two zones, for 730 hours
_COMPARISONS = {
    "GreaterThanOrEqualToThreshold": "at least",
    "GreaterThanThreshold": "above",
    "LessThanThreshold": "below",
    "LessThanOrEqualToThreshold": "at most",
}
# Of metrics that are no counts.
UNITS = {"ApproximateAgeOfOldestMessage": " seconds", "ExecutionTime": " milliseconds"}


def resources_table(resources: Resources) -> str:
    """Return how many resources of each type there are, and what is charged while nothing happens."""
    counted = Counter(found["Type"] for found in resources.values())
    rows = [f"| `{kind}` | {number} |" for kind, number in sorted(counted.items())]
    return "\n".join(["| resource | number |", "|---|---|", *rows, "", _idle(resources)])


def _idle(resources: Resources) -> str:
    charged = [(word, number, number * each) for word, number, each in _charged(resources) if number]
    if not charged:
        return "Nothing is charged while nothing happens, but what is stored."
    parts = [f"{number} {word}{'' if number == 1 else 's'}" for word, number, _ in charged]
    dollars = sum(cents for _, _, cents in charged) / 100
    return (
        f"Charged while nothing happens: {', '.join(parts)}. That is {dollars:.2f} USD a month by the list price of "
        "us-east-1, and what is stored."
    )


def _charged(resources: Resources) -> list[tuple[str, int, int]]:
    kinds = Counter(found["Type"] for found in resources.values())
    metrics = sum(_metric_count(found["Properties"]) for found in resources.values() if found["Type"] == ALARM)
    return [
        ("KMS key", kinds[KEY], KEY_CENTS),
        ("alarm metric", metrics, ALARM_METRIC_CENTS),
        ("composite alarm", kinds[COMPOSITE], COMPOSITE_CENTS),
        ("dashboard", kinds[DASHBOARD], DASHBOARD_CENTS),
        ("interface endpoint in two zones", _interface_count(resources), ENDPOINT_CENTS),
    ]


def _interface_count(resources: Resources) -> int:
    found = (each["Properties"] for each in resources.values() if each["Type"] == ENDPOINT)
    return sum(each.get("VpcEndpointType") == "Interface" for each in found)


def _metric_count(alarm: Mapping[str, Any]) -> int:
    return sum("MetricStat" in metric for metric in alarm.get("Metrics", [])) or 1


def alarms_table(resources: Resources, paths: Mapping[str, str]) -> str:
    """Return the alarms, with what they watch, and when they are raised. Equal alarms of several parts are one row."""
    parts: dict[tuple[str, str, str], list[str]] = {}
    for name, found in resources.items():
        if found["Type"] == ALARM:
            part, _, alarm = paths[name].rpartition("/")
            row = (alarm, _watched(found["Properties"]), _raised(found["Properties"]))
            parts.setdefault(row, []).append(part)
    if not parts:
        return "This construct makes no alarm by itself."
    rows = [f"| `{row[0]}` | {_codes(parts[row]) or 'itself'} | {row[1]} | {row[2]} |" for row in sorted(parts)]
    return "\n".join(["| alarm | of | metric | raised when it is |", "|---|---|---|---|", *rows])


def _watched(alarm: Mapping[str, Any]) -> str:
    if "MetricName" in alarm:
        return _metric(alarm)
    stats = [metric["MetricStat"]["Metric"] for metric in alarm["Metrics"] if "MetricStat" in metric]
    return ", ".join(dict.fromkeys(_metric(stat) for stat in stats))


def _metric(metric: Mapping[str, Any]) -> str:
    namespace = metric["Namespace"] if isinstance(metric["Namespace"], str) else "of its own"
    return f"`{metric['MetricName']}` ({namespace})"


def _raised(alarm: Mapping[str, Any]) -> str:
    comparison = _COMPARISONS[alarm["ComparisonOperator"]]
    periods, points = alarm["EvaluationPeriods"], alarm.get("DatapointsToAlarm", alarm["EvaluationPeriods"])
    often = f"{points} of {periods} periods" if periods > 1 else "one period"
    missing = ", or is missing" if alarm.get("TreatMissingData") == "breaching" else ""
    unit = UNITS.get(alarm.get("MetricName", ""), "")
    return f"{comparison} {alarm['Threshold']:,}{unit} in {often} of {_seconds(_period(alarm))}{missing}"


def _period(alarm: Mapping[str, Any]) -> int:
    if "Period" in alarm:
        return int(alarm["Period"])
    periods = [metric["MetricStat"]["Period"] for metric in alarm["Metrics"] if "MetricStat" in metric]
    return int(max(periods))


def _seconds(number: int) -> str:
    if number % 60:
        return f"{number} seconds"
    return f"{number // 60} minute{'s' if number > 60 else ''}"


def permissions_table(every_resource: Resources, paths: Mapping[str, str]) -> str:
    """Return what each new role is granted: a permissions boundary must allow it, too."""
    roles = {name: path for name, path in paths.items() if every_resource[name]["Type"] == ROLE}
    granted: dict[str, set[str]] = {}
    for owner, statement in _statements(every_resource):
        if owner in roles:
            granted.setdefault(roles[owner], set()).update(_strings(statement["Action"]))
    if not granted:
        return "This construct makes no role by itself."
    owners: dict[str, list[str]] = {}
    for role, actions in granted.items():
        owners.setdefault(_codes(sorted(actions)), []).append(role)
    rows = sorted(f"| {_codes(sorted(owners[actions]))} | {actions} |" for actions in owners)
    return "\n".join(["| role | actions |", "|---|---|", *rows])


def _statements(resources: Resources) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each statement of an identity policy with the logical id of the role that has it."""
    for name, found in resources.items():
        properties = found.get("Properties", {})
        if found["Type"] in POLICIES:
            for role in properties.get("Roles", []):
                yield from ((role.get("Ref", ""), each) for each in properties["PolicyDocument"]["Statement"])
        elif found["Type"] == ROLE:
            for policy in properties.get("Policies", []):
                yield from ((name, each) for each in policy["PolicyDocument"]["Statement"])


def _strings(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [str(each) for each in value]


def _codes(texts: Iterable[str]) -> str:
    return ", ".join(f"`{text}`" for text in texts if text)
