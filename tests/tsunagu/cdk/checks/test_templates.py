"""Templates in every form, and the references of one to another."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tsunagu.cdk.checks.sound import SOUND, Resources, findings, found_in
from tsunagu.cdk.checks import MessagingChecks
from tsunagu.templates.references import Document
from tsunagu.templates.template import Template

PLACES = sorted((logical_id, name) for logical_id, found in SOUND.items() for name in found["Properties"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.sampled_from([{"Ref": "Orders"}, "*"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Ref", "Fn::GetAtt", "Fn::If", "Fn::Sub", "Fn::Join", "Arn", "Rules"]), inner
        )
    ),
    max_leaves=8,
)


@settings(max_examples=50)
@given(st.sampled_from(PLACES), json_values)
def test_no_value_of_a_property_crashes_the_checks(place: tuple[str, str], value: Any) -> None:
    resources = copy.deepcopy(SOUND)
    resources[place[0]]["Properties"][place[1]] = value

    findings(resources)


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from(["Resources", "Outputs", "Parameters", "Conditions", "Rules"]), json_values))
def test_no_section_of_a_template_crashes_the_checks(document: dict[str, Any]) -> None:
    found_in(Template.parse(document))


def test_resources_of_a_macro_are_left_out() -> None:
    loop = {"Fn::ForEach::Queues": ["Name", ["A"], {"Queue${Name}": {"Type": "AWS::SQS::Queue"}}]}

    assert findings({**SOUND, **loop, "Broken": {"Properties": {}}}) == set()


def depends(value: Any, other: Any) -> dict[str, Any]:
    return {"Fn::If": ["IsProd", value, other]}


@pytest.mark.parametrize(
    ("logical_id", "name", "value"),
    [
        ("Mapping", "FunctionResponseTypes", {"Ref": "Types"}),
        ("Mapping", "FunctionResponseTypes", depends(["ReportBatchItemFailures"], [])),
        ("Mapping", "FilterCriteria", {"Ref": "AWS::NoValue"}),
        ("Mapping", "FilterCriteria", depends({"Filters": []}, {"Ref": "AWS::NoValue"})),
        ("Mapping", "FunctionName", {"Fn::Sub": "${Function.Arn}"}),
        ("Mapping", "EventSourceArn", {"Fn::GetAtt": "Orders.Arn"}),
        ("Subscription", "Endpoint", {"Fn::Sub": "${Orders.Arn}"}),
        ("Items", "DeletionProtectionEnabled", depends(True, False)),  # noqa: FBT003 - as a template has it
        ("Items", "TimeToLiveSpecification", depends({"AttributeName": "expiration", "Enabled": True}, {})),
        ("Items", "TimeToLiveSpecification", {"AttributeName": {"Ref": "Ttl"}, "Enabled": True}),
        ("Nightly", "Target", depends(SOUND["Nightly"]["Properties"]["Target"], {"Ref": "Other"})),
        ("Alarm", "AlarmActions", {"Ref": "Topics"}),
        ("Alarm", "AlarmActions", depends([{"Ref": "Topic"}], [{"Ref": "Other"}])),
        ("OrdersPolicy", "Queues", depends([{"Ref": "Orders"}, {"Ref": "Undelivered"}], [])),
        ("OrdersPolicy", "Queues", {"Ref": "QueueUrls"}),
    ],
)
def test_what_only_the_deployment_knows_breaks_no_rule(logical_id: str, name: str, value: Any) -> None:
    resources = copy.deepcopy(SOUND)
    resources[logical_id]["Properties"][name] = value

    assert findings(resources) == set()


def test_function_behind_an_alias_is_the_consumer() -> None:
    resources = copy.deepcopy(SOUND)
    resources["Live"] = {"Type": "AWS::Lambda::Alias", "Properties": {"FunctionName": {"Ref": "Function"}}}
    resources["Mapping"]["Properties"]["FunctionName"] = {"Ref": "Live"}
    resources["Function"]["Properties"]["Timeout"] = 11

    assert findings(resources) == {("QueueVisibility", "Orders")}


def metric(name: str = "ApproximateNumberOfMessagesVisible", queue: str = "DeadOrders", **more: Any) -> dict[str, Any]:
    dimension = {"Name": "QueueName", "Value": {"Fn::GetAtt": [queue, "QueueName"]}}
    return {"Namespace": "AWS/SQS", "MetricName": name, "Dimensions": [dimension], **more}


def query(**found: Any) -> dict[str, Any]:
    return {"Id": "m1", "MetricStat": {"Metric": metric(**found), "Period": 60, "Stat": "Maximum"}}


QUERY = 'SELECT MAX(ApproximateNumberOfMessagesVisible) FROM SCHEMA("AWS/SQS", QueueName) GROUP BY QueueName'


@pytest.mark.parametrize(
    "alarm",
    [
        {"Metrics": [query(), {"Id": "e1", "Expression": "m1 + 0"}]},
        {"Metrics": [{"Id": "e1", "Expression": "m1"}, query(name="ApproximateAgeOfOldestMessage")]},
        {"Metrics": depends([query()], [query(name="NumberOfMessagesSent")])},
        {"Metrics": [{"Id": "q1", "Expression": QUERY}]},
        metric(name="ApproximateAgeOfOldestMessage"),
    ],
)
def test_alarm_by_metric_math_watches_the_dead_letters(alarm: dict[str, Any]) -> None:
    resources = copy.deepcopy(SOUND)
    resources["Alarm"]["Properties"] = {"AlarmActions": [{"Ref": "Topic"}], **alarm}

    assert findings(resources) == set()


@pytest.mark.parametrize(
    "alarm",
    [
        {"Metrics": [query(queue="Orders")]},
        {"Metrics": [query(name="NumberOfMessagesSent")]},
        {"Metrics": [{"Id": "q1", "Expression": QUERY.replace(" GROUP BY", " WHERE QueueName = 'other' GROUP BY")}]},
        {"Metrics": [{"Id": "e1", "Expression": "1"}]},
        metric(Namespace="Orders"),
    ],
)
def test_alarm_by_metric_math_on_something_else_watches_nothing(alarm: dict[str, Any]) -> None:
    resources = copy.deepcopy(SOUND)
    resources["Alarm"]["Properties"] = {"AlarmActions": [{"Ref": "Topic"}], **alarm}

    assert findings(resources) == {("DeadLetterAlarm", "DeadOrders")}


@pytest.mark.parametrize(
    "rule",
    [
        {"Fn::Sub": 'ALARM("${Alarm}") OR FALSE'},
        {"Fn::Join": ["", ["ALARM(", {"Fn::GetAtt": ["Alarm", "Arn"]}, ")"]]},
        "ALARM(dead-orders)",
    ],
)
def test_composite_alarm_notifies_for_its_alarms(rule: Any) -> None:
    resources = copy.deepcopy(SOUND)
    resources["Alarm"]["Properties"].pop("AlarmActions")
    resources["Alarm"]["Properties"]["AlarmName"] = "dead-orders"
    composite = {"AlarmRule": rule, "AlarmActions": [{"Ref": "Topic"}]}
    resources["All"] = {"Type": "AWS::CloudWatch::CompositeAlarm", "Properties": composite}
    silent = copy.deepcopy(resources)
    silent["All"]["Properties"].pop("AlarmActions")

    assert findings(resources) == set()
    assert findings(silent) == {("DeadLetterAlarm", "DeadOrders")}


# What stands in a second template beside the queue, and what refers to it there.
APART = ["Alarm", "UndeliveredAlarm", "Subscription", "Mapping", "Function", "OrdersPolicy"]
GIVEN = {
    "DeadOrders": {"Fn::GetAtt": ["DeadOrders", "QueueName"]},
    "Undelivered": {"Fn::GetAtt": ["Undelivered", "Arn"]},
    "UndeliveredUrl": {"Ref": "Undelivered"},
    "UndeliveredName": {"Fn::GetAtt": ["Undelivered", "QueueName"]},
    "Orders": {"Fn::GetAtt": ["Orders", "Arn"]},
    "OrdersUrl": {"Ref": "Orders"},
    "Topic": {"Ref": "Topic"},
    "Items": {"Ref": "Items"},
    "Claims": {"Ref": "Claims"},
}


def moved(value: Any, refer: Any) -> Any:
    """Return a value, with `refer(name)` in place of each reference that `GIVEN` names."""
    for name, reference in GIVEN.items():
        if value == reference:
            return refer(name)
    if isinstance(value, list):
        return [moved(entry, refer) for entry in value]
    return {key: moved(entry, refer) for key, entry in value.items()} if isinstance(value, dict) else value


def apart(refer: Any) -> tuple[Resources, Resources]:
    """Split the sound template into two: what has the queues, and what uses them."""
    used = {name: found for name, found in SOUND.items() if name in APART}
    return {name: found for name, found in SOUND.items() if name not in APART}, moved(copy.deepcopy(used), refer)


def by_export() -> list[Document]:
    first, second = apart(lambda name: {"Fn::ImportValue": {"Fn::Sub": f"queues-{name}"}})
    outputs = {
        name: {"Value": value, "Export": {"Name": {"Fn::Join": ["-", [{"Ref": "AWS::StackName"}, name]]}}}
        for name, value in GIVEN.items()
    }
    return [
        Document(path="a", body={"Resources": second}, stack_name="consumers"),
        Document(path="b", body={"Resources": first, "Outputs": outputs}, stack_name="queues"),
    ]


def by_output() -> list[Document]:
    first, second = apart(
        lambda name: {
            "Fn::GetStackOutput": {"StackName": "queues", "OutputName": name, "Region": {"Ref": "AWS::Region"}}
        }
    )
    outputs = {name: {"Value": value} for name, value in GIVEN.items()}
    return [
        Document(path="a", body={"Resources": second}, stack_name="consumers"),
        Document(path="b", body={"Resources": first, "Outputs": outputs}, stack_name="queues"),
    ]


def in_a_nested_stack() -> list[Document]:
    """The users are in a nested stack, and get the queues as parameters."""
    first, second = apart(lambda name: {"Ref": f"Given{name}"})
    stack = {"Parameters": {f"Given{name}": value for name, value in GIVEN.items()}}
    resources = {**first, "Users": {"Type": "AWS::CloudFormation::Stack", "Properties": stack}}
    return [
        Document(path="a", body={"Resources": resources}, stack_name="all", nested={"Users": "b"}),
        Document(path="b", body={"Resources": second}),
    ]


def of_a_nested_stack() -> list[Document]:
    """The queues are in a nested stack, and the users take its outputs."""
    first, second = apart(lambda name: {"Fn::GetAtt": ["Queues", f"Outputs.{name}"]})
    resources = {**second, "Queues": {"Type": "AWS::CloudFormation::Stack", "Properties": {}}}
    outputs = {name: {"Value": value} for name, value in GIVEN.items()}
    return [
        Document(path="a", body={"Resources": resources}, stack_name="all", nested={"Queues": "b"}),
        Document(path="b", body={"Resources": first, "Outputs": outputs}),
    ]


PARTS = [by_export, by_output, in_a_nested_stack, of_a_nested_stack]


@pytest.mark.parametrize("parts", PARTS)
def test_sound_template_in_parts_breaks_no_rule(parts: Any) -> None:
    assert found_in(Template.link(parts())) == set()


@pytest.mark.parametrize("parts", PARTS)
@pytest.mark.parametrize(
    ("logical_id", "name", "finding"),
    [
        ("Alarm", "AlarmActions", ("DeadLetterAlarm", "DeadOrders")),
        ("OrdersPolicy", "Queues", ("QueuePolicyService", "Orders")),
        ("Orders", "VisibilityTimeout", ("QueueVisibility", "Orders")),
        ("Items", "TimeToLiveSpecification", ("IdempotencyTtl", "Items")),
    ],
)
def test_what_no_part_has_is_found(parts: Any, logical_id: str, name: str, finding: tuple[str, str]) -> None:
    documents = parts()
    [owner] = [found.body["Resources"] for found in documents if logical_id in found.body["Resources"]]
    owner[logical_id] = copy.deepcopy(owner[logical_id])
    owner[logical_id]["Properties"].pop(name)

    assert finding in found_in(Template.link(documents))


@pytest.mark.parametrize(
    "dimension",
    [
        "dead-orders",
        {"Fn::Select": [5, {"Fn::Split": [":", {"Fn::ImportValue": "dead"}]}]},
        {"Fn::Select": [5, {"Fn::Split": [":", "arn:aws:sqs:eu-west-1:123456789012:dead-orders"]}]},
        {"Fn::Select": [5, {"Fn::Split": [":", {"Fn::Sub": "arn:aws:sqs:eu-west-1:${AWS::AccountId}:dead-orders"}]}]},
    ],
)
def test_alarm_in_another_template_names_the_queue_by_its_name_or_arn(dimension: Any) -> None:
    resources = copy.deepcopy(SOUND)
    alarm = resources.pop("Alarm")
    alarm["Properties"]["Dimensions"][0]["Value"] = dimension
    resources["DeadOrders"]["Properties"]["QueueName"] = "dead-orders"
    outputs = {"Dead": {"Value": {"Fn::GetAtt": ["DeadOrders", "Arn"]}, "Export": {"Name": "dead"}}}
    topic = {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {}}}

    found = found_in(
        Template.link(
            [
                Document(path="a", body={"Resources": resources, "Outputs": outputs}),
                Document(path="b", body={"Resources": {"Alarm": alarm, **topic}}),
            ]
        )
    )

    assert found == {("FixedName", "DeadOrders")}


def test_same_logical_id_in_two_templates_is_two_resources() -> None:
    silent = copy.deepcopy(SOUND)
    silent["Alarm"]["Properties"].pop("AlarmActions")

    documents = [Document(path=path, body={"Resources": found}) for path, found in {"a": SOUND, "b": silent}.items()]
    template = Template.link(documents)

    rules = MessagingChecks(protect=True).rules
    [finding] = [finding for rule in rules for finding in rule.find(template)]
    assert (finding.resource.template_path, finding.resource.logical_id) == ("b", "DeadOrders")


def test_export_of_two_stages_is_that_of_the_same_stage() -> None:
    documents = [
        Document(path=f"{stage}/{found.path}", body=found.body, stack_name=found.stack_name)
        for stage in ("dev", "prod")
        for found in by_export()
    ]

    assert found_in(Template.link(documents)) == set()


def test_references_in_a_circle_end() -> None:
    first = {"Outputs": {"A": {"Value": {"Fn::ImportValue": "b"}, "Export": {"Name": "a"}}}}
    second = {"Outputs": {"B": {"Value": {"Fn::ImportValue": "a"}, "Export": {"Name": "b"}}}}
    alarm = copy.deepcopy(SOUND["Alarm"])
    alarm["Properties"]["Dimensions"][0]["Value"] = {"Fn::ImportValue": "a"}

    documents = [Document(path="a", body=first), Document(path="b", body=second)]
    assert found_in(Template.link([*documents, Document(path="c", body={"Resources": {"Alarm": alarm}})])) == set()
